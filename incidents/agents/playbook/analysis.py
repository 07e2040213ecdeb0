"""Step 4.1: the whole story of the cause: what contributed, how it was seen, what was tried, what to change."""

from incidents import durations
from incidents.agents.outputs import AnalysisOutput, Claim, Output, RootCauseReport, Verdict
from incidents.agents.playbook import contributing, precedents, story, wording
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.factors import Kind
from incidents.agents.playbook.story import Story
from incidents.agents.playbook.wording import moment, percent


async def run(case: Case) -> tuple[Output, str]:
    """Write the report from the record and from what can still be read."""
    told = await story.tell(case)
    known = await precedents.consult(case, told.release)
    found = contributing.findings(told)
    factors = [*_cause(told), *(finding.factor for finding in found)]
    if not factors:
        reported = case.reported()
        text = "The record names no cause and nothing could be read that does."
        factors = [case.claim(text, [reported], Verdict.INCONCLUSIVE)]
    output = AnalysisOutput(
        detailed_root_cause_report=RootCauseReport(
            summary=_summary(told)[:1500],
            contributing_factors=factors,
            detection=_detection(told)[:400],
            tried=[*precedents.claims(case, known), *_tried(told)],
        ),
        architectural_improvement_recommendations=[f.recommendation for f in found if f.kind is Kind.ARCHITECTURE],
        prevention_strategy_proposal=[f.recommendation for f in found if f.kind is Kind.PREVENTION],
    )
    return output, f"{len(factors)} contributing factors, {len(found)} recommendations, each from what was seen"


def _cause(told: Story) -> list[Claim]:
    cause = told.past.cause
    if cause is None:
        return []
    cited = [told.case.record("preliminary_root_cause"), *told.culprit_seen]
    place = f"`{cause.file}:{cause.line}`" if cause.file else "the service"
    fails = told.release.findings.failures if told.release.findings else ()
    effect = f" Since then {place} raises `{fails[0].raised.headline[:150]}`." if fails else ""
    change = f"`{cause.commit[:7]}` {cause.commit_subject}." if cause.commit else cause.summary
    claims = [told.case.claim(f"{change}{effect if cause.commit else ''}", cited)]
    if cause.verdict is Verdict.CONFIRMED and told.past.tests is not None and told.past.tests.repaired:
        text = f"Confirmed by execution: with it undone, {wording.tests(told.past.tests.repaired)} pass again."
        shown = [told.case.record("minimal_test_suite"), *cited]
        claims.append(told.case.claim(text, shown, Verdict.CONFIRMED))
    return claims


def _summary(told: Story) -> str:
    cause, fix, resolution = told.past.cause, told.past.fix, told.past.resolution
    bad, impact = told.release.bad, told.past.impact
    parts = []
    if bad is not None:
        parts.append(f"Release {bad.release} (`{bad.commit[:7]}`) went to production at {moment(bad.at)}.")
    if told.onset is not None:
        rate = f"; {percent(impact.error_rate)} of requests failed" if impact and impact.error_rate else ""
        parts.append(f"The first failure was logged at {moment(told.onset)}{rate}.")
    if cause is not None:
        parts.append(f"Cause ({cause.verdict.value}): {cause.mechanism}")
    if fix is not None:
        parts.append(f"Fix: `{fix.commit[:7]}`. {fix.summary}")
    if resolution is not None:
        parts.append(resolution.summary)
    return " ".join(parts) or "The record holds neither a cause nor a fix; people must tell this story."


def _detection(told: Story) -> str:
    declared = told.case.request.incident.declared_at
    by = f"declared by a person at {moment(declared)}"
    if told.onset is None or told.gap is None:
        return f"It was {by}; when it began is not known, because no log or measure shows it."
    if told.gap.total_seconds() <= 0:
        return f"It was {by}, before the first failure that is logged ({moment(told.onset)})."
    return f"First failure at {moment(told.onset)}, {by}, {durations.spoken(told.gap)} later. No alert is on record."


def _tried(told: Story) -> list[Claim]:
    case, known = told.case, told.past
    claims = []
    discarded: dict[str, list[str]] = {}
    for hypothesis in known.hypotheses:
        if hypothesis.state == "rejected":
            discarded.setdefault(hypothesis.reason, []).append(hypothesis.statement)
    for reason, statements in discarded.items():
        text = f"Discarded: {'; '.join(statements)}. {reason}"
        claims.append(case.claim(text, [case.record("investigation_priorities")]))
    if known.fix is not None and known.tests is not None:
        after = known.tests.after
        result = f"{after.passed} tests passed, {len(known.tests.repaired)} repaired" if after else "no tests were run"
        text = f"Prepared `{known.fix.commit[:7]}` ({known.fix.approach.value.replace('_', ' ')}): {result}."
        claims.append(case.claim(text, [case.record("emergency_fix_code"), case.record("minimal_test_suite")]))
    if known.deployment is not None and not known.deployment.rehearsed:
        fate = "and taken back, because it was worse" if known.deployment.rolled_back else "and kept"
        text = f"Deployed `{known.deployment.commit[:7]}` as release {known.deployment.release}, {fate}."
        cited = [case.record("deployment_status"), case.record("system_health_metrics")]
        claims.append(case.claim(text, cited))
    return claims
