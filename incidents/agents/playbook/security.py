"""Step 2.2: whether security is touched, by signs in the logs, in the release, and in the fix; carefully worded."""

from incidents.agents.outputs import (
    BreachNotification,
    Claim,
    FixCode,
    ImpactAssessment,
    Output,
    RootCause,
    SecurityAssessment,
    SecurityOutput,
    Verdict,
)
from incidents.agents.playbook import signals, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.signals import Sign
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.wording import listed
from incidents.errors import ToolFailed
from incidents.tools.logs import Findings

Found = list[tuple[Sign, list[str]]]


async def run(case: Case) -> tuple[Output, str]:
    """Look for signs of a security problem, and say what to do at once."""
    release = await sources.release(case)
    looked: list[str] = []
    found: Found = []
    if release.findings is not None:
        looked.append("the logs")
        cited = case.see(release.findings.evidence)
        found += [(sign, cited) for sign in signals.in_messages(_messages(release.findings))]
    for what, sign, cited in await _in_changes(case, release):
        looked += [] if what in looked else [what]
        found += [(sign, cited)] if sign else []
    impact = case.earlier("impact_assessment", ImpactAssessment)
    assessment = _assess(case, found, looked, reported=bool(impact and impact.security_breach))
    output = SecurityOutput(
        security_impact_assessment=assessment,
        immediate_security_controls=list(dict.fromkeys(sign.control for sign, _ in found if sign.suspicious)),
        breach_notification_requirements=_notification(case, assessment, impact),
    )
    return output, f"{assessment.verdict.value}: {assessment.summary}"


def _messages(findings: Findings) -> list[tuple[str, int]]:
    told = [(change.sample, change.after or change.before) for change in findings.templates]
    return told + [(failure.raised.headline, failure.count) for failure in findings.failures]


async def _in_changes(case: Case, release: Release) -> list[tuple[str, Sign | None, list[str]]]:
    """Return what was looked at, a sign or None, and the evidence: for the release, its culprit, and the fix."""
    repository = await sources.repository(case)
    if repository is None:
        return []
    cause, fix = case.earlier("preliminary_root_cause", RootCause), case.earlier("emergency_fix_code", FixCode)
    ranges: list[tuple[str, str, str]] = []
    if release.good and release.bad:
        ranges.append(("the release", release.good.commit, release.bad.commit))
    elif cause and cause.commit:
        ranges.append(("the accused commit", f"{cause.commit}^", cause.commit))
    if fix:
        ranges.append(("the fix", fix.base, fix.commit))
    found: list[tuple[str, Sign | None, list[str]]] = []
    for what, base, head in ranges:
        try:
            change = await repository.diff(base, head)
        except ToolFailed as fault:
            case.missing(fault)
            continue
        cited = case.see(change.evidence)
        signs = signals.in_diff(change.text)
        found += [(what, sign, cited) for sign in signs] or [(what, None, cited)]
    return found


def _assess(case: Case, found: Found, looked: list[str], *, reported: bool) -> SecurityAssessment:
    claims: list[Claim] = [
        case.claim(f"{sign.title}: `{sign.sample}`", cited, Verdict.LIKELY if sign.suspicious else Verdict.INCONCLUSIVE)
        for sign, cited in found
    ]
    if reported:
        claims.append(case.claim("The report speaks of a security breach.", [case.reported()]))
    suspects = [sign.title for sign, _ in found if sign.suspicious] + (["a breach was reported"] if reported else [])
    if suspects:
        verdict, summary = Verdict.LIKELY, f"Security may be touched: {'; '.join(suspects)}. A person must look."
    elif looked:
        verdict = Verdict.LIKELY
        summary = f"No sign of a security problem in {listed(looked)}. That is no proof that there is none."
    else:
        verdict, summary = Verdict.INCONCLUSIVE, "Neither logs nor changes could be read, so nothing can be said."
    if not claims and case.seen:
        claims.append(case.claim(f"Looked at {listed(looked)}; nothing found.", list(case.seen)[:4], Verdict.LIKELY))
    return SecurityAssessment(suspected=bool(suspects), verdict=verdict, summary=summary[:400], claims=claims)


def _notification(case: Case, assessment: SecurityAssessment, impact: ImpactAssessment | None) -> BreachNotification:
    cited = list(dict.fromkeys(item for claim in assessment.claims for item in claim.evidence))
    if impact is not None and impact.data_loss:
        cited.append(case.record("impact_assessment"))
        reason = "Data loss was reported: legal decides whether anybody must be notified, and by when."
    elif assessment.suspected:
        reason = "If personal data was exposed, notification periods run from now: legal decides."
    else:
        reason = "Nothing seen so far calls for it; only a person can rule it out."
    return BreachNotification(required=None, reason=reason, evidence=cited)
