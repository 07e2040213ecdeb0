"""The seven-item review of an implementation; each item from git, the tests or the plan, never from what was said."""

from dataclasses import dataclass

from incidents import catalog
from incidents.agents.diagnoses import Consolidation
from incidents.agents.outputs import Output
from incidents.agents.planning import FixPlan, Implementation, RepositoryTask
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import bothways, callsites, criteria, judging, past, principles, smallest
from incidents.agents.playbook.bugs.callsites import Changed
from incidents.agents.playbook.bugs.smallest import Tried
from incidents.agents.playbook.case import Case
from incidents.agents.reviews import CODE_ITEMS, Finding
from incidents.errors import ToolFailed
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Diff, Repository

ALIGNMENT, TEST_PROOF, STABILITY, SCOPE, CALL_SITES, COMPATIBILITY, BOTH_WAYS = CODE_ITEMS


@dataclass(frozen=True)
class Seen:
    """What the review looks at."""

    made: Implementation
    record: str  #: evidence id of the implementation's record
    task: RepositoryTask | None
    diagnosis: Consolidation | None
    diff: Diff
    changed: list[Changed]

    @property
    def cites(self) -> list[str]:
        """Return the ids of the record and of the difference."""
        return [self.record, self.diff.evidence.id]


async def run(case: Case) -> tuple[Output, str]:
    """Judge the implementation that this step reviews.

    Raises:
        StepFailed: when there is none.
        ToolFailed: when it cannot be read.
    """
    judged = past.judged(case, "bug-implementation", Implementation, "implementation")
    made, code = judged.output, past.codebase(case)
    if not made.commit:
        review = judging.review([_missing(item, made, case.step_record(judged.step)) for item in CODE_ITEMS])
        return review, judging.in_one_line(review, f"`{made.repository}`")
    repository = await past.clone(case, code)
    diff = await repository.diff(made.base, made.commit)
    case.see(diff.evidence)
    seen = Seen(
        made,
        case.step_record(judged.step),
        _task(case, code),
        _diagnosis(case),
        diff,
        await callsites.changed(repository, made.base, made.commit, diff),
    )
    findings = [
        _alignment(seen),
        _test_proof(seen),
        await _stability(case, code, repository, seen),
        _scope(seen, await smallest.tried(case, code, repository, made)),
        _call_sites(seen),
        _compatibility(seen),
        _both_ways(seen),
        *await principles.judged(case, repository, made, diff),
    ]
    review = judging.review(findings)
    # Behind the items that show them: the critique says each fault once.
    told = [*findings, *criteria.judged(seen.diagnosis, findings, seen.cites)]
    review = review.model_copy(update={"findings": told})
    return review, judging.in_one_line(review, f"`{made.repository}` `{made.commit[:7]}`")


def _missing(item: str, made: Implementation, record: str) -> Finding:
    holds = False if item == TEST_PROOF else None
    return judging.finding(item, f"There is nothing to review: {made.reason}", [record], holds=holds)


def _task(case: Case, code: catalog.Repository) -> RepositoryTask | None:
    plans = past.all_of(case, "bug-fix-plan", FixPlan)
    tasks = plans[-1].output.tasks if plans else []
    return next((task for task in tasks if task.repository == code.name), None)


def _diagnosis(case: Case) -> Consolidation | None:
    found = past.all_of(case, "bug-diagnosis-consolidation", Consolidation)
    return found[-1].output if found else None


def _alignment(seen: Seen) -> Finding:
    cause = seen.diagnosis.diagnosis if seen.diagnosis else None
    if cause is None or cause.root_file is None:
        return judging.finding(ALIGNMENT, "The diagnosis names no place to compare with.", seen.cites, holds=None)
    if cause.root_file in seen.diff.files:
        return judging.finding(
            ALIGNMENT, f"It changes `{cause.root_file}`, where the cause is.", seen.cites, holds=True
        )
    planned = [path for path in seen.task.files if path in seen.diff.files] if seen.task else []
    if seen.task and planned and cause.root_file not in seen.task.files:
        why = f"It changes {_paths(planned)}, what the plan names in this repository."
        return judging.finding(ALIGNMENT, why, seen.cites, holds=True)
    why = f"It does not change `{cause.root_file}`, where the cause was found."
    return judging.finding(ALIGNMENT, why, seen.cites, holds=False)


def _test_proof(seen: Seen) -> Finding:
    shown = seen.made.tests.passed_with_fix
    if shown:
        return judging.finding(TEST_PROOF, f"{wording.tests(shown)} shows the bug.", [seen.record], holds=True)
    why = f"No test shows the bug: {seen.made.reason or 'none failed without the fix'}"
    return judging.finding(TEST_PROOF, why, [seen.record], holds=False)


async def _stability(case: Case, code: catalog.Repository, repository: Repository, seen: Seen) -> Finding:
    """Run the tests once more on the exact commit; what fails now and passed before is broken or unsteady."""
    try:
        what = f"`{seen.made.commit[:7]}`, once more"
        again = await bothways.run_at(case, code, repository, seen.made.commit, what=what)
    except ToolFailed as fault:
        return judging.finding(STABILITY, f"The tests could not be run again: {fault.message}", seen.cites, holds=None)
    refs = [again.evidence.id, seen.record]
    known = set(seen.made.tests.without_fix.failing) if seen.made.tests.without_fix else set()
    unsteady = sorted(set(seen.made.tests.passed_with_fix) - again.passed)
    broken = sorted({*(again.failed - known), *seen.made.tests.newly_failing})
    if again.run.timed_out:
        return judging.finding(STABILITY, "The tests do not end with the fix.", refs, holds=False)
    if broken or unsteady:
        why = f"{wording.tests([*broken, *unsteady])} fails with the fix, or now and then."
        return judging.finding(STABILITY, why, refs, holds=False)
    return judging.finding(STABILITY, f"{again.run.passed} tests pass again, none newly fails.", refs, holds=True)


def _scope(seen: Seen, tried: Tried) -> Finding:
    if seen.task is None:
        return judging.finding(SCOPE, "The plan has no task for this repository.", seen.cites, holds=None)
    planned = {*seen.task.files, *seen.task.tests}
    beyond = [path for path in seen.diff.files if path not in planned and filekinds.kind(path) is not FileKind.TEST]
    if beyond:
        why = f"{_paths(beyond)}: changed, and not in the plan."
        return judging.finding(SCOPE, why, seen.cites, holds=False)
    left = [path for path in seen.task.files if path not in seen.diff.files and filekinds.runs(path)]
    if left:
        return judging.finding(SCOPE, f"{_paths(left)}: planned, and not changed.", seen.cites, holds=None)
    if tried.needless:  # a person judges: what no test shows may be needed all the same
        return judging.finding(SCOPE, tried.in_words, [*seen.cites, *tried.evidence], holds=None)
    return judging.finding(SCOPE, "It changes what the plan names, no more.", seen.cites, holds=True)


def _call_sites(seen: Seen) -> Finding:
    left = [each for each in seen.changed if each.callers]
    gone = [each for each in left if each.gone and "." not in each.name]
    if gone:
        told = "; ".join(f"{each.in_words}, {wording.listed(list(each.callers))} still name it" for each in gone[:3])
        return judging.finding(CALL_SITES, f"{told}.", seen.cites, holds=False)
    if left:
        told = "; ".join(f"{each.in_words}: look at {wording.listed(list(each.callers))}" for each in left[:3])
        return judging.finding(CALL_SITES, f"{told}.", seen.cites, holds=None)
    return judging.finding(CALL_SITES, "No function that others call went or changed its form.", seen.cites, holds=True)


def _compatibility(seen: Seen) -> Finding:
    migrations = [path for path in seen.diff.files if filekinds.kind(path) is FileKind.MIGRATION]
    if migrations:
        why = f"{_paths(migrations)}: stored data changes, which a person has to judge."
        return judging.finding(COMPATIBILITY, why, seen.cites, holds=False)
    public = [each.in_words for each in seen.changed if each.is_public and filekinds.runs(each.path)]
    if public:
        why = f"{wording.listed(public)}: whoever uses it from outside will notice."
        return judging.finding(COMPATIBILITY, why, seen.cites, holds=None)
    return judging.finding(COMPATIBILITY, "No public name, argument or stored form changes.", seen.cites, holds=True)


def _both_ways(seen: Seen) -> Finding:
    tests = seen.made.tests
    if tests.without_fix is None or tests.with_fix is None:
        return judging.finding(BOTH_WAYS, "The two runs are not recorded.", [seen.record], holds=False)
    if tests.passed_with_fix and not tests.newly_failing:
        failed, passed = tests.without_fix.failed + tests.without_fix.errors, tests.with_fix.passed
        why = f"{failed} failed without the fix; {passed} passed with it, those among them."
        return judging.finding(BOTH_WAYS, why, [seen.record], holds=True)
    return judging.finding(BOTH_WAYS, seen.made.reason or "Both runs say the same.", [seen.record], holds=False)


def _paths(paths: list[str]) -> str:
    return wording.listed([f"`{path}`" for path in paths])
