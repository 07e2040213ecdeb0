"""Step 2.1: the chosen fix on a branch of its own, with the service's own tests before and after."""

import shlex

from incidents.agents.outputs import (
    Claim,
    FixApproach,
    FixCode,
    FixOption,
    HotfixOutput,
    MinimalTests,
    Output,
    RollbackProcedure,
    RootCause,
    Verdict,
)
from incidents.agents.playbook import preparation, proof, sources, specialist, specifications, wording
from incidents.agents.playbook.bugs import bothways
from incidents.agents.playbook.bugs.bothways import Proof
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.options import branch_of
from incidents.agents.playbook.preparation import Prepared, Preparer, Task
from incidents.agents.playbook.sources import Release
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import evidence, redaction, testrun, worktrees
from incidents.tools.git import Diff, Repository
from incidents.tools.testrun import Comparison, TestResult

MAX_DIFF = 4000  # FixCode.diff


async def run(case: Case) -> tuple[Output, str]:
    """Prepare the option that a person chose by rules, and test it."""
    return await carry_out(case, preparation.prepare)


async def carry_out(case: Case, prepare: Preparer) -> tuple[Output, str]:
    """Let `prepare` put the option that a person chose on its branch, and test it.

    Raises:
        StepFailed: when there is no repository, no option, or the option cannot be carried out.
    """
    option = _chosen(case)
    repository = await sources.require_repository(case)
    release = await sources.release(case)
    base = await repository.resolve(release.bad.commit if release.bad else case.service.branch)
    folder = case.folder("hotfix")
    branch = branch_of(case)
    before = await proof.tests_before(case, repository, base)
    try:
        prepared = await prepare(case, Task(repository, folder, base, option, before))
        diff = await repository.diff(base, prepared.commit)
        case.see(diff.evidence)
        tests = await _tests(case, Task(repository, folder, base, option, before), prepared)
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
        constitution=await _constitution(case, repository, base, diff, tests),
        area=await specialist.check_fix(case, repository, diff, prepared.commit),
    )
    output = HotfixOutput(emergency_fix_code=fix, minimal_test_suite=tests, rollback_procedure=_back(case, release))
    return output, f"`{fix.commit[:7]}` on `{branch}`, {_size(diff)}; {_tests_in_words(tests)}"


async def _constitution(case: Case, repository: Repository, base: str, diff: Diff, tests: MinimalTests) -> list[Claim]:
    """Return which principles of the repository's constitution the fix violates, and which only people can judge."""
    held = await specifications.hold(case, repository, base, diff, has_tests=bool(tests.repaired))
    if held is None:
        return []
    found = [case.claim(each, held.evidence) for each in held.told()[:5]]
    people = held.left_to_people()
    return [*found, *([case.claim(people, held.evidence, Verdict.INCONCLUSIVE)] if people else [])]


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


async def _tests(case: Case, task: Task, prepared: Prepared) -> MinimalTests:
    if prepared.proof is not None:
        return _as_proven(prepared.proof)
    before = task.before
    try:
        after = await testrun.run(
            task.folder,
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
    lost = await _weakened(case, task, prepared, (before, after))
    told = bothways.no_longer_counts(lost) if lost else ""
    return MinimalTests(
        before=before.run,
        after=after.run,
        repaired=[test for test in compared.repaired if test not in lost],
        newly_failing=[*lost, *(test for test in compared.newly_failing if test not in lost)],
        note=f"{told} {_note(compared)}".strip()[:300],
    )


async def _weakened(case: Case, task: Task, prepared: Prepared, runs: tuple[TestResult, TestResult]) -> tuple[str, ...]:
    """Return the tests that people weakened in what they committed; what rules undo, they undo with its tests."""
    if prepared.approach is not FixApproach.HOTFIX:
        return ()
    code = case.service.codebases()[0]
    try:
        return await bothways.weakened(case, code, task.repository, task.base, prepared.commit, runs)
    except ToolFailed as fault:
        case.missing(fault)
        return ()


def _as_proven(proof: Proof) -> MinimalTests:
    tests = proof.tests
    laid = wording.listed([f"`{path}`" for path in tests.test_files])
    return MinimalTests(
        before=tests.without_fix,
        after=tests.with_fix,
        repaired=tests.passed_with_fix,
        newly_failing=tests.newly_failing,
        note=f"{laid} of the fix was laid over what runs now, and fails there."[:300] if laid else "",
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
    command: list[str] = []
    if target is not None:
        command = production.putting_back(target.release) or production.deploying(target.commit)
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
    newly = f" ({len(tests.newly_failing)} of them newly)" if tests.newly_failing else ""
    return f"{tests.after.passed} passed{repaired}, {failing} failing{newly}"
