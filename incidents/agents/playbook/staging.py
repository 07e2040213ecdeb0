"""Staging: the exact commit that was tested, seen running before production, and judged ready or not."""

from incidents.agents.outputs import MinimalTests, Output, StagingOutput, TestRun
from incidents.agents.playbook import testing
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.testing import Judgement
from incidents.agents.playbook.wording import counted


async def run(case: Case) -> tuple[Output, str]:
    """Deploy the fix to staging, watch it, and judge it together with its tests.

    Raises:
        StepFailed: when there is no fix, or its branch has moved on.
    """
    fix = await testing.require_fix(case)
    judged = Judgement()
    _judge_recorded_tests(case, judged)
    staging = await testing.stage(case, fix, judged)
    readiness = testing.readiness(fix, judged, staging)
    verdict = "ready" if readiness.ready else "not ready"
    return StagingOutput(
        deployment_readiness_confirmation=readiness
    ), f"`{fix.commit[:7]}` is {verdict}: {readiness.reason}"


def _judge_recorded_tests(case: Case, judged: Judgement) -> None:
    """Judge the run that testing recorded: the same commit is not tested twice."""
    run = case.earlier("regression_test_results", TestRun)
    if run is None:
        return
    judged.evidence.append(case.record("regression_test_results"))
    before = case.earlier("minimal_test_suite", MinimalTests)
    known = set(before.before.failing) if before and before.before else set()
    broken = [test for test in run.failing if test not in known]
    if run.timed_out:
        judged.against.append("The tests did not end.")
    elif broken:
        judged.against.append(f"{counted(len(broken), 'test')} fail with the fix.")
    else:
        judged.shown.append(f"{counted(run.passed, 'test')} passed.")
