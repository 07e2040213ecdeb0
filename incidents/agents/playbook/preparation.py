"""Puts the chosen fix on its branch, and never overwrites what people have put there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from incidents.agents.outputs import FixApproach, FixOption, RootCause
from incidents.agents.playbook.bugs.bothways import Proof
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.options import branch_of
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import redaction, reverts, worktrees
from incidents.tools.git import Commit, Repository
from incidents.tools.testrun import TestResult
from incidents.tools.worktrees import Worktree

SITREP_EMAIL = "sitrep@localhost"  # whose commits a retry may replace; people's are never overwritten


@dataclass(frozen=True)
class Prepared:
    """A fix that stands on its branch."""

    approach: FixApproach
    commit: str
    summary: str
    undone: tuple[str, ...] = ()  #: paths that the undone commit changed
    proof: Proof | None = None  #: where it was proven already, both ways


@dataclass(frozen=True)
class Task:
    """What is to be prepared, and where."""

    repository: Repository
    folder: Path  #: of the worktree that it is checked out in
    base: str  #: full hash: what runs in production
    option: FixOption
    before: TestResult | None  #: the tests on the base; None where they cannot be run


#: Puts an option on the incident's branch: by rules, or by a model.
Preparer = Callable[[Case, Task], Awaitable[Prepared]]


async def prepare(case: Case, task: Task) -> Prepared:
    """Carry out the option by rules on the incident's branch, checked out in the task's folder.

    Raises:
        StepFailed: when it conflicts, nothing was written yet, or people's work stands in the way.
        ToolFailed: when git refuses, or a migration would be undone.
    """
    repository, folder, base, option = task.repository, task.folder, task.base, task.option
    if option.approach is FixApproach.HOTFIX:
        return await _by_hand(case, repository, folder, base)
    if option.commit is None:
        raise StepFailed(f"Option {option.number} names no commit.", remedy="Choose another option.")
    await _keep_peoples_work(case, repository, base)
    if option.approach is FixApproach.ROLLBACK:
        target = await repository.resolve(option.commit)
        await worktrees.add(repository, folder, commit=target, branch=branch_of(case))
        return Prepared(FixApproach.ROLLBACK, target, f"Goes back to `{target[:7]}`, the last good release.")
    worktree = await worktrees.add(repository, folder, commit=base, branch=branch_of(case))
    return await _undo(case, worktree, await repository.commit(option.commit))


async def _undo(case: Case, worktree: Worktree, culprit: Commit) -> Prepared:
    undone = await reverts.undo(worktree, culprit, reason=_reason(case, culprit))
    if not undone.worked:
        raise StepFailed(
            f"`{culprit.short}` cannot be undone on what runs now: conflicts in {', '.join(undone.conflicts[:3])}.",
            remedy="Choose to go back a release, or write the hotfix by hand.",
        )
    case.see(*undone.evidence)
    parts = "Reverts" if undone.approach is FixApproach.REVERT else "Reverts parts of"
    summary = f"{parts} `{culprit.short}` {culprit.subject}."
    if undone.kept:
        summary += f" Left as they are: {', '.join(undone.kept[:3])} (documents or tests that conflicted)."
    if undone.skipped_hunks:
        summary += f" {undone.skipped_hunks} hunks no longer fit."
    return Prepared(undone.approach, undone.commit, summary, culprit.files)


def _reason(case: Case, culprit: Commit) -> str:
    cause = case.earlier("preliminary_root_cause", RootCause)
    incident = case.request.incident
    title = " ".join(redaction.redact(incident.title).split())
    lines = [f"Incident: {incident.key}, {title}"]
    if cause is not None and cause.commit == culprit.hash:
        lines.append(f"Cause ({cause.verdict.value}): {cause.mechanism}")
        lines.append(f"Evidence: {', '.join(dict.fromkeys(i for claim in cause.claims for i in claim.evidence))}")
    if case.request.approved is not None:
        lines.append(f"Chosen by: {case.request.approved.decided_by}")
    return "\n".join(lines)


async def _keep_peoples_work(case: Case, repository: Repository, base: str) -> None:
    """Refuse to replace a branch that holds commits of people which are nowhere else.

    Raises:
        StepFailed: when it does.
    """
    branch = branch_of(case)
    try:
        head = await repository.resolve(f"refs/heads/{branch}")
    except ToolFailed:
        return  # there is no such branch yet
    for commit in (await repository.commits(head, since=base)).commits:
        if commit.email != SITREP_EMAIL and not await repository.is_ancestor(commit.hash, case.service.branch):
            raise StepFailed(
                f"The branch `{branch}` holds work of {commit.author} (`{commit.short}` {commit.subject}).",
                remedy="Choose to write the hotfix by hand to use it, or rename the branch and retry.",
            )


async def peoples_commits(repository: Repository, branch: str, base: str) -> tuple[Commit, ...]:
    """Return the commits on `branch` since `base`, newest first, where any of them is by a person; else none."""
    try:
        head = await repository.resolve(f"refs/heads/{branch}")
    except ToolFailed:
        return ()
    commits = (await repository.commits(head, since=base)).commits
    return commits if any(commit.email != SITREP_EMAIL for commit in commits) else ()


async def _by_hand(case: Case, repository: Repository, folder: Path, base: str) -> Prepared:
    branch = branch_of(case)
    try:
        head = await repository.resolve(f"refs/heads/{branch}")
    except ToolFailed:
        head = base
        await worktrees.add(repository, folder, commit=base, branch=branch)
    if not (await repository.is_ancestor(base, head)):
        raise StepFailed(
            f"`{branch}` does not build on `{base[:7]}`, which runs in production.",
            remedy=f"Rebase it (`git rebase {base[:7]} {branch}`) and retry.",
        )
    written = (await repository.commits(head, since=base)).commits
    if not written:
        raise StepFailed(
            f"Nobody has committed to `{branch}` yet; it starts at `{base[:7]}`, which runs in production.",
            remedy=f"In {repository.path}: `git switch {branch}`, commit the fix, then retry this step.",
        )
    await worktrees.add(repository, folder, commit=head)
    by = ", ".join(dict.fromkeys(commit.author for commit in written))
    return Prepared(FixApproach.HOTFIX, head, f"{written[0].subject} ({len(written)} commits by {by}).")
