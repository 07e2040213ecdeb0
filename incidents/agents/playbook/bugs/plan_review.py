"""Reviews the plan of a fix against the diagnosis, the criteria and the files as they stand."""

from incidents.agents.diagnoses import Consolidation
from incidents.agents.outputs import Output
from incidents.agents.planning import FixPlan
from incidents.agents.playbook.bugs import judging, past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import counted, listed
from incidents.agents.reviews import PLAN_ITEMS, Finding
from incidents.errors import ToolFailed

DIAGNOSIS, FILES, TESTS, SMALLEST, CRITERIA = PLAN_ITEMS


async def run(case: Case) -> tuple[Output, str]:
    """Judge the plan that this step reviews.

    Raises:
        StepFailed: when there is no plan.
    """
    judged = past.judged(case, "bug-fix-plan", FixPlan, "plan")
    found = past.newest(case, "bug-diagnosis-consolidation", Consolidation)
    record = case.step_record(judged.step)
    refs = [record, *([case.step_record(found.step)] if found else [])]
    plan, known = judged.output, found.output if found else None
    findings = [
        _diagnosis(plan, known, refs),
        await _files(case, plan, record),
        _tests(plan, record),
        _smallest(plan, known, refs),
        _criteria(plan, known, refs),
    ]
    review = judging.review(findings)
    return review, judging.in_one_line(review, "The plan")


def _planned(plan: FixPlan) -> set[str]:
    return {path for task in plan.tasks for path in task.files}


def _diagnosis(plan: FixPlan, known: Consolidation | None, refs: list[str]) -> Finding:
    if known is None:
        return judging.finding(DIAGNOSIS, "There is no consolidated diagnosis to hold it against.", refs, holds=None)
    cause = known.diagnosis
    if plan.commit is not None and cause.commit is not None and plan.commit != cause.commit:
        why = f"It undoes `{plan.commit[:7]}`, but `{cause.commit[:7]}` is the cause."
        return judging.finding(DIAGNOSIS, why, refs, holds=None)  # people chose the option; they may know more
    if cause.root_file is None:
        return judging.finding(DIAGNOSIS, "The diagnosis names no place.", refs, holds=None)
    if cause.root_file in _planned(plan) or plan.commit is not None:
        return judging.finding(DIAGNOSIS, f"It changes `{cause.root_file}`, where the cause is.", refs, holds=True)
    why = f"The cause is in `{cause.root_file}`, which it does not change."
    return judging.finding(DIAGNOSIS, why, refs, holds=False)


async def _files(case: Case, plan: FixPlan, record: str) -> Finding:
    known = {each.name: each for each in case.service.codebases()}
    absent: list[str] = []
    for task in plan.tasks:
        code = known.get(task.repository)
        if code is None:
            absent.append(f"the repository `{task.repository}`")
            continue
        try:
            files = set(await (await past.clone(case, code)).files(code.branch))
        except ToolFailed as fault:
            case.missing(fault)
            why = f"`{task.repository}` cannot be read here."
            return judging.finding(FILES, why, [record], holds=None)
        new = " ".join(task.steps)
        absent += [f"`{path}`" for path in task.files if path not in files and f"new `{path}`" not in new]
    if absent:
        why = f"{listed(absent)}: not there, and not said to be new."
        return judging.finding(FILES, why, [record], holds=False)
    return judging.finding(FILES, "All planned files are there.", [record], holds=True)


def _tests(plan: FixPlan, record: str) -> Finding:
    without = [f"`{task.repository}`" for task in plan.tasks if not task.tests and "test" not in task.steps[0].lower()]
    if without:
        why = f"No test is planned first in {listed(without)}."
        return judging.finding(TESTS, why, [record], holds=False)
    return judging.finding(TESTS, "The test comes first, without the fix and with it.", [record], holds=True)


def _smallest(plan: FixPlan, known: Consolidation | None, refs: list[str]) -> Finding:
    needed = {*known.diagnosis.affected_files, known.diagnosis.root_file} if known else set()
    asked_for = {path for task in plan.tasks for path in task.asked_for}
    beyond = sorted(path for path in _planned(plan) if path not in needed)
    more = [path for path in beyond if path not in asked_for]
    undone = [commit for task in plan.tasks if (commit := plan.undoes(task.repository))]
    if len(undone) == len(plan.tasks):
        why = f"It undoes {counted(len(undone), 'commit')} and adds nothing."
        return judging.finding(SMALLEST, why, refs, holds=True)
    if known is None or (more and not known.diagnosis.affected_files):
        return judging.finding(SMALLEST, "Which files the cause needs is not known.", refs, holds=None)
    if more:
        why = f"{listed([f'`{path}`' for path in more])}: the diagnosis does not name them."
        return judging.finding(SMALLEST, why, refs, holds=False)
    if beyond:
        why = f"{listed([f'`{path}`' for path in beyond])}: people asked for it; the diagnosis does not name it."
        return judging.finding(SMALLEST, why, refs, holds=None)
    return judging.finding(SMALLEST, "It changes what the diagnosis names, no more.", refs, holds=True)


def _criteria(plan: FixPlan, known: Consolidation | None, refs: list[str]) -> Finding:
    if known is None:
        return judging.finding(CRITERIA, "There are no criteria to hold it against.", refs, holds=None)
    steps = " ".join(step.lower() for task in plan.tasks for step in task.steps)
    if "without the fix" in steps or "all tests" in steps or "all existing tests" in steps:
        names = listed([each.id for each in known.user_story.criteria], most=6)
        return judging.finding(CRITERIA, f"Its test runs show {names}.", refs, holds=True)
    why = "No step runs the tests without the fix and with it, which is what the criteria are shown by."
    return judging.finding(CRITERIA, why, refs, holds=False)
