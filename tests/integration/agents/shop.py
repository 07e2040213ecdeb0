"""A small service to investigate: a git repository, logs, a deploy log, tests, and a deploy command."""

import contextlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from incidents.catalog import Environment, Service, Tests

PRICING = "shop/pricing.py"
GOOD = "def total(cart):\n    return cart.get('currency', 'EUR')\n"
BAD = "def total(cart):\n    return cart['currency']\n"
TEST = """import unittest
from shop import pricing


class OldCarts(unittest.TestCase):
    def test_old_cart_has_a_price(self):
        self.assertEqual(pricing.total({}), 'EUR')
"""
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/shop/pricing.py", line 2, in total
    return cart['currency']
KeyError: 'currency'"""
_DEPLOY = """import json, pathlib, sys
commit, log, now = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
past = [json.loads(line) for line in log.read_text().splitlines()]
release = commit if commit.isdigit() else str(max(int(each["release"]) for each in past) + 1)
full = next((each["commit"] for each in past if each["release"] == release), commit)
with log.open("a") as file:
    file.write(json.dumps({"at": now, "release": release, "commit": full, "environment": "production"}) + "\\n")
print(json.dumps({"release": release, "commit": full}))
"""


class Shop:
    """Build it commit by commit; times count back from now."""

    def __init__(self, root: Path) -> None:
        self.repository = root / "shop"
        self.logs = root / "shop.log"
        self.deploys = root / "deploys.jsonl"
        self.script = root / "deploy.py"
        self.now = datetime.now(UTC)
        self.repository.mkdir(parents=True)
        self.script.write_text(_DEPLOY)
        self.logs.write_text("")
        self.deploys.write_text("")
        self.git("init", "--quiet", "--initial-branch=main")

    @classmethod
    def at(cls, repository: Path) -> "Shop":
        """Return the one that was built around `repository` before, for more to be done there."""
        shop = cls.__new__(cls)
        shop.repository = repository
        return shop

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run git and return what it wrote."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Dee",
            "GIT_AUTHOR_EMAIL": "dee@example.com",
            "GIT_COMMITTER_NAME": "Dee",
            "GIT_COMMITTER_EMAIL": "dee@example.com",
        }
        argv = ["git", *arguments]
        done = subprocess.run(argv, cwd=cwd or self.repository, env=environment, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self, subject: str, files: dict[str, str]) -> str:
        """Write `files`, commit them, and return the hash."""
        for name, text in files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def solve(self, branch: str, files: dict[str, str]) -> None:
        """Rebase `branch` onto main by hand, where it conflicts in `files`."""
        self.git("switch", "--quiet", branch)
        with contextlib.suppress(subprocess.CalledProcessError):
            self.git("rebase", "--quiet", "main")
        for name, text in files.items():
            (self.repository / name).write_text(text)
        self.git("add", *files)
        self.git("-c", "core.editor=true", "rebase", "--continue")
        self.git("switch", "--quiet", "main")

    def released(self, release: str, commit: str, *, minutes_ago: float) -> None:
        """Note a deploy to production."""
        at = self.now - timedelta(minutes=minutes_ago)
        line = {"at": at.isoformat(), "release": release, "commit": commit, "environment": "production"}
        with self.deploys.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def logged(self, message: str, *, minutes_ago: float, times: int = 1, level: str = "INFO") -> None:
        """Write `message`, which may go over several lines, into the log."""
        at = self.now - timedelta(minutes=minutes_ago)
        with self.logs.open("a") as file:
            for number in range(times):
                stamp = f"{at + timedelta(seconds=number):%Y-%m-%d %H:%M:%S},000"
                file.write(f"{stamp} {level} {message}\n")

    def broken(self, **with_it: str) -> tuple[str, str]:
        """Make the usual history: release 1 is good, release 2 fails for old carts; return their commits."""
        self.commit("Begin", {"shop/__init__.py": "", "tests/__init__.py": "", "tests/test_carts.py": TEST, **with_it})
        good = self.commit("Price carts", {PRICING: GOOD})
        bad = self.commit("Read the currency directly", {PRICING: BAD})
        self.released("1", good, minutes_ago=60)
        self.released("2", bad, minutes_ago=10)
        self.logged("GET /price 200", minutes_ago=50, times=20)
        self.logged(f"unhandled\n{TRACEBACK}", minutes_ago=9, times=12, level="ERROR")
        return good, bad

    def service(self, **changes: Any) -> Service:
        """Return it as the catalogue describes it."""
        described: dict[str, Any] = {
            "key": "shop",
            "title": "Shop",
            "repository": str(self.repository),
            "logs": (str(self.logs),),
            "deploys": str(self.deploys),
            "production": self.production(),
            "tests": Tests(command=(sys.executable, "-m", "unittest", "discover", "-v", "-s", "tests", "-t", ".")),
        }
        return Service(**{**described, **changes})

    def production(self, **changes: Any) -> Environment:
        """Return its production, without addresses unless given."""
        command = (sys.executable, str(self.script))
        now = self.now.isoformat()
        described: dict[str, Any] = {
            "deploy": (*command, "{commit}", str(self.deploys), now),
            "rollback": (*command, "{release}", str(self.deploys), now),
            "watch": timedelta(seconds=0.3),
        }
        return Environment(**{**described, **changes})
