"""Exchanges commits with another repository; credentials travel in git's environment, never in a URL.

What is pushed goes out of an empty repository that borrows the clone's objects, so that no setting of the clone can
send it, or the token, anywhere else.
"""

import base64
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from incidents.errors import ToolFailed
from incidents.tools import gitsettings, processes, redaction
from incidents.tools.git import TIMEOUT, Repository
from incidents.tools.processes import Completed

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NO_TOKEN = SecretStr("")


@dataclass(frozen=True)
class Remote:
    """Another repository: a URL without credentials, or a path."""

    url: str
    token: SecretStr = _NO_TOKEN

    @property
    def shown(self) -> str:
        """Return the address for people, without anything secret."""
        return redaction.redact(self.url)


async def of_clone(repository: Repository) -> Remote | None:
    """Return the remote `origin` of the clone; None where it has none."""
    done = await repository.git("config", "--local", "--get", "remote.origin.url")
    url = done.stdout.strip()
    return Remote(url) if done.ok and url else None


async def head(repository: Repository, remote: Remote, branch: str) -> str | None:
    """Return the commit at the end of `branch` there; None where there is no such branch.

    Raises:
        ToolFailed: when the remote cannot be read.
    """
    done = await _git(repository, remote, "ls-remote", "--", remote.url, f"refs/heads/{branch}")
    return done.stdout.split("\t")[0].strip() or None


async def fetch(repository: Repository, remote: Remote, branch: str) -> str:
    """Bring `branch` of the remote into the clone's objects and return its commit; no branch of the clone moves.

    Raises:
        ToolFailed: when there is no such branch, or the remote cannot be read.
    """
    found = await head(repository, remote, branch)
    if found is None:
        raise ToolFailed(
            f"{remote.shown} has no branch `{branch}`.", remedy="Correct `branch` of the repository in sitrep.yml."
        )
    if not (await repository.git("cat-file", "-e", f"{found}^{{commit}}")).ok:
        settings = (*repository.overrides, *_settings(remote))
        environment = gitsettings.environment(settings)
        await _run(("git", "fetch", "--no-tags", "--quiet", "--", remote.url, branch), repository.path, environment)
    return found


async def push(repository: Repository, remote: Remote, commit: str, branch: str, *, expected: str | None) -> None:
    """Put `branch` of the remote at `commit`, where it still is at `expected` (None: where it does not exist).

    Raises:
        ToolFailed: when the branch is elsewhere by now, or the remote refuses.
    """
    lease = f"--force-with-lease=refs/heads/{branch}:{expected or ''}"
    await _git(repository, remote, "push", "--quiet", lease, "--", remote.url, f"{commit}:refs/heads/{branch}")


async def _git(repository: Repository, remote: Remote, *arguments: str) -> Completed:
    objects = (await repository.ask("rev-parse", "--path-format=absolute", "--git-path", "objects")).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="sitrep-remote-") as made:
        folder = Path(made)
        settings = (*gitsettings.ALWAYS, *_settings(remote))
        environment = {**gitsettings.environment(settings), "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects}
        await _run(("git", "init", "--bare", "--quiet", "."), folder, environment)
        return await _run(("git", *arguments), folder, environment)


async def _run(argv: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Completed:
    done = await processes.run(argv, cwd=folder, env=environment, timeout=TIMEOUT)
    if done.ok:
        return done
    said = [line for line in done.stderr.strip().splitlines() if not line.startswith("hint:")] or ["no message"]
    why = "took too long" if done.timed_out else redaction.redact(said[-1])[:200]
    raise ToolFailed(
        f"`git {argv[1]}` with the remote failed: {why}.",
        remedy="Check the remote's address, GITHUB_TOKEN and who may push there, then retry the step.",
    )


def _settings(remote: Remote) -> tuple[tuple[str, str], ...]:
    """Return what lets git reach this remote and no other kind, with the credentials bound to its address."""
    parts = urlsplit(remote.url)
    if parts.scheme in ("", "file"):
        return (("protocol.file.allow", "always"),)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        allowed = (
            (f"protocol.{parts.scheme}.allow", "always"),
            ("http.followRedirects", "false"),
            ("credential.helper", ""),
        )
        secret = remote.token.get_secret_value()
        if not secret:
            return allowed
        basic = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
        return (*allowed, (f"http.{parts.scheme}://{parts.netloc}/.extraHeader", f"Authorization: Basic {basic}"))
    raise ToolFailed(
        f"The remote {remote.shown[:100]} is reached by {parts.scheme or 'ssh'}, which Sitrep has no keys for.",
        remedy="Set `github: owner/name` for the repository in sitrep.yml, and GITHUB_TOKEN.",
    )


async def default_branch_head(repository: Repository, remote: Remote | None, branch: str) -> str:
    """Return where `branch` stands: at the remote where there is one, else in the clone."""
    if remote is not None:
        return await fetch(repository, remote, branch)
    return await repository.resolve(f"refs/heads/{branch}")


async def advance(repository: Repository, branch: str, commit: str, *, expected: str) -> None:
    """Move the clone's own `branch` from `expected` on to `commit`, which builds on it.

    Raises:
        ToolFailed: when it stands elsewhere by now, or files that people changed are in the way.
    """
    current = (await repository.git("symbolic-ref", "--quiet", "HEAD")).stdout.strip()
    bare = (await repository.ask("rev-parse", "--is-bare-repository")).stdout.strip() == "true"
    if current == f"refs/heads/{branch}" and not bare:
        if await repository.resolve("HEAD") != expected:
            raise ToolFailed(f"`{branch}` has moved on meanwhile.", remedy="Retry the step.")
        await repository.ask("merge", "--ff-only", "--quiet", commit)
        return
    await repository.ask("update-ref", f"refs/heads/{branch}", commit, expected)
