"""Step 1.1: how bad it is and who is hurt, by what was measured and said."""

import re
from datetime import datetime

from incidents.agents.outputs import (
    Claim,
    ImpactAssessment,
    Output,
    SeverityClassification,
    TriageOutput,
    Verdict,
)
from incidents.agents.playbook import drafts, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import moment, percent
from incidents.definitions import Severity
from incidents.tools.health import Probe
from incidents.tools.logs import Findings

#: Shares of failing requests from which a severity is measured. The seed document names severities in words
#: ("production down", "broken for all users"); these are our reading, and they never lower what people declared.
CRITICAL_RATE, HIGH_RATE = 0.20, 0.05

_ORDER = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
_DATA_LOSS = re.compile(
    r"\b(data loss|los(?:t|ing) (?:data|orders|records|carts)|data (?:is|was) (?:lost|gone)|corrupt)", re.I
)
_BREACH = re.compile(r"\b(breach|leak(?:ed|ing)?|intrusion|unauthori[sz]ed access|stolen|compromised)\b", re.I)
_REVENUE = re.compile(r"\b(revenue|lost sales|cannot pay|can't pay|payments? (?:fail|are failing|down))", re.I)
_DENIED = re.compile(r"\b(no|not|without|nothing|never|isn't|wasn't|aren't|0|zero)\b[^.,;]{0,30}$", re.I)


async def run(case: Case) -> tuple[Output, str]:
    """Classify the severity, assess the impact, draft the first message."""
    look = await sources.probe(case)
    release = await sources.release(case)
    findings = release.findings
    since = findings.onset if findings else None
    rate = look.error_rate if look else None
    failed = look.stats.errors if look and look.stats else (findings.errors_after if findings else None)
    impact = ImpactAssessment(
        summary=_impact_in_words(look, findings, rate, since),
        error_rate=rate,
        failed_requests=failed,
        since=since,
        data_loss=_said(case, _DATA_LOSS),
        security_breach=_said(case, _BREACH),
        revenue_impact=_said(case, _REVENUE),
        services=[case.request.service.key] if case.request.service else [],
        third_parties=_third_parties(case, findings),
        claims=_impact_claims(case, look, findings, rate),
    )
    severity = _classify(case, look, impact)
    message = drafts.draft(
        "initial", audience="stakeholders", incident=case.request.incident, impact=impact, service=_title(case)
    )
    output = TriageOutput(
        severity_classification=severity, impact_assessment=impact, initial_stakeholder_communication=message
    )
    word = "confirmed" if severity.agrees_with_declared else f"measured, {case.request.incident.severity} declared"
    return output, f"{severity.severity} {word}, {impact.summary}"


def _title(case: Case) -> str:
    service = case.request.service
    return (service.title or service.key) if service else "the service"


def _impact_in_words(look: Probe | None, findings: Findings | None, rate: float | None, since: datetime | None) -> str:
    parts = []
    if look is not None and not look.healthy:
        parts.append(f"the health address answers {look.status}" if look.status else f"no answer ({look.trouble})")
    if rate:
        parts.append(f"{percent(rate)} of requests fail")
    elif rate == 0:
        parts.append("no request fails at the moment")
    if findings and findings.failures:
        failure = findings.failures[0]
        parts.append(f"{failure.count} times {failure.raised.headline[:120]}")
    if since:
        parts.append(f"since {moment(since)}")
    return ", ".join(parts)[:300] or "nothing could be measured; the report is all that is known"


def _impact_claims(case: Case, look: Probe | None, findings: Findings | None, rate: float | None) -> list[Claim]:
    claims = []
    if look is not None:
        seen = case.see(look.evidence)
        state = "answers 200" if look.healthy else f"answers {look.status}" if look.status else look.trouble
        claims.append(case.claim(f"The health address {state}.", seen, Verdict.CONFIRMED))
        if look.stats is not None and rate is not None:
            counted = f"{look.stats.errors} of {look.stats.requests} requests"
            text = f"{counted} failed since the process started ({percent(rate)})."
            claims.append(case.claim(text, seen, Verdict.CONFIRMED))
    for failure in findings.failures[:3] if findings else ():
        first = moment(failure.first_at)
        text = f"`{failure.raised.headline[:200]}` is logged {failure.count} times, first at {first}."
        claims.append(case.claim(text, case.see(failure.evidence)))
    if findings and not findings.failures:
        counts = f"{findings.errors_before + findings.errors_after} error lines"
        claims.append(case.claim(f"The logs hold no traceback; {counts}.", case.see(findings.evidence)))
    if case.request.incident.known.strip():
        claims.append(case.claim(f"Reported: {case.request.incident.known.strip()[:300]}", [case.reported()]))
    return claims


def _said(case: Case, pattern: re.Pattern[str]) -> bool | None:
    """Return whether people said it, denied it, or (None) said nothing of it."""
    text = case.said()
    found = pattern.search(text)
    if found is None:
        return None
    return _DENIED.search(text[: found.start()]) is None


def _third_parties(case: Case, findings: Findings | None) -> list[str]:
    """Return the vendors of the catalogue that failing log lines name."""
    if case.request.service is None or findings is None:
        return []
    text = " ".join([f.traceback.text for f in findings.failures] + [t.sample for t in findings.templates if t.new])
    return [name for name in case.request.service.third_parties if re.search(re.escape(name), text, re.IGNORECASE)]


def _classify(case: Case, look: Probe | None, impact: ImpactAssessment) -> SeverityClassification:
    declared = Severity(case.request.incident.severity)
    measured, reasons = _measured(case, look, impact)
    if measured is None or _ORDER.index(measured) >= _ORDER.index(declared):
        # A machine that measures less than people declared may simply see less: it never lowers a severity.
        severity = declared
        if measured is not None and measured != declared:
            lower = (
                f"What is measured would be {measured}; people declared {declared}, and a person decides to lower it."
            )
            reasons.append(case.claim(lower, [case.reported(), *reasons[0].evidence]))
    else:
        severity = measured
    if not reasons:
        nothing = f"Nothing could be measured; {declared} rests on the report alone."
        reasons.append(case.claim(nothing, [case.reported()], Verdict.INCONCLUSIVE))
    return SeverityClassification(severity=severity.value, agrees_with_declared=severity is declared, reasons=reasons)


def _measured(case: Case, look: Probe | None, impact: ImpactAssessment) -> tuple[Severity | None, list[Claim]]:
    """Return the worst severity that something shows, and what shows it."""
    found: list[tuple[Severity, Claim]] = []
    if impact.data_loss or impact.security_breach:
        what = "data loss" if impact.data_loss else "a security breach"
        found.append((Severity.CRITICAL, case.claim(f"The report speaks of {what}.", [case.reported()])))
    if look is not None:
        seen = case.see(look.evidence)
        if not look.healthy:
            answer = f"answers its health check with {look.status}" if look.status else "does not answer at all"
            claim = case.claim(f"Production {answer}.", seen, Verdict.CONFIRMED)
            found.append((Severity.CRITICAL, claim))
        if impact.error_rate is not None:
            level = _level(impact.error_rate)
            text = f"{percent(impact.error_rate)} of requests fail: {level} begins at {_threshold(level)}."
            found.append((level, case.claim(text, seen, Verdict.CONFIRMED)))
    if not found:
        return None, []
    found.sort(key=lambda pair: _ORDER.index(pair[0]))
    return found[0][0], [claim for _, claim in found]


def _level(rate: float) -> Severity:
    if rate >= CRITICAL_RATE:
        return Severity.CRITICAL
    if rate >= HIGH_RATE:
        return Severity.HIGH
    return Severity.MEDIUM if rate > 0 else Severity.LOW


def _threshold(level: Severity) -> str:
    return {
        Severity.CRITICAL: percent(CRITICAL_RATE),
        Severity.HIGH: percent(HIGH_RATE),
        Severity.MEDIUM: "the first failing request",
        Severity.LOW: "none failing",
    }[level]
