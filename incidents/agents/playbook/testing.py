"""Step 2.3 and its parts: the exact commit of the fix tested again, tried on staging, and judged ready or not."""

from dataclasses import dataclass, field
from datetime import timedelta

from incidents.agents.outputs import (
    BugTestingOutput,
    FixCode,
    MinimalTests,
    Output,
    Readiness,
    Rehearsal,
    StagingCheck,
    TestingOutput,
    TestRun,
)
from incidents.agents.playbook import cadence, rehearsal, sources, wording
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import percent
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import deploys, health, testrun, worktrees
from incidents.tools.git import Repository
from incidents.tools.testrun import TestResult

#: A run shorter than this is made twice, so that a test which fails now and then is seen before it is trusted.
_REPEAT_BELOW = timedelta(minutes=2)


@dataclass
class Judgement:
    """What speaks for the fix and what against it."""

    shown: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)


async def run(case: Case) -> tuple[Output, str]:
    """Validate the fix, run the regression tests on its exact commit, try it on staging.

    Raises:
        StepFailed: when there is no fix, or its branch has moved on.
    """
    fix = await require_fix(case)
    judged = Judgement()
    first, last = await _tested(case, fix, judged)
    staging = await stage(case, fix, judged)
    judgement = readiness(fix, judged, staging)
    output = TestingOutput(
        fix_validation_results=first, regression_test_results=last, deployment_readiness_confirmation=judgement
    )
    return output, f"`{fix.commit[:7]}` is {'ready' if judgement.ready else 'not ready'}: {judgement.reason}"


async def run_without_staging(case: Case) -> tuple[Output, str]:
    """Run the tests on the exact commit of the fix, where staging is a step of its own.

    Raises:
        StepFailed: when there is no fix, or its branch has moved on.
    """
    first, last, told = await on_the_fix(case)
    return BugTestingOutput(fix_validation_results=first, regression_test_results=last), told


async def on_the_fix(case: Case) -> tuple[TestRun | None, TestRun | None, str]:
    """Return the first and the last run of the tests on the fix, and what they say in words.

    Raises:
        StepFailed: when there is no fix, or its branch has moved on.
    """
    fix = await require_fix(case)
    judged = Judgement()
    first, last = await _tested(case, fix, judged)
    told = " ".join(judged.against or judged.shown) or "No tests could be run."
    return first, last, f"`{fix.commit[:7]}`: {told}"


async def require_fix(case: Case) -> FixCode:
    """Return the fix, whose branch still ends at the commit that was prepared.

    Raises:
        StepFailed: when there is none, or its branch has moved on.
    """
    fix = case.earlier("emergency_fix_code", FixCode)
    if fix is None:
        raise StepFailed("There is no fix to test.", remedy="Retry the hotfix step, or take this step over by hand.")
    await _require_unmoved(case, fix)
    return fix


def readiness(fix: FixCode, judged: Judgement, staging: StagingCheck | None) -> Readiness:
    """Return the judgement on the fix: ready when something was executed, and nothing speaks against it."""
    reason = " ".join(judged.against or judged.shown) or "Nothing could be executed: no tests and no staging."
    return Readiness(
        ready=bool(judged.shown) and not judged.against,
        commit=fix.commit,
        reason=reason[:300],
        staging=staging,
        evidence=list(dict.fromkeys(judged.evidence)),
    )


async def _tested(case: Case, fix: FixCode, judged: Judgement) -> tuple[TestRun | None, TestRun | None]:
    repository = await sources.repository(case)
    first, second = await _test(case, repository, fix) if repository is not None else (None, None)
    _judge_tests(case, judged, first, second)
    last = second or first
    return (first.run if first else None), (last.run if last else None)


async def _require_unmoved(case: Case, fix: FixCode) -> None:
    """Check that the branch still ends at the commit that was prepared.

    Raises:
        StepFailed: when it does not.
    """
    repository = await sources.repository(case)
    if repository is None:
        return
    head = await repository.resolve(f"refs/heads/{fix.branch}")
    if head != fix.commit:
        raise StepFailed(
            f"`{fix.branch}` is at `{head[:7]}` now, but `{fix.commit[:7]}` was prepared.",
            remedy="Retry the hotfix step, so that what is tested is what was prepared.",
        )


async def _test(case: Case, repository: Repository, fix: FixCode) -> tuple[TestResult | None, TestResult | None]:
    """Run the tests on a fresh checkout of the commit; twice where they are quick."""
    folder = case.folder("testing")
    results: list[TestResult] = []
    try:
        await worktrees.add(repository, folder, commit=fix.commit)
        while len(results) < 2:
            result = await testrun.run(
                folder, case.service.tests, case.settings.sandbox, clock=case.clock, what=f"`{fix.commit[:7]}`, the fix"
            )
            case.see(result.evidence)
            results.append(result)
            if result.run.timed_out or result.run.seconds > _REPEAT_BELOW.total_seconds():
                break
    except ToolFailed as fault:
        case.missing(fault)
    finally:
        await worktrees.remove(repository, folder)
    return (results[0] if results else None), (results[1] if len(results) > 1 else None)


def _judge_tests(case: Case, judged: Judgement, first: TestResult | None, second: TestResult | None) -> None:
    if first is None:
        return
    expected = case.earlier("minimal_test_suite", MinimalTests)
    known = set(expected.before.failing) if expected and expected.before else set()
    last = second or first
    judged.evidence += [first.evidence.id, last.evidence.id]
    if first.run.timed_out or last.run.timed_out:
        judged.against.append(f"The tests did not end within {round(last.run.seconds, 1):g} s.")
        return
    unsteady = first.failed ^ last.failed
    if unsteady:
        case.note(f"Fails now and then: {wording.tests(sorted(unsteady))}.")
    regressions = (first.failed & last.failed) - known
    if regressions:
        names = wording.tests(sorted(regressions))
        judged.against.append(f"{len(regressions)} tests fail with the fix: {names}.")
    spoke_against = set(expected.newly_failing) - last.failed if expected else set()
    if spoke_against:
        names = wording.tests(sorted(spoke_against))
        judged.against.append(f"{names} failed, or no longer counted, when the fix was prepared.")
    lost = set(expected.repaired) - last.passed if expected else set()
    if lost:
        judged.against.append(f"{wording.tests(sorted(lost))} no longer passes.")
    if not judged.against:
        repaired = f", {len(expected.repaired)} of them repaired" if expected and expected.repaired else ""
        still = f", {len(last.failed)} failing as before" if last.failed else ""
        judged.shown.append(f"{last.run.passed} tests passed{repaired}{still}.")


async def stage(case: Case, fix: FixCode, judged: Judgement) -> StagingCheck | None:
    """Deploy to staging and watch it; None where the service has none."""
    staging = case.service.staging
    if case.request.incident.drill:
        case.note("Drill: nothing is deployed to staging; the tests alone are run.")
        return None
    if staging is None or not staging.deploy:
        case.note("The service has no staging; the fix was not seen running before production.")
        return None
    try:
        rehearsed = rehearsal.is_wanted(case)
        before = await rehearsal.former(case, staging, fix) if rehearsed else None
        deployed = await deploys.deploy(
            case.service,
            "staging",
            commit=fix.commit,
            approved=None,
            journal=case.request.journal,
            clock=case.clock,
        )
        if before is not None and before.cut_off:
            deployed = await rehearsal.put_fix_back(case, fix)
        judged.evidence += case.see(deployed.evidence)
        watched = await health.watch(
            staging, case.clock, period=cadence.fitting(staging.watch, case.left), every=cadence.every(staging.watch)
        )
    except ToolFailed as fault:
        judged.against.append(f"Staging: {fault.message}")
        case.missing(fault)
        return None
    judged.evidence += case.see(watched.evidence)
    rate = "no requests" if watched.error_rate is None else f"{percent(watched.error_rate)} of requests failed"
    told = f"Staging {'healthy' if watched.healthy else 'not healthy'} for {watched.seconds:.0f} s, {rate}."
    (judged.shown if watched.healthy else judged.against).append(told)
    back = None
    if rehearsed and watched.healthy:
        back = await rehearsal.try_out(case, staging, fix, before, deployed)
        _judge_way_back(back, judged)
    return StagingCheck(
        healthy=watched.healthy,
        release=deployed.release,
        url=staging.health,
        error_rate=watched.error_rate,
        watched_seconds=watched.seconds,
        evidence=case.see(deployed.evidence, watched.evidence),
        rollback=back,
    )


def _judge_way_back(back: Rehearsal, judged: Judgement) -> None:
    judged.evidence += back.evidence
    if back.tested is False or not back.put_back:
        judged.against.append(back.reason)
    elif back.tested:
        judged.shown.append(f"The way back to release {back.release} was tried there.")
