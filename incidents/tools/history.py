"""Questions to a repository's history that decide whether what stands on a branch is what was reviewed."""

from dataclasses import dataclass
from pathlib import Path

from incidents.errors import ToolFailed
from incidents.tools import conflicts, gitsettings, worktrees
from incidents.tools.conflicts import Conflict
from incidents.tools.git import Repository

OUR_EMAIL = dict(gitsettings.ALWAYS)["user.email"]


async def is_rebased(repository: Repository, base: str, reviewed: str, head: str) -> bool:
    """Tell whether `head` ends with the same changes, commit for commit, as `base` to `reviewed`."""
    wanted = await _patches(repository, base, reviewed)
    if not wanted:
        return False
    start = f"{head}~{len(wanted)}"
    try:
        start = await repository.resolve(start)
    except ToolFailed:
        return False
    return await _patches(repository, start, head) == wanted and await repository.is_ancestor(base, start)


async def length(repository: Repository, base: str, head: str) -> int:
    """Return how many changes `base` to `head` are, as `is_rebased` compares them."""
    return len(await _patches(repository, base, head))


async def is_ours(repository: Repository, commit: str, head: str) -> bool:
    """Tell whether nothing is lost when a branch at `commit` is moved to `head`: it holds it, or Sitrep made it."""
    if not (await repository.git("cat-file", "-e", f"{commit}^{{commit}}")).ok:
        return False
    if await repository.is_ancestor(commit, head):
        return True
    since = await repository.commits(commit, since=head)
    return all(each.email == OUR_EMAIL for each in since.commits)


async def merge(repository: Repository, folder: Path, into: str, head: str, message: str) -> str:
    """Return a merge commit of `head` into `into`, made in a worktree; no branch moves. "" where it conflicts.

    Raises:
        ToolFailed: when git refuses.
    """
    try:
        await worktrees.add(repository, folder, commit=into)
        done = await repository.git("merge", "--no-ff", "--no-verify", "--quiet", "-m", message, head, cwd=folder)
        if not done.ok:
            return ""
        return (await repository.ask("rev-parse", "HEAD", cwd=folder)).stdout.strip()
    finally:
        await worktrees.remove(repository, folder)


@dataclass(frozen=True)
class Rebase:
    """How commits go onto another end of a branch."""

    onto: str  #: full hash
    head: str  #: the last of the rebased commits; empty where they conflict
    conflicts: tuple[Conflict, ...] = ()


async def rebase(repository: Repository, folder: Path, head: str, onto: str) -> Rebase:
    """Rebase `head` onto `onto` in a worktree, as far as it goes; no branch moves.

    Raises:
        ToolFailed: when git refuses for another reason than a conflict.
    """
    try:
        await worktrees.add(repository, folder, commit=head)
        done = await repository.git("rebase", "--quiet", onto, cwd=folder)
        if done.ok:
            return Rebase(onto, (await repository.ask("rev-parse", "HEAD", cwd=folder)).stdout.strip())
        listed = await repository.ask("diff", "--name-only", "--diff-filter=U", "-z", cwd=folder)
        files = [path for path in listed.stdout.split("\0") if path]
        since = (await repository.git("merge-base", head, onto)).stdout.strip()
        found = await conflicts.read(repository, folder, files, since, onto) if files and since else ()
        await repository.git("rebase", "--abort", cwd=folder)
        if not found:
            said = (done.stderr.strip().splitlines() or ["no message"])[0]
            raise ToolFailed(f"`git rebase` refused: {said[:200]}.", remedy="Rebase the branch by hand and retry.")
        return Rebase(onto, "", tuple(found))
    finally:
        await worktrees.remove(repository, folder)


async def _patches(repository: Repository, base: str, head: str) -> list[str]:
    """Return the patch ids of the commits from `base` to `head`, oldest first."""
    log = await repository.ask(
        "log", "--reverse", "--no-merges", "-p", "--no-ext-diff", "--no-textconv", f"{base}..{head}"
    )
    done = await repository.ask("patch-id", "--stable", stdin=log.stdout.encode())
    return [line.split()[0] for line in done.stdout.splitlines()]
