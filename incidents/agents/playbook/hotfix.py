"""Step 2.1: the chosen fix on a branch of its own, with the service's own tests before and after."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from incidents.agents.outputs import (
    FixApproach,
    FixCode,
    FixOption,
    HotfixOutput,
    MinimalTests,
    Output,
    RollbackProcedure,
    RootCause,
)
from incidents.agents.playbook import proof, sources, wording
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.options import branch_of
from incidents.agents.playbook.sources import Release
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import deploys, evidence, redaction, reverts, testrun, worktrees
from incidents.tools.git import Commit, Diff, Repository
from incidents.tools.testrun import Comparison, TestResult
from incidents.tools.worktrees import Worktree

MAX_DIFF = 4000  # FixCode.diff
SITREP_EMAIL = "sitrep@localhost"  # whose commits a retry may replace; people's are never overwritten


@dataclass(frozen=True)
class _Prepared:
    """A fix that stands on its branch."""

    approach: FixApproach
    commit: str
    summary: str
    undone: tuple[str, ...] = ()  #: paths that the undone commit changed


async def run(case: Case) -> tuple[Output, str]:
    """Prepare the option that a person chose, and test it.

    Raises:
        StepFailed: when there is no repository, no option, or the option cannot be carried out.
    """
    option = _chosen(case)
    repository = await _require_repository(case)
    release = await sources.release(case)
    base = await repository.resolve(release.bad.commit if release.bad else case.service.branch)
    folder = case.folder("hotfix")
    branch = branch_of(case)
    before = await proof.tests_before(case, repository, base)
    try:
        prepared = await _prepare(case, repository, folder, base, option)
        diff = await repository.diff(base, prepared.commit)
        case.see(diff.evidence)
        tests = await _tests(case, folder, before, prepared)
    finally:
        # git lets a branch be checked out in one place only: people must be able to take it up.
        await worktrees.remove(repository, folder)
    fix = FixCode(
        approach=prepared.approach,
        branch=branch,
        commit=prepared.commit,
        base=base,
        files=list(diff.files),
        additions=diff.additions,
        deletions=diff.deletions,
        summary=prepared.summary[:300],
        diff=evidence.shorten(redaction.redact(diff.text), MAX_DIFF),
        evidence=[diff.evidence.id],
    )
    output = HotfixOutput(emergency_fix_code=fix, minimal_test_suite=tests, rollback_procedure=_back(case, release))
    return output, f"`{fix.commit[:7]}` on `{branch}`, {_size(diff)}; {_tests_in_words(tests)}"


def _chosen(case: Case) -> FixOption:
    """Return the option that was approved; without an approval in the workflow, the recommended one."""
    approved = case.request.approved
    if approved is not None and approved.kind == "choose_fix":
        return FixOption.model_validate(dict(approved.subject))
    cause = case.earlier("preliminary_root_cause", RootCause)
    recommended = next((option for option in cause.fix_options if option.recommended), None) if cause else None
    if recommended is None:
        raise StepFailed("No fix was chosen and none is recommended.", remedy="Choose one with `>option 1`.")
    case.note(f"Nobody had to choose in this workflow: option {recommended.number}, the recommended one.")
    return recommended


async def _require_repository(case: Case) -> Repository:
    found = await sources.repository(case) if case.service else None
    if found is None:
        why = case.notes[-1] if case.notes else "There is no repository to prepare a fix in."
        raise StepFailed(why, remedy="Correct the catalogue and retry, or take the step over by hand.")
    return found


async def _prepare(case: Case, repository: Repository, folder: Path, base: str, option: FixOption) -> _Prepared:
    if option.approach is FixApproach.HOTFIX:
        return await _by_hand(case, repository, folder, base)
    if option.commit is None:
        raise StepFailed(f"Option {option.number} names no commit.", remedy="Choose another option.")
    await _keep_peoples_work(case, repository, base)
    if option.approach is FixApproach.ROLLBACK:
        target = await repository.resolve(option.commit)
        await worktrees.add(repository, folder, commit=target, branch=branch_of(case))
        return _Prepared(FixApproach.ROLLBACK, target, f"Goes back to `{target[:7]}`, the last good release.")
    worktree = await worktrees.add(repository, folder, commit=base, branch=branch_of(case))
    return await _undo(case, worktree, await repository.commit(option.commit))


async def _undo(case: Case, worktree: Worktree, culprit: Commit) -> _Prepared:
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
    return _Prepared(undone.approach, undone.commit, summary, culprit.files)


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


async def _by_hand(case: Case, repository: Repository, folder: Path, base: str) -> _Prepared:
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
    return _Prepared(FixApproach.HOTFIX, head, f"{written[0].subject} ({len(written)} commits by {by}).")


async def _tests(case: Case, folder: Path, before: TestResult | None, prepared: _Prepared) -> MinimalTests:
    try:
        after = await testrun.run(
            folder,
            case.service.tests,
            case.settings.sandbox,
            clock=case.clock,
            what=f"`{prepared.commit[:7]}`, the fix",
        )
    except ToolFailed as fault:
        case.missing(fault)
        return MinimalTests(
            before=before.run if before else None, after=None, repaired=[], newly_failing=[], note=str(fault)[:300]
        )
    case.see(after.evidence)
    if before is None or after.run.timed_out:
        note = "The tests did not end." if after.run.timed_out else "There is no run before the fix to compare with."
        return MinimalTests(
            before=before.run if before else None, after=after.run, repaired=[], newly_failing=[], note=note
        )
    compared = testrun.compare(before, after, undone_files=prepared.undone)
    return MinimalTests(
        before=before.run,
        after=after.run,
        repaired=list(compared.repaired),
        newly_failing=list(compared.newly_failing),
        note=_note(compared)[:300],
    )


def _note(compared: Comparison) -> str:
    parts = []
    if compared.dropped:
        parts.append(f"{wording.tests(compared.dropped)}: tests of what is undone, not counted.")
    if compared.vanished:
        parts.append(f"{wording.tests(compared.vanished)}: failed before and no longer executed, so not repaired.")
    if compared.still_failing:
        parts.append(f"{wording.tests(compared.still_failing)}: failed before and still fails.")
    if not compared.repaired and not parts:
        parts.append("No test failed before, so none shows that the fix helps.")
    return " ".join(parts)


def _back(case: Case, release: Release) -> RollbackProcedure:
    """Return how to undo the deploy of the fix: back to the last good release, else to what runs now."""
    target = release.good or release.bad
    production = case.service.production
    command: tuple[str, ...] = ()
    if target is not None:
        argv = production.rollback or production.deploy
        command = deploys.command(argv, commit=target.commit, release=target.release)
    return RollbackProcedure(
        release=target.release if target else None,
        commit=target.commit if target else None,
        command=shlex.join(command),
        evidence=case.see(release.log.evidence) if release.log else [],
    )


def _size(diff: Diff) -> str:
    return f"{len(diff.files)} file{'s' if len(diff.files) != 1 else ''}, +{diff.additions} −{diff.deletions}"


def _tests_in_words(tests: MinimalTests) -> str:
    if tests.after is None:
        return "no tests were run"
    if tests.after.timed_out:
        return "its tests did not end"
    repaired = f", {len(tests.repaired)} repaired" if tests.repaired else ""
    failing = tests.after.failed + tests.after.errors
    return f"{tests.after.passed} passed{repaired}, {failing} failing, {len(tests.newly_failing)} newly"
