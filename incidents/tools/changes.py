"""Writes files into a worktree and commits them, inside its folder and nowhere else."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from incidents.errors import ToolFailed
from incidents.tools.git import Repository

MAX_CHANGED = 200  # files of one fix; a minimal one touches a few


async def commit(
    repository: Repository, folder: Path, files: Mapping[str, str], *, message: str, branch: str = ""
) -> str:
    """Write `files` (path -> text) into the worktree at `folder`, commit them and return the full hash.

    With `branch`, a detached worktree's branch is moved on to it.

    Raises:
        ToolFailed: when a path leads out of the folder, or git refuses.
    """
    await asyncio.to_thread(_write, folder, files)
    await repository.ask("add", "--force", "--", *files, cwd=folder)
    return await _commit(repository, folder, message, branch)


async def commit_all(repository: Repository, folder: Path, *, message: str, branch: str = "") -> str:
    """Commit everything that was changed in the worktree; return the full hash, or "" when nothing was.

    Raises:
        ToolFailed: when it is more than a fix should be.
    """
    await repository.ask("add", "--all", cwd=folder)
    done = await repository.ask("diff", "--cached", "--name-only", "-z", cwd=folder)
    changed = [path for path in done.stdout.split("\0") if path]
    if not changed:
        return ""
    if len(changed) > MAX_CHANGED:
        raise ToolFailed(
            f"{len(changed)} files were changed, more than {MAX_CHANGED}.",
            remedy="Let it change only what the plan names, and ignore what it generates in `.gitignore`.",
        )
    return await _commit(repository, folder, message, branch)


async def _commit(repository: Repository, folder: Path, message: str, branch: str) -> str:
    if not (await repository.git("diff", "--cached", "--quiet", cwd=folder)).ok:
        await repository.ask("commit", "--quiet", "--no-verify", "--file=-", cwd=folder, stdin=message.encode())
    made = (await repository.ask("rev-parse", "HEAD", cwd=folder)).stdout.strip()
    detached = not (await repository.git("symbolic-ref", "--quiet", "HEAD", cwd=folder)).ok
    if branch and detached:
        await repository.ask("update-ref", f"refs/heads/{branch}", made)
    return made


def _write(folder: Path, files: Mapping[str, str]) -> None:
    root = folder.resolve()
    for name, text in files.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root) or ".git" in path.relative_to(root).parts:
            raise ToolFailed(f"`{name[:100]}` lies outside the repository.", remedy="Name a path inside it.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
