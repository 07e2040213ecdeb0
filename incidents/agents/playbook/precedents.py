"""What is known from before: past solutions and critical patterns, consulted before a cause is looked for.

They suggest and never decide: what was true of another failure is a claim about this one that nothing has shown yet.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from incidents.agents.outputs import Claim, Hypothesis, Verdict
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.sources import Release
from incidents.knowledge import solutions
from incidents.knowledge.solutions import Match, Solution

_MOST = 3  # solutions that are told of; more would bury what was seen today


@dataclass(frozen=True)
class Precedent:
    """A solution that resembles this incident, or a pattern that every analysis looks at."""

    solution: Solution
    shared: tuple[str, ...]  #: the words it has in common with this incident; empty for a pattern
    evidence: str  #: id

    @property
    def likeness(self) -> str:
        """Return what it has in common, for people."""
        return ", ".join(f"`{word}`" for word in self.shared[:4])


async def consult(case: Case, release: Release) -> list[Precedent]:
    """Search what earlier incidents and the repository's own documents say, and keep what resembles this one."""
    service = case.request.service
    in_repository: tuple[Solution, ...] = ()
    if service is not None and service.repository:
        in_repository = await asyncio.to_thread(solutions.read, Path(service.repository))
    known = [*case.request.solutions, *in_repository]
    patterns = solutions.critical_patterns(in_repository)
    searched = [each for each in known if each not in patterns]
    matches = await asyncio.to_thread(solutions.search, searched, asked(case, release), limit=_MOST)
    return [_precedent(case, Match(each, 1.0, ())) for each in patterns] + [_precedent(case, each) for each in matches]


def asked(case: Case, release: Release) -> str:
    """Return the words to search with: what people said, what was raised, and where."""
    failures = release.findings.failures if release.findings else ()
    raised = [failures[0].raised.headline] if failures else []
    places = [frame.path for frame in failures[0].raised.frames[-2:]] if failures else []
    return "\n".join((case.said(), *raised, *places))


def _precedent(case: Case, match: Match) -> Precedent:
    [ref] = case.see(solutions.cite(match.solution, captured_at=case.now))
    return Precedent(match.solution, match.shared, ref)


def claims(case: Case, known: Sequence[Precedent]) -> list[Claim]:
    """Return what was found, each citing its document."""
    return [case.claim(_in_words(each), [each.evidence], Verdict.INCONCLUSIVE) for each in known]


def _in_words(found: Precedent) -> str:
    where = f"{found.solution.title} ({found.solution.path})"
    if not found.shared:
        return f"Critical patterns of this repository were looked at: {where}."
    return f"It resembles an earlier one: {where}; both speak of {found.likeness}."


def hypotheses(known: Sequence[Precedent]) -> list[Hypothesis]:
    """Return for the likest solution that its cause is back, to be refuted."""
    like = next((each for each in known if each.shared), None)
    if like is None:
        return []
    return [
        Hypothesis(
            statement=f"What broke it before is back: {like.solution.title}"[:300],
            state="open",
            reason=f"{like.solution.path} speaks of {like.likeness} too"[:300],
            refuted_by="its solution is still in place in the release that fails",
            evidence=[like.evidence],
        )
    ]
