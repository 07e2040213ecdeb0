"""Real git repositories, made by the tests."""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DATE = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Workshop:
    """A repository that grows commit by commit."""

    path: Path
    commits: int = 0

    def git(self, *arguments: str) -> str:
        stamp = f"{int(DATE.timestamp()) + self.commits} +0000"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ana",
            "GIT_AUTHOR_EMAIL": "ana@shop.example",
            "GIT_COMMITTER_NAME": "Ana",
            "GIT_COMMITTER_EMAIL": "ana@shop.example",
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_DATE": stamp,
        }
        done = subprocess.run(
            ("git", *arguments), cwd=self.path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, subject: str, **files: str | None) -> str:
        """Commit `files`, written `shop__cart_py` for shop/cart.py, None to delete; returns the full hash."""
        return self.commit_files(subject, {_path(name): text for name, text in files.items()})

    def commit_files(self, subject: str, files: dict[str, str | None]) -> str:
        self.commits += 1
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def make(path: Path) -> Workshop:
    path.mkdir(parents=True)
    workshop = Workshop(path)
    workshop.git("init", "--quiet", "--initial-branch=main")
    return workshop


def _path(name: str) -> str:
    stem, _, ending = name.rpartition("_")
    return stem.replace("__", "/") + "." + ending
