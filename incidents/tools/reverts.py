"""Undoes a commit on a branch of its own: whole, else the hunks that still fit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from unidiff.patch import PatchSet

from incidents.agents.outputs import FixApproach
from incidents.errors import ToolFailed
from incidents.tools import filekinds
from incidents.tools.evidence import Evidence
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Commit, Diff, Repository
from incidents.tools.worktrees import Worktree


@dataclass(frozen=True)
class Undone:
    """What came of undoing a commit. Nothing was committed where `commit` is empty."""

    approach: FixApproach
    commit: str  #: full hash of the new commit; empty when it conflicted
    conflicts: tuple[str, ...]  #: paths that run and could not be undone
    kept: tuple[str, ...]  #: docs and tests that conflicted and were left as they are
    skipped_hunks: int  #: hunks that no longer fit (only when undoing by hunks)
    diff: Diff | None
    evidence: tuple[Evidence, ...]

    @property
    def worked(self) -> bool:
        """Tell whether there is a commit that undoes it."""
        return bool(self.commit)


async def undo(worktree: Worktree, culprit: Commit, *, reason: str) -> Undone:
    """Revert `culprit` in `worktree`; where that conflicts in what runs, undo those of its hunks that still fit.

    Raises:
        ToolFailed: when it changes a migration, which is never undone without a person, or everything began with it.
    """
    whole = await revert(worktree, culprit, reason=reason)
    if whole.worked:
        return whole
    hunks = await revert_hunks(worktree, culprit, reason=reason)
    return hunks if hunks.worked else whole


async def revert(worktree: Worktree, culprit: Commit, *, reason: str) -> Undone:
    """Revert the whole of `culprit` in `worktree`; where only docs and tests conflict, these are left as they are.

    Raises:
        ToolFailed: when it changes a migration, or was undone already.
    """
    _refuse(culprit)
    repository, folder = worktree.repository, worktree.folder
    before = await worktree.head()
    await _reset(worktree, before)  # what a test run changed there must not get in the way
    mainline = ("-m", "1") if len(culprit.parents) > 1 else ()
    done = await repository.git("revert", "--no-commit", *mainline, culprit.hash, cwd=folder)
    conflicts = await _conflicts(worktree)
    if not done.ok and not conflicts:
        await _reset(worktree, before)
        said = (done.stderr.strip().splitlines() or ["no message"])[0]
        raise ToolFailed(f"`{culprit.short}` cannot be reverted: {said[:200]}.", remedy="Revert it by hand.")
    serious = tuple(path for path in conflicts if filekinds.runs(path))
    if serious:
        await _reset(worktree, before)
        return Undone(FixApproach.REVERT, "", serious, (), 0, None, ())
    for path in conflicts:
        await _keep(worktree, before, path)
    message = f'Revert "{culprit.subject}"\n\nThis reverts commit {culprit.hash}.\n\n{reason}'
    return await _commit(worktree, before, message, FixApproach.REVERT, kept=conflicts)


async def revert_hunks(worktree: Worktree, culprit: Commit, *, reason: str) -> Undone:
    """Undo those hunks of `culprit` in what runs that still fit, one by one.

    Raises:
        ToolFailed: when it changes a migration.
    """
    _refuse(culprit)
    repository, folder = worktree.repository, worktree.folder
    before = await worktree.head()
    change = await repository.changed_by(culprit)
    skipped: list[str] = []
    applied = 0
    for path, patch in await asyncio.to_thread(_hunks, change.text):
        done = await repository.git("apply", "--reverse", "--index", "--recount", "-", cwd=folder, stdin=patch.encode())
        applied += done.ok
        skipped += [] if done.ok else [path]
    if not applied:
        await _reset(worktree, before)
        return Undone(FixApproach.REVERT_HUNKS, "", tuple(dict.fromkeys(skipped)), (), len(skipped), None, ())
    message = (
        f'Revert parts of "{culprit.subject}"\n\n'
        f"Undoes {applied} of {applied + len(skipped)} hunks of {culprit.hash}; the others no longer fit.\n\n{reason}"
    )
    return await _commit(worktree, before, message, FixApproach.REVERT_HUNKS, skipped=tuple(skipped))


async def dependents(repository: Repository, culprit: Commit, until: str) -> tuple[Commit, ...]:
    """Return the commits after `culprit` that changed the same running files, and so may rest on it; newest first."""
    running = {path for path in culprit.files if filekinds.runs(path)}
    later = await repository.commits(until, since=culprit.hash)
    return tuple(commit for commit in later.commits if running & set(commit.files))


def _refuse(culprit: Commit) -> None:
    if not culprit.parents:
        raise ToolFailed(
            f"`{culprit.short}` is the first commit: undoing it would remove everything.",
            remedy="Write a fix on top of it.",
        )
    migrations = [path for path in culprit.files if filekinds.kind(path) is FileKind.MIGRATION]
    if migrations:
        raise ToolFailed(
            f"`{culprit.short}` changes a migration ({migrations[0]}), which is never undone without a person.",
            remedy="Let somebody who knows the data decide; a hotfix on top may be safer.",
        )


async def _conflicts(worktree: Worktree) -> tuple[str, ...]:
    done = await worktree.repository.ask("diff", "--name-only", "--diff-filter=U", "-z", cwd=worktree.folder)
    return tuple(path for path in done.stdout.split("\0") if path)


async def _keep(worktree: Worktree, before: str, path: str) -> None:
    """Settle the conflict at `path` by what stands in `before`, or by leaving the file out where it was not there."""
    repository, folder = worktree.repository, worktree.folder
    if (await repository.git("checkout", before, "--", path, cwd=folder)).ok:
        return
    await repository.ask("rm", "--force", "--quiet", "--", path, cwd=folder)


async def _reset(worktree: Worktree, commit: str) -> None:
    await worktree.repository.ask("reset", "--hard", "--quiet", commit, cwd=worktree.folder)


async def _commit(
    worktree: Worktree,
    before: str,
    message: str,
    approach: FixApproach,
    *,
    kept: Sequence[str] = (),
    skipped: Sequence[str] = (),
) -> Undone:
    repository, folder = worktree.repository, worktree.folder
    if (await repository.git("diff", "--cached", "--quiet", before, cwd=folder)).ok:
        await _reset(worktree, before)
        raise ToolFailed("Undoing it changes nothing: it was undone already.", remedy="Look for another cause.")
    await repository.ask("commit", "--quiet", "--no-verify", "--file=-", cwd=folder, stdin=message.encode())
    made = await worktree.head()
    diff = await repository.diff(before, made)
    return Undone(approach, made, tuple(dict.fromkeys(skipped)), tuple(kept), len(skipped), diff, (diff.evidence,))


def _hunks(diff: str) -> list[tuple[str, str]]:
    """Return each hunk of what runs as a patch of its own, last hunk of a file first so that line numbers hold."""
    patches = []
    for file in PatchSet(diff):
        if not filekinds.runs(file.path) or file.is_binary_file or file.is_added_file or file.is_removed_file:
            continue
        head = f"--- a/{file.path}\n+++ b/{file.path}\n"
        patches += [(file.path, head + str(hunk)) for hunk in reversed(list(file))]
    return patches
