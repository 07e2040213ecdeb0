"""Bidirectional validation: the same tests without the fix and with it, both runs kept as evidence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from incidents import catalog
from incidents.agents.planning import BothWays
from incidents.agents.playbook import wording
from incidents.agents.playbook.case import Case
from incidents.errors import ToolFailed
from incidents.tools import filekinds, testreports, testrun, worktrees
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Repository
from incidents.tools.testrun import TestResult

MAX_NAMED = 50  # BothWays


@dataclass(frozen=True)
class Proof:
    """What both runs showed."""

    tests: BothWays
    why_not: str  #: why it proves nothing; empty when it does
    evidence: tuple[str, ...]

    @property
    def stands(self) -> bool:
        """Tell whether a test failed without the fix and passed with it, and none broke."""
        return not self.why_not


NOTHING = BothWays(
    without_fix=None, with_fix=None, failed_without_fix=[], passed_with_fix=[], newly_failing=[], test_files=[]
)


async def run_at(
    case: Case, code: catalog.Repository, repository: Repository, commit: str, *, tests_of: str = "", what: str
) -> TestResult:
    """Run the tests of `commit`, with the test files that `tests_of` changed against it laid over.

    Raises:
        ToolFailed: when they cannot be run.
    """
    folder = case.folder(f"proof-{code.name}")
    try:
        await worktrees.add(repository, folder, commit=commit)
        if tests_of:
            paths = await test_files(repository, commit, tests_of)
            await repository.ask("checkout", "--quiet", tests_of, "--", *paths, cwd=folder)
        result = await testrun.run(folder, code.tests, case.settings.sandbox, clock=case.clock, what=what)
    finally:
        await worktrees.remove(repository, folder)
    case.see(result.evidence)
    return result


async def test_files(repository: Repository, base: str, commit: str) -> list[str]:
    """Return the test files that `commit` has and `base` has not so."""
    diff = await repository.diff(base, commit)
    there = set(await repository.files(commit))
    return [path for path in diff.files if path in there and filekinds.kind(path) is FileKind.TEST]


async def weakened(
    case: Case,
    code: catalog.Repository,
    repository: Repository,
    base: str,
    commit: str,
    runs: tuple[TestResult, TestResult],
    *,
    undone: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return the tests that count for less with a change: no longer executed, or green only as it rewrote them.

    One that is rewritten and fails without the change shows what the change does, and is none of them. `runs` are those
    at `base` and at `commit`; tests of what was `undone` may go.

    Raises:
        ToolFailed: when the tests cannot be run.
    """
    before, after = runs
    if after.run.timed_out:
        return ()
    lost = set(testrun.gone(before, after, undone_files=undone))
    if [path for path in await test_files(repository, commit, base) if path not in undone]:
        told = f"`{commit[:7]}` with the tests as they stood before"
        kept = await run_at(case, code, repository, commit, tests_of=base, what=told)
        rewritten = {test for test in after.passed & kept.failed if not testreports.belongs_to(test, undone)}
        if rewritten:
            told = f"`{base[:7]}` with the tests as they stand now"
            rewritten -= (await run_at(case, code, repository, base, tests_of=commit, what=told)).failed
        lost |= rewritten
    return tuple(sorted(lost))


def no_longer_counts(tests: Sequence[str]) -> str:
    """Return one sentence on tests that were weakened."""
    return f"{wording.tests(tests)} no longer counts: deleted, skipped or emptied by the change."


async def prove(
    case: Case,
    code: catalog.Repository,
    repository: Repository,
    base: str,
    commit: str,
    *,
    undone: Sequence[str] = (),
) -> Proof:
    """Run the tests at `base` and at `commit`; where none differs, those of the fix laid over `base`.

    `undone` are the paths of a commit that the fix undoes: its own tests may rightly fail now. A test that the change
    weakened shows nothing, and speaks against it.
    """
    try:
        before = await run_at(case, code, repository, base, what=f"`{base[:7]}`, without the fix")
        after = await run_at(case, code, repository, commit, what=f"`{commit[:7]}`, with the fix")
        lost = await weakened(case, code, repository, base, commit, (before, after), undone=undone)
        laid: list[str] = []
        if not (before.failed & after.passed).difference(lost):
            laid = await test_files(repository, base, commit)
            if laid:
                told = f"`{base[:7]}` with the tests of the fix"
                before = await run_at(case, code, repository, base, tests_of=commit, what=told)
    except ToolFailed as fault:
        case.missing(fault)
        return Proof(NOTHING, fault.message, ())
    return _judge(before, after, laid, undone, lost)


async def prove_written(
    case: Case,
    code: catalog.Repository,
    repository: Repository,
    base: str,
    commit: str,
    *,
    before: TestResult | None = None,
) -> Proof:
    """Prove a change that a machine wrote, whose tests are trusted no more than the change.

    A test of it must fail on `base` and pass on `commit`, the same text both times; every test that passes on `base`
    must pass on `commit` as it stands on `base`. `before` are the tests on `base`, where they were run already.
    """
    diff = await repository.diff(base, commit)
    if not any(filekinds.runs(path) for path in diff.files):
        return Proof(NOTHING, "It changes tests or documents alone, nothing that runs.", ())
    if settings := [path for path in diff.files if filekinds.decides_how_tests_run(path)]:
        return Proof(NOTHING, f"It changes `{settings[0]}`, which decides how tests run.", ())
    try:
        if before is None:
            before = await run_at(case, code, repository, base, what=f"`{base[:7]}`, without the fix")
        after = await run_at(case, code, repository, commit, what=f"`{commit[:7]}`, with the fix")
        laid = await test_files(repository, base, commit)
        shown = before
        if laid:
            told = f"`{base[:7]}` with the tests of the fix"
            shown = await run_at(case, code, repository, base, tests_of=commit, what=told)
        kept = after
        if await test_files(repository, commit, base):
            told = f"`{commit[:7]}` with the tests as they stood before"
            kept = await run_at(case, code, repository, commit, tests_of=base, what=told)
    except ToolFailed as fault:
        case.missing(fault)
        return Proof(NOTHING, fault.message, ())
    proof = _judge(shown, after, laid, (), sorted(testrun.gone(before, after)))
    lost = sorted(before.passed - kept.passed)
    if not proof.stands or not lost:
        return proof
    why = f"{wording.tests(lost)} passed before, and not with the fix as it stood before."
    return replace(proof, why_not=why, evidence=(*proof.evidence, before.evidence.id, kept.evidence.id))


def _judge(before: TestResult, after: TestResult, laid: list[str], undone: Sequence[str], lost: Sequence[str]) -> Proof:
    compared = testrun.compare(before, after, undone_files=undone)
    tests = BothWays(
        without_fix=before.run,
        with_fix=after.run,
        failed_without_fix=sorted(before.failed)[:MAX_NAMED],
        passed_with_fix=[test for test in compared.repaired if test not in lost][:MAX_NAMED],
        newly_failing=[*lost, *(test for test in compared.newly_failing if test not in lost)][:MAX_NAMED],
        test_files=laid[:MAX_NAMED],
    )
    return Proof(tests, _why_not(before, after, tests, lost), (before.evidence.id, after.evidence.id))


def _why_not(before: TestResult, after: TestResult, tests: BothWays, lost: Sequence[str]) -> str:
    if before.run.timed_out or after.run.timed_out:
        return "The tests did not end."
    if lost:
        return no_longer_counts(lost)
    if not before.failed:
        return "No test fails without the fix, so none shows that it helps."
    if not tests.passed_with_fix:
        return "The tests that fail without the fix do not pass with it."
    if tests.newly_failing:
        return f"{len(tests.newly_failing)} tests fail with the fix that passed before."
    return ""
