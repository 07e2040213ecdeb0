"""Looks for the commit that broke a service, and tells honestly how sure that is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from incidents.agents.outputs import Verdict
from incidents.agents.playbook import proof, trouble
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.proof import Proof
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.trouble import Sign
from incidents.agents.playbook.wording import listed
from incidents.errors import ToolFailed
from incidents.tools import suspects, tracebacks
from incidents.tools.git import Repository
from incidents.tools.logs import Failure
from incidents.tools.suspects import Ranking, Suspect

_HASH = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass(frozen=True)
class Inquiry:
    """What was found out."""

    release: Release
    ranking: Ranking | None
    proofs: tuple[Proof, ...]
    outside: Sign | None  #: trouble outside the code that explains the failures
    asked: tuple[Suspect, ...] = ()  #: commits that a person wants looked at
    base: str = ""  #: full hash of what was looked at

    @property
    def failure(self) -> Failure | None:
        """Return what fails foremost in production."""
        findings = self.release.findings
        return findings.failures[0] if findings and findings.failures else None

    @property
    def proven(self) -> Proof | None:
        """Return the proof that undoing a commit repairs failing tests."""
        return next((each for each in self.proofs if each.proven), None)

    @property
    def is_tied(self) -> bool:
        """Tell whether the tests that were repaired have to do with what fails in production.

        Either the commit changed a line of the production's traceback, or the tests raise the same exception.
        """
        if self.proven is None or self.failure is None:
            return False
        return bool(self.proven.suspect.touches) or self.failure.raised.type in self.proven.tests_said

    @property
    def accused(self) -> Suspect | None:
        """Return the suspect that is held to be the cause, if any."""
        if self.proven is not None and (self.is_tied or self.outside is None):
            return self.proven.suspect
        if self.outside is not None or self.ranking is None or self.ranking.abstained or not self.ranking.suspects:
            return None
        return self.ranking.suspects[0]

    @property
    def backing(self) -> Proof | None:
        """Return what undoing the accused commit showed."""
        return next((each for each in self.proofs if self.accused and each.suspect == self.accused), None)

    @property
    def undone(self) -> list[Proof]:
        """Return what may be reverted: the accused commit, then those that a person asked for."""
        asked = [each for each in self.proofs if each.suspect in self.asked and each is not self.backing]
        return [*([self.backing] if self.backing else []), *asked]

    @property
    def verdict(self) -> Verdict:
        """Return how sure the cause is."""
        if self.accused is not None and self.is_tied:
            return Verdict.CONFIRMED
        if self.accused is None and self.outside is None:
            return Verdict.INCONCLUSIVE
        return Verdict.LIKELY


async def inquire(case: Case, release: Release, repository: Repository | None) -> Inquiry:
    """Rank the release's commits and undo the foremost; what cannot be read narrows the inquiry, no more."""
    outside = trouble.foremost(release.findings)
    if repository is None:
        return Inquiry(release, None, (), outside)
    base = release.bad.commit if release.bad else case.service.branch
    try:
        base = await repository.resolve(base)
    except ToolFailed as fault:
        case.missing(fault)
        return Inquiry(release, None, (), outside)
    before = await proof.tests_before(case, repository, base)
    failing = sorted(before.failed) if before else []
    ranking = await _rank(case, repository, release, base, failing)
    if ranking is None:
        return Inquiry(release, None, (), outside)
    asked = _asked_for(case, ranking)
    # Where the logs speak and point at no commit, undoing one after the other would find the breaker of some test.
    suspected = [] if ranking.abstained and release.findings is not None else _everybody(ranking)
    tried = await proof.try_suspects(case, repository, base, before, asked, suspected)
    return Inquiry(release, ranking, tuple(tried), outside, tuple(asked), base)


async def _rank(
    case: Case, repository: Repository, release: Release, base: str, failing: Sequence[str]
) -> Ranking | None:
    findings = release.findings
    failures = [f for f in findings.failures if f.after and not f.before] if findings else []
    if findings and not failures:
        failures = list(findings.failures[:3])
    try:
        ranking = await suspects.rank(
            repository,
            bad=base,
            good=release.good.commit if release.good else "",
            tracebacks=[failure.traceback for failure in failures] or list(tracebacks.parse(case.said())),
            error_text=case.said(),
            failing_tests=failing,
            onset=findings.onset if findings else None,
            deployed_at=release.bad.at if release.bad else None,
        )
    except ToolFailed as fault:
        case.missing(fault)
        return None
    case.see(*ranking.evidence)
    return ranking


def _asked_for(case: Case, ranking: Ranking) -> list[Suspect]:
    """Return the commits that a person named when sending the previous version back."""
    if not case.request.feedback:
        return []
    named = _HASH.findall(case.request.feedback.lower())
    asked = [each for each in _everybody(ranking) if any(each.commit.hash.startswith(word) for word in named)]
    case.note(
        f"Looked first at {listed([f'`{each.commit.short}`' for each in asked])}, as asked."
        if asked
        else "The playbook reads no free text: name a commit of the release to have it looked at first."
    )
    return asked


def _everybody(ranking: Ranking) -> list[Suspect]:
    """Return the ranked suspects, then what else of the release runs."""
    ranked = {suspect.commit.hash for suspect in ranking.suspects}
    rest = [
        Suspect(commit, 0.0, ("is part of the release",), (), (ranking.evidence[0].id,))
        for commit in ranking.window
        if commit not in ranking.ignored and commit.hash not in ranked
    ]
    return [*ranking.suspects, *rest]
