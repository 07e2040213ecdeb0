"""Step 1.3: what broke it, confirmed by undoing it where tests allow, and honest where nothing fits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from incidents.agents.outputs import Claim, Output, RootCause, RootCauseOutput, Verdict
from incidents.agents.playbook import components, hypotheses, options, proof, sources, trouble
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.proof import Proof
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.trouble import Sign
from incidents.agents.playbook.wording import listed, points, time_of_day
from incidents.errors import ToolFailed
from incidents.tools import suspects
from incidents.tools.git import Repository
from incidents.tools.logs import Failure
from incidents.tools.suspects import Ranking, Suspect

_HASH = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass(frozen=True)
class _Inquiry:
    """What was found out."""

    release: Release
    ranking: Ranking | None
    proofs: tuple[Proof, ...]
    outside: Sign | None  #: trouble outside the code that explains the failures
    asked: tuple[Suspect, ...] = ()  #: commits that a person wants looked at

    @property
    def proven(self) -> Proof | None:
        return next((each for each in self.proofs if each.proven), None)

    @property
    def accused(self) -> Suspect | None:
        """Return the suspect that is held to be the cause, if any."""
        if self.proven is not None:
            return self.proven.suspect
        if self.outside is not None or self.ranking is None or self.ranking.abstained or not self.ranking.suspects:
            return None
        return self.ranking.suspects[0]

    @property
    def failure(self) -> Failure | None:
        findings = self.release.findings
        return findings.failures[0] if findings and findings.failures else None


async def run(case: Case) -> tuple[Output, str]:
    """Find the cause, discard what it is not, and offer ways to fix it."""
    release = await sources.release(case)
    look = await sources.probe(case)
    repository = await sources.repository(case)
    inquiry = await _inquire(case, release, repository)
    accused = inquiry.accused
    backing = next((each for each in inquiry.proofs if accused and each.suspect == accused), None)
    undone = [
        *([backing] if backing else []),
        *(p for p in inquiry.proofs if p.suspect in inquiry.asked and p is not backing),
    ]
    offered = await options.offer(case, repository, release, undone, is_code=accused is not None)
    cause = RootCause(
        verdict=_verdict(inquiry),
        summary=_summary(inquiry)[:400],
        mechanism=_mechanism(inquiry)[:800],
        commit=accused.commit.hash if accused else None,
        commit_subject=accused.commit.subject if accused else None,
        author=accused.commit.author if accused else None,
        file=_place(inquiry)[0],
        line=_place(inquiry)[1],
        claims=_claims(case, inquiry),
        fix_options=offered,
    )
    output = RootCauseOutput(
        preliminary_root_cause=cause,
        affected_components_list=components.affected(case, inquiry.ranking, inquiry.failure, accused),
        investigation_priorities=hypotheses.all_of(case, release, look, inquiry.ranking, inquiry.proofs),
    )
    return output, _in_one_line(cause, backing)


async def _inquire(case: Case, release: Release, repository: Repository | None) -> _Inquiry:
    outside = trouble.foremost(release.findings)
    if repository is None:
        return _Inquiry(release, None, (), outside)
    base = release.bad.commit if release.bad else case.service.branch
    try:
        base = await repository.resolve(base)
    except ToolFailed as fault:
        case.missing(fault)
        return _Inquiry(release, None, (), outside)
    before = await proof.tests_before(case, repository, base)
    failing = sorted(before.failed) if before else []
    ranking = await _rank(case, repository, release, base, failing)
    if ranking is None or (ranking.abstained and release.findings is not None):
        return _Inquiry(release, ranking, (), outside)
    asked = _asked_for(case, ranking)
    tried = await proof.try_suspects(case, repository, base, before, asked, _everybody(ranking))
    return _Inquiry(release, ranking, tuple(tried), outside, tuple(asked))


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
            tracebacks=[failure.traceback for failure in failures],
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


def _verdict(inquiry: _Inquiry) -> Verdict:
    if inquiry.proven is not None and _ties(inquiry.proven, inquiry.failure):
        return Verdict.CONFIRMED
    if inquiry.accused is None and inquiry.outside is None:
        return Verdict.INCONCLUSIVE
    return Verdict.LIKELY


def _ties(proven: Proof, failure: Failure | None) -> bool:
    """Tell whether the tests that a commit breaks have to do with what fails in production.

    Either the commit changed a line of the production's traceback, or the tests raise the same exception.
    """
    if failure is None:
        return False
    return bool(proven.suspect.touches) or failure.raised.type in proven.tests_said


def _summary(inquiry: _Inquiry) -> str:
    accused, failure = inquiry.accused, inquiry.failure
    if accused is not None:
        bad = inquiry.release.bad
        where = f", in release {bad.release}" if bad else ""
        fails = f" {_place_in_words(inquiry)} raises `{failure.raised.headline[:120]}`." if failure else ""
        return f"`{accused.commit.short}` {accused.commit.subject} ({accused.commit.author}{where}).{fails}"
    if inquiry.outside is not None:
        return f"No commit: the logs point to {inquiry.outside.title}, `{inquiry.outside.sample[:150]}`."
    if inquiry.ranking is not None:
        return f"No commit is accused. {inquiry.ranking.reason}"
    return "Nothing that could be read points at a cause." + (
        f" What fails is `{failure.raised.headline[:150]}`." if failure else ""
    )


def _mechanism(inquiry: _Inquiry) -> str:
    parts = []
    failure = inquiry.failure
    if failure is not None:
        frame = failure.raised.frames[-1] if failure.raised.frames else None
        does = f", which runs `{frame.code[:120]}`" if frame and frame.code else ""
        since = f" since {time_of_day(failure.first_at)}" if failure.first_at else ""
        parts.append(
            f"{_place_in_words(inquiry)}{does}, raises `{failure.raised.headline[:150]}`:"
            f" {failure.before} times before the deploy, {failure.after} after{since}."
        )
        if failure.traceback.origin != failure.raised:
            parts.append(f"It began with `{failure.traceback.origin.headline[:120]}`.")
    if inquiry.accused is not None:
        parts.append(f"{points(inquiry.accused)}.")
    parts += [each.in_words for each in inquiry.proofs[:3]]
    return " ".join(parts) or "Unknown: there is neither a traceback nor a change to tie it to."


def _claims(case: Case, inquiry: _Inquiry) -> list[Claim]:
    claims = []
    release, failure, accused = inquiry.release, inquiry.failure, inquiry.accused
    if failure is not None and release.findings is not None:
        text = f"`{failure.raised.headline[:200]}` {failure.before} before the deploy, {failure.after} after."
        claims.append(case.claim(text, case.see(failure.evidence, release.findings.evidence)))
    if release.bad is not None and release.log is not None:
        good = f"; release {release.good.release} (`{release.good.commit[:7]}`) before it" if release.good else ""
        bad = f"Release {release.bad.release} (`{release.bad.commit[:7]}`)"
        text = f"{bad} was deployed at {time_of_day(release.bad.at)}{good}."
        claims.append(case.claim(text, case.see(release.log.evidence)))
    if accused is not None and inquiry.ranking is not None:
        touched = f" (`{accused.touches[0]}`)" if accused.touches else ""
        text = f"{points(accused)}{touched}."
        claims.append(case.claim(text, [*accused.evidence, inquiry.ranking.evidence[-1].id]))
    for each in inquiry.proofs:
        if each.comparison is not None and each.suspect == accused:
            verdict = Verdict.CONFIRMED if each.proven else Verdict.INCONCLUSIVE
            claims.append(case.claim(each.in_words, each.evidence, verdict))
    if accused is None and inquiry.outside is not None:
        text = f"`{inquiry.outside.sample[:200]}` is logged {inquiry.outside.count} times, and never before the deploy."
        claims.append(case.claim(text, case.see(inquiry.outside.evidence)))
    return claims


def _place(inquiry: _Inquiry) -> tuple[str | None, int | None]:
    """Return the line that fails: the innermost one that the accused commit changed, else the innermost known."""
    if inquiry.accused is not None and inquiry.accused.touches:
        return inquiry.accused.touches[0].path, inquiry.accused.touches[0].line
    if inquiry.ranking is not None and inquiry.ranking.places:
        return inquiry.ranking.places[0].path, inquiry.ranking.places[0].line
    if inquiry.failure is not None and inquiry.failure.raised.frames:
        frame = inquiry.failure.raised.frames[-1]
        return frame.path, frame.line
    return None, None


def _place_in_words(inquiry: _Inquiry) -> str:
    path, line = _place(inquiry)
    return f"`{path}:{line}`" if path else "The service"


def _in_one_line(cause: RootCause, backing: Proof | None) -> str:
    if cause.commit is None:
        return f"{cause.verdict.value}: {cause.summary}"
    by = " by revert and tests" if backing and backing.proven else ""
    return f"{cause.verdict.value}{by}: `{cause.commit[:7]}` {cause.commit_subject}"
