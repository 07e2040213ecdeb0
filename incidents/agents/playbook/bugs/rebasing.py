"""Brings a fix onto the newest state of the branch that it is merged into; what conflicts is laid open to people."""

from collections.abc import Sequence
from dataclasses import asdict

from incidents import catalog
from incidents.agents.merging import REBASE
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import past
from incidents.agents.playbook.case import Case
from incidents.errors import RebaseNeeded, StepFailed
from incidents.tools import history, remotes
from incidents.tools.conflicts import Conflict
from incidents.tools.evidence import EvidenceKind, capture
from incidents.tools.git import Repository
from incidents.tools.history import Rebase


def is_asked(case: Case) -> bool:
    """Tell whether people asked the step at work for a rebase."""
    return case.request.feedback == REBASE


async def tried(case: Case, code: catalog.Repository, repository: Repository, head: str) -> Rebase:
    """Return how `head` goes onto the newest state of the branch that it is merged into; nothing moves.

    Raises:
        ToolFailed: when the remote cannot be read, or git refuses.
    """
    remote = await past.remote(case, code, repository)
    onto = await remotes.default_branch_head(repository, remote, code.branch)
    if await repository.is_ancestor(onto, head):
        return Rebase(onto, head)
    return await history.rebase(repository, case.folder(f"rebase-{code.name}"), head, onto)


async def moved(case: Case, code: catalog.Repository, repository: Repository, branch: str, head: str) -> Rebase:
    """Rebase `branch`, which stands at `head`, and move it in the clone.

    Raises:
        RebaseNeeded: it conflicts; the branch stays as it is.
        StepFailed: somebody has the branch checked out.
        ToolFailed: when git refuses.
    """
    done = await tried(case, code, repository, head)
    if done.conflicts:
        raise conflict(case, code, branch, head, done.conflicts)
    if done.head == head:
        case.note(f"`{branch}` builds on the newest `{code.branch}` already.")
        return done
    await _require_free(repository, branch)
    await repository.ask("update-ref", f"refs/heads/{branch}", done.head, head)
    case.note(f"`{branch}` was rebased from `{head[:7]}` to `{done.head[:7]}`, onto `{code.branch}` `{done.onto[:7]}`.")
    return done


async def _require_free(repository: Repository, branch: str) -> None:
    """Check that no worktree has the branch checked out: its files would no longer be those of its commit."""
    listed = await repository.ask("worktree", "list", "--porcelain")
    if f"branch refs/heads/{branch}" in listed.stdout.splitlines():
        raise StepFailed(
            f"`{branch}` is checked out in the clone {repository.path}.",
            remedy="Switch that clone to another branch, and retry.",
        )


def conflict(
    case: Case, code: catalog.Repository, branch: str, head: str, conflicts: Sequence[Conflict]
) -> RebaseNeeded:
    """Return what people are told of a conflict: both sides of each file, and what they are to do."""
    lines = [f"{each.path}\n  {code.branch}: {each.there} {each.by}\n  fix: {each.here}" for each in conflicts]
    summary = f"`{head[:7]}` against `{code.branch}`: {wording.counted(len(conflicts), 'file')} in conflict"
    case.see(capture(EvidenceKind.GIT, code.name, "\n".join(lines), summary=summary, captured_at=case.now))
    files = wording.listed([f"`{each.path}`" for each in conflicts], most=6)
    return RebaseNeeded(
        f"`{head[:7]}` conflicts with `{code.branch}` in {files}; nothing was merged.",
        remedy=f"Rebase `{branch}` of `{code.name}` onto `{code.branch}` (`git rebase {code.branch} {branch}`), solve"
        " the files, push it with `--force-with-lease`, then press Rebase: what stands there is tested and reviewed,"
        " and asked about anew.",
        conflicts=[asdict(each) for each in conflicts],
    )


async def take_up(case: Case, code: catalog.Repository, repository: Repository, branch: str, onto: str) -> None:
    """Move the clone's `branch` to what people have pushed to it, where that builds on `onto` and the clone's does not.

    Raises:
        StepFailed: somebody has the branch checked out.
        ToolFailed: when the remote cannot be read.
    """
    head = await repository.resolve(f"refs/heads/{branch}")
    if await repository.is_ancestor(onto, head):
        return
    remote = await past.pushed_to(case, code, repository)
    there = await remotes.head(repository, remote, branch) if remote else None
    if remote is None or there is None or there == head:
        return
    await remotes.fetch(repository, remote, branch)
    if await repository.is_ancestor(onto, there):
        await _require_free(repository, branch)
        await repository.ask("update-ref", f"refs/heads/{branch}", there, head)
        case.note(f"`{branch}` is taken as it was pushed: `{there[:7]}`.")
