"""Builds the demo service's repository, with a history that ends shortly before now."""

import asyncio
import json
import os
import re
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from pathlib import Path

import templates
from incidents import durations
from incidents.errors import ToolFailed
from incidents.tools import processes

SOURCES = Path(templates.__file__).parent / "demo" / "service"
_TIMEOUT = timedelta(seconds=30)
_FROM = re.compile(r"^From: (.*)$", re.MULTILINE)
_AGE = re.compile(r"^Age: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Release:
    """A deploy of the past."""

    at: datetime  #: UTC
    release: str
    commit: str  #: full hash
    environment: str
    by: str

    def line(self) -> str:
        """Return the deploy log's line."""
        at = self.at.isoformat(timespec="seconds")
        fields = {"at": at, "release": self.release, "commit": self.commit}
        return json.dumps({**fields, "environment": self.environment, "by": self.by})


@dataclass(frozen=True)
class Built:
    """The repository, as it was built."""

    path: Path
    commits: tuple[str, ...]  #: full hashes, oldest first
    releases: tuple[Release, ...]  #: oldest first; the last ran well

    @property
    def good(self) -> str:
        """Return the commit of the last release that ran well."""
        return self.releases[-1].commit

    @property
    def bad(self) -> str:
        """Return the newest commit, whose release fails."""
        return self.commits[-1]


async def build(path: Path, now: datetime) -> Built:
    """Make the repository at `path` anew, with dates counted back from `now` (UTC).

    Raises:
        ToolFailed: when git is missing or cannot write there.
    """
    await asyncio.to_thread(shutil.rmtree, path, True)
    await asyncio.to_thread(path.mkdir, parents=True)
    await _git(path, "init", "--quiet", "--initial-branch=main")
    patches = await asyncio.to_thread(lambda: [file.read_text() for file in sorted(SOURCES.glob("history/*.patch"))])
    commits = []
    for patch in patches:
        author = _AGE.search(patch), _FROM.search(patch)
        if not (author[0] and author[1]):
            raise ToolFailed("A patch of the demo's history lacks `From:` or `Age:`.", remedy="Restore templates/demo.")
        name, mail = parseaddr(author[1][1])
        at = moment(author[0][1], now).strftime("%a, %d %b %Y %H:%M:%S +0000")
        dated = _AGE.sub(f"Date: {at}", patch, count=1)
        committer = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail}
        await _git(path, "am", "--quiet", "--committer-date-is-author-date", stdin=dated.encode(), **committer)
        commits.append((await _git(path, "rev-parse", "HEAD")).strip())
    listed = json.loads(await asyncio.to_thread((SOURCES / "releases.json").read_text))
    releases = [
        Release(moment(r["age"], now), r["release"], commits[r["patch"] - 1], r["environment"], r["by"]) for r in listed
    ]
    return Built(path, tuple(commits), tuple(releases))


def moment(age: str, now: datetime) -> datetime:
    """Return the time that `age` says: `3h10m` ago, or `64d 10:20`, that many days ago at that time of day."""
    ago, _, clock = age.partition(" ")
    at = now - durations.parse(ago)
    if not clock:
        return at
    hour, minute = clock.split(":")
    return at.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)


async def _git(path: Path, *arguments: str, stdin: bytes | None = None, **environment: str) -> str:
    fixed = {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "Sitrep demo",
        "GIT_AUTHOR_EMAIL": "demo@shop.example",
        "GIT_COMMITTER_NAME": "Sitrep demo",
        "GIT_COMMITTER_EMAIL": "demo@shop.example",
    }
    argv = ("git", *arguments)
    done = await processes.run(argv, cwd=path, env={**fixed, **environment}, timeout=_TIMEOUT, stdin=stdin)
    if not done.ok:
        raise ToolFailed(
            f"Building the demo's repository failed: {done.output.strip()[-200:]}.",
            remedy="Check that git works and that the disk has room.",
        )
    return done.stdout
