"""Shows by execution that a commit is the cause: undone in a worktree of its own, failing tests execute and pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from incidents.agents.playbook import wording
from incidents.agents.playbook.case import Case
from incidents.errors import ToolFailed
from incidents.tools import reverts, testrun, worktrees
from incidents.tools.git import Repository
from incidents.tools.reverts import Undone
from incidents.tools.suspects import Suspect
from incidents.tools.testrun import Comparison, TestResult

#: Suspects that are tried; in the measured cases the culprit ranked below third in fewer than one of ten.
MAX_TRIED = 3


@dataclass(frozen=True)
class Proof:
    """What undoing one suspect did."""

    suspect: Suspect
    undone: Undone | None  #: None when it was refused; `refusal` says why
    comparison: Comparison | None  #: None when no test could be compared
    evidence: tuple[str, ...]
    refusal: str = ""
    tests_said: str = ""  #: what the failing tests printed before

    @property
    def proven(self) -> bool:
        """Tell whether undoing it repaired failing tests and broke none."""
        return self.comparison is not None and self.comparison.proven

    @property
    def in_words(self) -> str:
        """Return what happened, as one sentence."""
        short = self.suspect.commit.short
        if self.undone is None:
            return self.refusal
        if not self.undone.worked:
            return f"Undoing `{short}` conflicts in {', '.join(self.undone.conflicts[:3])}."
        if self.comparison is None:
            return f"`{short}` can be undone; no failing test could show whether that helps."
        return _compared(short, self.comparison)


def _compared(short: str, comparison: Comparison) -> str:
    if comparison.proven:
        return f"With `{short}` undone, {wording.tests(comparison.repaired)} executed and passed; failing before."
    if comparison.repaired:
        broken = (*comparison.still_failing, *comparison.newly_failing, *comparison.vanished)
        return f"With `{short}` undone, {len(comparison.repaired)} tests pass again, but {wording.tests(broken)} not."
    if comparison.vanished:
        return f"With `{short}` undone, {wording.tests(comparison.vanished)} no longer executes: that repairs nothing."
    return f"With `{short}` undone, the same tests fail."


async def tests_before(case: Case, repository: Repository, base: str) -> TestResult | None:
    """Run the service's tests at `base`; None, with a note, when they cannot be run or do not end."""
    folder = case.folder("proof")
    try:
        await worktrees.add(repository, folder, commit=base)
        result = await testrun.run(
            folder, case.service.tests, case.settings.sandbox, clock=case.clock, what=f"`{base[:7]}` as deployed"
        )
    except ToolFailed as fault:
        case.missing(fault)
        return None
    finally:
        await worktrees.remove(repository, folder)
    case.see(result.evidence)
    if result.run.timed_out:
        case.note(
            f"The service's tests did not end within {round(result.run.seconds, 1):g} s and were stopped; nothing can"
            " be shown by them. Raise `tests.timeout` in sitrep.yml, or repair the test that hangs."
        )
        return None
    return result


async def try_suspects(
    case: Case,
    repository: Repository,
    base: str,
    before: TestResult | None,
    asked: Sequence[Suspect],
    suspects: Sequence[Suspect],
) -> list[Proof]:
    """Undo suspects one after the other at `base` until one is proven, first those that a person asked for.

    Without failing tests nothing can be proven, so that beyond these only the first is tried: can it be undone?
    """
    tried: list[Proof] = []
    failing = before if before is not None and before.failed else None
    others = [suspect for suspect in suspects if suspect not in asked]
    for suspect in (*asked[:MAX_TRIED], *others[: MAX_TRIED if failing else 1]):
        if tried and before is not None and case.left < timedelta(seconds=2 * before.run.seconds):
            case.note("The step's time ended before all suspects were tried.")
            break
        tried.append(await _try(case, repository, base, failing, suspect))
        if tried[-1].proven:
            break
    return tried


async def _try(case: Case, repository: Repository, base: str, before: TestResult | None, suspect: Suspect) -> Proof:
    folder = case.folder("proof")
    try:
        worktree = await worktrees.add(repository, folder, commit=base)
        undone = await reverts.undo(worktree, suspect.commit, reason="Tried out by Sitrep to find a cause.")
        if not undone.worked:
            return Proof(suspect, undone, None, suspect.evidence)
        cited = [*suspect.evidence, *case.see(*undone.evidence)]
        if before is None:
            return Proof(suspect, undone, None, tuple(cited))
        after = await testrun.run(
            folder,
            case.service.tests,
            case.settings.sandbox,
            clock=case.clock,
            what=f"`{base[:7]}` without `{suspect.commit.short}`",
        )
    except ToolFailed as fault:
        return Proof(suspect, None, None, suspect.evidence, str(fault))
    finally:
        await worktrees.remove(repository, folder)
    cited = [before.evidence.id, *case.see(after.evidence), *cited]
    comparison = None if after.run.timed_out else testrun.compare(before, after, undone_files=suspect.commit.files)
    return Proof(suspect, undone, comparison, tuple(cited), tests_said=before.evidence.excerpt)
