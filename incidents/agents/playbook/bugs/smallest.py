"""The smallest change: which places of a fix the tests stay green without, found by leaving out one at a time."""

from dataclasses import dataclass

from incidents import catalog
from incidents.agents.planning import Implementation
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import bothways
from incidents.agents.playbook.case import Case
from incidents.errors import ToolFailed
from incidents.tools import filekinds, hunks
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Repository

MOST = 6  #: places that are tried; each costs one run of the tests
_SHARE = 0.3  # of the step's time that is left; the review itself needs the rest


@dataclass(frozen=True)
class Tried:
    """What leaving places out showed."""

    needless: tuple[str, ...] = ()  #: the tests stay green without them
    evidence: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """Return what to look at; empty where every place that was tried is needed."""
        if not self.needless:
            return ""
        places = wording.listed([f"`{place}`" for place in self.needless])
        return f"The tests stay green without {places}: needed, or more than the smallest change?"


async def tried(case: Case, code: catalog.Repository, repository: Repository, made: Implementation) -> Tried:
    """Run the tests without each place of the fix, as long as there is time; what cannot be tried says nothing.

    A fix of one place was tried already: without it the tests failed.
    """
    if not made.tests.passed_with_fix or made.tests.with_fix is None:
        return Tried()
    until = case.now + case.left * _SHARE
    paths = [path for path in made.files if filekinds.runs(path) and filekinds.kind(path) is not FileKind.TEST]
    needless, seen = [], []
    try:
        places = await hunks.of(repository, made.base, made.commit, paths)
        for at, hunk in enumerate(places if len(places) > 1 else ()):
            if at == MOST or case.now >= until:
                case.note(f"{at} of {len(places)} places of the fix were tried without; then time was over.")
                break
            commit = await hunks.without(repository, case.folder(f"without-{code.name}"), made.commit, hunk)
            if not commit:
                continue
            result = await bothways.run_at(case, code, repository, commit, what=f"the fix without `{hunk.place}`")
            green = set(made.tests.passed_with_fix) <= result.passed
            if green and not result.run.timed_out and result.failed <= set(made.tests.with_fix.failing):
                needless.append(hunk.place)
                seen.append(result.evidence.id)
    except ToolFailed as fault:
        case.missing(fault)
    return Tried(tuple(needless), tuple(seen))
