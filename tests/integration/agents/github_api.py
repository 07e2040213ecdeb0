"""A stand-in for GitHub's REST API on loopback, over real bare repositories; answers what the endpoints used answer."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

TOKEN = "ghp_" + "s3cret" * 6


class GitHubApi:
    """One repository `acme/shop`, and its fork `bot/shop` once somebody forks it."""

    def __init__(self, server: HTTPServer, bare: Path, *, may_push: bool = True) -> None:
        self.url = server.url_for("/api")
        self.bare = bare
        self.fork = bare.with_name("fork.git")
        self.may_push = may_push
        self.pulls: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.reviews: list[dict[str, Any]] = []
        self.mergeable: bool | None = True
        self.asked: list[str] = []
        self.loses_the_answer = False  # of what takes effect
        self.done: list[str] = []  #: what took effect: `opened 1`, `merged 1`
        #: Hears of each call before anything comes of it (`GET pulls`), and of what took effect before it is answered.
        self.hears: Callable[[str], object] = lambda word: None
        server.expect_request(re.compile("/api/.*")).respond_with_handler(self._respond)

    def _respond(self, request: Request) -> Response:
        path = request.path.removeprefix("/api")
        self.asked.append(f"{request.method} {path}")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _answer({"message": "Bad credentials"}, 401)
        body = json.loads(request.get_data() or b"{}")
        parts = path.removeprefix("/repos/acme/shop").split("/")[1:]
        self.hears(f"{request.method} {'/'.join(parts)}")
        if parts[:1] == ["pulls"]:
            return self._of_pulls(request, parts[1:], body)
        match request.method, parts:
            case "GET", []:
                return _answer(self._described("acme", self.bare, push=self.may_push))
            case "POST", ["forks"]:
                if not self.fork.exists():
                    _git("clone", "--quiet", "--bare", str(self.bare), str(self.fork), cwd=self.bare.parent)
                return _answer(self._described("bot", self.fork, push=True), 202)
            case "GET", ["commits", _, "check-runs"]:
                return _answer({"check_runs": self.checks})
            case "GET", ["commits", _, "status"]:
                return _answer({"statuses": []})
        return _answer({"message": "Not Found"}, 404)

    def _of_pulls(self, request: Request, parts: list[str], body: dict[str, Any]) -> Response:
        match request.method, parts:
            case "GET", []:
                owner, _, branch = str(request.args["head"]).partition(":")
                found = [each for each in self.pulls if (each["owner"], each["head"]["ref"]) == (owner, branch)]
                return _answer(found[-1:])
            case "POST", []:
                opened = self._open(body)
                return self._told(f"opened {opened['number']}", opened, 201)
            case "GET", [number]:
                return _answer({**self._now(int(number)), "mergeable": self.mergeable})
            case "GET", [_, "reviews"]:
                return _answer(self.reviews)
            case "PUT", [number, "merge"]:
                return self._merge(self._now(int(number)), body)
        return _answer({"message": "Not Found"}, 404)

    def _described(self, owner: str, bare: Path, *, push: bool) -> dict[str, Any]:
        return {"full_name": f"{owner}/shop", "clone_url": f"file://{bare}", "permissions": {"push": push}}

    def _open(self, body: dict[str, Any]) -> dict[str, Any]:
        owner, _, branch = body["head"].rpartition(":")
        pull = {
            "number": len(self.pulls) + 1,
            "html_url": f"https://github.example/acme/shop/pull/{len(self.pulls) + 1}",
            "state": "open",
            "merged": False,
            "owner": owner or "acme",
            "head": {"ref": branch, "sha": ""},
            "base": {"ref": body["base"], "sha": ""},
            "title": body["title"],
            "body": body["body"],
        }
        self.pulls.append(pull)
        return self._now(pull["number"])

    def _now(self, number: int) -> dict[str, Any]:
        pull = self.pulls[number - 1]
        where = self.fork if pull["owner"] == "bot" else self.bare
        if not pull["merged"]:
            pull["head"]["sha"] = _git("rev-parse", f"refs/heads/{pull['head']['ref']}", cwd=where)
        return pull

    def _merge(self, pull: dict[str, Any], body: dict[str, Any]) -> Response:
        if body["sha"] != pull["head"]["sha"]:
            return _answer({"message": "Head branch was modified."}, 409)
        pull |= {"merged": True, "state": "closed", "merge_commit_sha": "f" * 40}
        return self._told(f"merged {pull['number']}", {"sha": "f" * 40, "merged": True}, 200)

    def _told(self, done: str, body: dict[str, Any], status: int) -> Response:
        """Answer what took effect, or lose the answer."""
        self.done.append(done)
        self.hears(done.split()[0])
        return _answer({"message": "Server Error"}, 502) if self.loses_the_answer else _answer(body, status)


def _answer(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, content_type="application/json")


def _git(*arguments: str, cwd: Path) -> str:
    return subprocess.run(("git", *arguments), cwd=cwd, capture_output=True, check=True, text=True).stdout.strip()
