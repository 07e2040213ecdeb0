"""A change taken apart: the same commit without one of its places, for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unidiff.patch import PatchSet

from incidents.tools import worktrees
from incidents.tools.git import Repository


@dataclass(frozen=True)
class Hunk:
    """One place of a change, in a file that was there before."""

    path: str
    first: int  #: line in the changed file; of lines that were only removed, the one before them
    last: int
    patch: str

    @property
    def place(self) -> str:
        """Return `pricing.py:3-5`."""
        return f"{self.path}:{self.first}" + (f"-{self.last}" if self.last > self.first else "")


async def of(repository: Repository, base: str, head: str, paths: Sequence[str]) -> list[Hunk]:
    """Return the places that differ between `base` and `head` in `paths`, in the order of the files.

    Raises:
        ToolFailed: when git cannot tell.
    """
    if not paths:
        return []
    plain = ("diff", "-U0", "--no-color", "--no-ext-diff", "--no-textconv", "--diff-filter=M", "--src-prefix=a/")
    done = await repository.ask(*plain, "--dst-prefix=b/", base, head, "--", *(f":(literal){path}" for path in paths))
    return [
        Hunk(
            file.path,
            hunk.target_start,
            hunk.target_start + max(hunk.target_length, 1) - 1,
            f"--- a/{file.path}\n+++ b/{file.path}\n{hunk}",
        )
        for file in PatchSet(done.stdout)
        for hunk in file
    ]


async def without(repository: Repository, folder: Path, head: str, hunk: Hunk) -> str:
    """Return a commit that is `head` without `hunk`, on no branch; "" where that cannot be made."""
    try:
        await worktrees.add(repository, folder, commit=head)
        undone = await repository.git("apply", "-R", "--unidiff-zero", "-", cwd=folder, stdin=hunk.patch.encode())
        if not undone.ok:
            return ""
        done = await repository.git("commit", "--quiet", "--no-verify", "--all", "-m", f"No {hunk.place}", cwd=folder)
        return (await repository.ask("rev-parse", "HEAD", cwd=folder)).stdout.strip() if done.ok else ""
    finally:
        await worktrees.remove(repository, folder)
