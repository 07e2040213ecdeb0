"""The possible causes of an incident, each with what would refute it, and what became of it."""

from collections.abc import Sequence

from incidents.agents.outputs import Hypothesis
from incidents.agents.playbook import trouble
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.proof import Proof
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.wording import moment, percent, points
from incidents.tools.health import Probe
from incidents.tools.suspects import Ranking, Suspect

ACCEPTED, REJECTED, OPEN = "accepted", "rejected", "open"
MAX_COMMITS = 3  # suspects that are told of; all are in the ranking's evidence


def all_of(
    case: Case, release: Release, look: Probe | None, ranking: Ranking | None, proofs: Sequence[Proof]
) -> list[Hypothesis]:
    """Return the hypotheses, those about commits first."""
    found = _commits(ranking, proofs) if ranking else []
    found += [*_older_than_the_release(case, release), *_outside(case, release), *_down(case, look)]
    return found


def _commits(ranking: Ranking, proofs: Sequence[Proof]) -> list[Hypothesis]:
    """Return one hypothesis for each suspect: the accused one accepted, those that an execution cleared rejected."""
    proven = next((proof for proof in proofs if proof.proven), None)
    tried = {proof.suspect.commit.hash: proof for proof in proofs}
    accused = proven.suspect if proven else None if ranking.abstained else _first(ranking)
    found = []
    for suspect in ranking.suspects[:MAX_COMMITS]:
        proof = tried.get(suspect.commit.hash)
        state, reason, cited = _judge(suspect, proof, proven, is_accused=suspect == accused)
        found.append(
            _hypothesis(
                f"`{suspect.commit.short}` {suspect.commit.subject} broke it",
                state,
                reason,
                "the failing tests still fail with it undone",
                cited or [ranking.evidence[-1].id],
            )
        )
    return found


def _first(ranking: Ranking) -> Suspect | None:
    return ranking.suspects[0] if ranking.suspects else None


def _judge(
    suspect: Suspect, proof: Proof | None, proven: Proof | None, *, is_accused: bool
) -> tuple[str, str, list[str]]:
    if is_accused:
        reason = proof.in_words if proof and proof.proven else _points(suspect)
        return ACCEPTED, reason, list(proof.evidence if proof else suspect.evidence)
    if proof is not None and proof.comparison is not None and not proof.comparison.repaired:
        return REJECTED, proof.in_words, list(proof.evidence)
    if proven is not None:
        short = proven.suspect.commit.short
        return REJECTED, f"Undoing `{short}` alone repairs what failed.", list(proven.evidence)
    return OPEN, f"Ranks lower: {_points(suspect)}", list(suspect.evidence)


def _points(suspect: Suspect) -> str:
    return f"{points(suspect)}."


def _older_than_the_release(case: Case, release: Release) -> list[Hypothesis]:
    findings, bad = release.findings, release.bad
    if findings is None or bad is None or not findings.failures:
        return []
    failure = findings.failures[0]
    statement = f"`{failure.raised.headline[:120]}` is older than release {bad.release}"
    counts = f"{failure.before} times before the deploy at {moment(bad.at)}, {failure.after} times after."
    state = REJECTED if failure.before == 0 and failure.after else ACCEPTED if failure.before else OPEN
    if state is REJECTED and not _was_read_before(release):
        state, counts = OPEN, f"The logs do not reach back before the deploy; {failure.after} times since."
    return [
        _hypothesis(
            statement,
            state,
            f"Logged {counts}" if state is not OPEN else counts,
            "it was never logged before the deploy",
            case.see(failure.evidence, findings.evidence),
        )
    ]


def _was_read_before(release: Release) -> bool:
    findings, bad = release.findings, release.bad
    return bool(findings and bad and findings.first_at and findings.first_at < bad.at)


def _outside(case: Case, release: Release) -> list[Hypothesis]:
    if release.findings is None:
        return []
    signs = trouble.signs(release.findings)
    foremost = trouble.foremost(release.findings)
    found = []
    for kind in trouble.KINDS:
        sign = next((sign for sign in signs if sign.kind is kind), None)
        cited = case.see(release.findings.evidence, *([sign.evidence] if sign else []))
        statement = f"The cause is {kind.title}"
        if sign is None:
            reason = "Neither exceptions nor new messages in the logs speak of it."
            found.append(_hypothesis(statement, REJECTED, reason, kind.refuted_by, cited))
        elif sign == foremost:
            reason = f"`{sign.sample[:150]}` {sign.count} times, and never before."
            found.append(_hypothesis(statement, ACCEPTED, reason, kind.refuted_by, cited))
        else:
            when = "new" if sign.new else "known from before the deploy"
            reason = f"`{sign.sample[:150]}` {sign.count} times, {when}; rarer than the foremost failure."
            found.append(_hypothesis(statement, OPEN, reason, kind.refuted_by, cited))
    return found


def _down(case: Case, look: Probe | None) -> list[Hypothesis]:
    if look is None:
        return []
    statement, refuted_by = "The process or its host is down", "the health address answers"
    cited = case.see(look.evidence)
    if look.healthy:
        served = "" if look.error_rate is None else f" and {percent(1 - look.error_rate)} of requests are served"
        return [_hypothesis(statement, REJECTED, f"The health address answers 200{served}.", refuted_by, cited)]
    if look.status is not None:
        reason = f"It answers, with {look.status}; so the process runs but is not well."
        return [_hypothesis(statement, REJECTED, reason, refuted_by, cited)]
    return [_hypothesis(statement, OPEN, f"The health address gives {look.trouble}.", refuted_by, cited)]


def _hypothesis(statement: str, state: str, reason: str, refuted_by: str, cited: Sequence[str]) -> Hypothesis:
    return Hypothesis(
        statement=statement[:300], state=state, reason=reason[:300], refuted_by=refuted_by, evidence=list(cited)
    )
