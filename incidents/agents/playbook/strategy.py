"""Test strategy: what must hold before a fix is released, which tests exercise it, and what none of them shows."""

from incidents.agents.outputs import Output, TestedStrategyOutput, TestScenario, TestStrategy, TestStrategyOutput
from incidents.agents.playbook import past, sources, testing, wording
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.past import Past
from incidents.errors import ToolFailed
from incidents.tools import filekinds
from incidents.tools.evidence import EvidenceKind
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Repository

_MOST_TESTS = 5  # files named for one scenario


async def run(case: Case) -> tuple[Output, str]:
    """Plan the tests, before there is a fix."""
    strategy = await _plan(case)
    return TestStrategyOutput(test_strategy=strategy), strategy.summary


async def run_and_test(case: Case) -> tuple[Output, str]:
    """Plan the tests, and run those that there are on the exact commit of the fix.

    Raises:
        StepFailed: when there is no fix, or its branch has moved on.
    """
    strategy = await _plan(case)
    first, last, told = await testing.on_the_fix(case)
    output = TestedStrategyOutput(
        test_strategy=strategy, fix_validation_results=first, regression_test_results=last or first
    )
    return output, f"{told} {strategy.summary}"


async def _plan(case: Case) -> TestStrategy:
    known = past.read(case)
    repository = await sources.repository(case)
    scenarios = [*_of_the_failure(case, known), *await _of_components(case, known, repository)]
    gaps = _gaps(case, scenarios, repository)
    covered = sum(bool(each.covered_by) for each in scenarios)
    claims = [
        case.claim(
            f"{each.title}: exercised by {wording.listed([f'`{path}`' for path in each.covered_by])}.", each.evidence
        )
        for each in scenarios
        if each.covered_by and each.evidence
    ]
    counts = (wording.counted(len(scenarios), "scenario"), wording.counted(len(gaps), "gap"))
    summary = f"{counts[0]}, {covered} exercised by tests, {counts[1]}."
    return TestStrategy(summary=summary, scenarios=scenarios, gaps=gaps, claims=claims)


def _of_the_failure(case: Case, known: Past) -> list[TestScenario]:
    cause = known.cause
    if cause is None:
        return []
    place = f" at `{cause.file}:{cause.line}`" if cause.file and cause.line else ""
    return [
        TestScenario(
            title=f"What failed in production{place} no longer fails",
            why=cause.summary[:300],
            covered_by=[],  # a test that names the part is not yet one that fails on this
            evidence=[case.record("preliminary_root_cause")],
        )
    ]


async def _of_components(case: Case, known: Past, repository: Repository | None) -> list[TestScenario]:
    scenarios = []
    for component in known.components:
        files, seen = await _tests_of(case, repository, component.name)
        scenarios.append(
            TestScenario(
                title=f"`{component.name}` does what it did before",
                why=f"`{component.path}` is on the failing stack, or changed by what is accused.",
                covered_by=files,
                evidence=seen or [case.record("affected_components_list")],
            )
        )
    return scenarios


async def _tests_of(case: Case, repository: Repository | None, name: str) -> tuple[list[str], list[str]]:
    """Return the test files that name a part, and the evidence."""
    if repository is None:
        return [], []
    try:
        head = await repository.resolve(case.service.branch)
        # Without a match git exits with 1, which is an answer.
        done = await repository.grep("-l", "-w", "-F", "-e", name, head)
    except ToolFailed as fault:
        case.missing(fault)
        return [], []
    paths = [line.partition(":")[2] for line in done.stdout.splitlines()]
    tests = [path for path in paths if filekinds.kind(path) is FileKind.TEST]
    summary = f"`{name}` stands in {wording.counted(len(tests), 'test file')} at `{head[:7]}`"
    seen = done.as_evidence(EvidenceKind.GIT, str(repository.path), summary=summary, captured_at=case.now)
    return tests[:_MOST_TESTS], case.see(seen)


def _gaps(case: Case, scenarios: list[TestScenario], repository: Repository | None) -> list[str]:
    service = case.request.service
    gaps = [f"No test file is known for: {each.title}." for each in scenarios if not each.covered_by]
    if repository is None:
        gaps.append("The repository could not be read, so its tests are not known.")
    if service is None or not service.tests.command:
        gaps.append("No command runs the service's tests; Sitrep cannot run any.")
    if service is None or service.staging is None:
        gaps.append("There is no staging: the fix is first seen running in production.")
    return [*gaps, "Load and response times are not measured by Sitrep."]
