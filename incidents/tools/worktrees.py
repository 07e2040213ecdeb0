"""Worktrees and branches in which a fix is prepared, apart from the clone that people use."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from incidents.errors import ToolFailed
from incidents.tools.git import Repository


@dataclass(frozen=True)
class Worktree:
    """A checked-out commit in a folder of its own."""

    repository: Repository
    folder: Path
    branch: str  #: empty for a detached one
    base: str  #: full hash that it was made from

    async def head(self) -> str:
        """Return the full hash of the commit that is checked out."""
        return (await self.repository.ask("rev-parse", "HEAD", cwd=self.folder)).stdout.strip()


async def add(repository: Repository, folder: Path, *, commit: str, branch: str = "") -> Worktree:
    """Check `commit` out in `folder`, on `branch` where given; what an earlier attempt left there is replaced.

    Raises:
        ToolFailed: when the folder cannot be written, or git refuses (the branch is checked out elsewhere).
    """
    base = await repository.resolve(commit)
    try:
        await remove(repository, folder)
        await asyncio.to_thread(folder.parent.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        raise ToolFailed(
            f"No worktree can be made in {folder}: {error.strerror}.",
            remedy="Check the disk's space and that Sitrep may write there, then retry the step.",
        ) from error
    place = ("-B", branch) if branch else ("--detach",)
    await repository.ask("worktree", "add", "--force", *place, str(folder), base)
    return Worktree(repository, folder, branch, base)


async def remove(repository: Repository, folder: Path) -> None:
    """Remove the worktree in `folder`, and the folder; its branch stays. Nothing happens where there is none."""
    await repository.git("worktree", "remove", "--force", "--force", str(folder))
    if await asyncio.to_thread(folder.exists):
        await asyncio.to_thread(shutil.rmtree, folder)
    await repository.git("worktree", "prune")
