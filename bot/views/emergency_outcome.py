"""What the steps of the emergency response brought, in a few lines for their phase's thread."""

from collections.abc import Iterable

from bot.views import mrkdwn
from bot.views.mrkdwn import code, plural, prose
from bot.views.outcome import (
    MAX_CLAIMS,
    Outcome,
    cite,
    cited,
    claims,
    discarded,
    refs,
    share,
    specified,
    test_name,
    tests,
)
from bot.views.outcome import drawn as drawn  # incomplete: bug_outcome has them all
from incidents.agents import outputs


@drawn.register
def _(output: outputs.TriageOutput) -> Outcome:
    seen, impact = output.severity_classification, output.impact_assessment
    agrees = "as declared" if seen.agrees_with_declared else "*differs from what was declared*"
    numbers = [f"error rate {share(impact.error_rate)}" if impact.error_rate is not None else ""]
    numbers += [plural(impact.failed_requests, "failed request") if impact.failed_requests else ""]
    numbers += [f"since {mrkdwn.clock(impact.since)}" if impact.since else ""]
    flags = {"data loss": impact.data_loss, "security": impact.security_breach, "revenue": impact.revenue_impact}
    return Outcome(
        (
            f"*Severity*  {mrkdwn.said(seen.severity, 20)}, {agrees}",
            f"*Impact*  {prose(impact.summary)}",
            ", ".join(filter(None, numbers)).capitalize(),
            "*Hurt:* " + ", ".join(name for name, hurt in flags.items() if hurt) if any(flags.values()) else "",
            *claims([*seen.reasons, *impact.claims]),
        ),
        evidence=refs(seen.reasons, impact.claims),
    )


@drawn.register
def _(output: outputs.StabilizationOutput) -> Outcome:
    status, rollback = output.system_status_report, output.rollback_readiness_assessment
    health = {True: "healthy", False: "not healthy", None: "health unknown"}[status.healthy]
    # A summary that says it already is not repeated.
    told = status.summary
    running = "" if status.release and f"release {status.release}" in told else _release(status.release)
    rate = "" if "%" in told else f"error rate {share(status.error_rate)}"
    lead = ", ".join(filter(None, (health, running, rate)))
    ready = f"to release {code(rollback.release)}" if rollback.ready and rollback.release else "not ready"
    return Outcome(
        (
            f"*Now*  {lead}. {prose(told[:1].upper() + told[1:])}",
            f"*Rollback*  {ready}: {prose(rollback.reason)} {cite(rollback.evidence)}",
            *[
                f"• {'Done' if action.taken else 'Possible'}: {prose(action.description)} {cite(action.evidence)}"
                for action in output.temporary_mitigation_actions[:MAX_CLAIMS]
            ],
            *claims(status.claims),
        ),
        evidence=refs(rollback.evidence, status.claims),
    )


@drawn.register
def _(output: outputs.RootCauseOutput) -> Outcome:
    cause = output.preliminary_root_cause
    return Outcome(
        (
            prose(cause.summary, 400),
            f"*How*  {mrkdwn.sentences(cause.mechanism, 400)}" if cause.mechanism else "",
            *specified(cause.specified),
            *claims(cause.claims),
            discarded(output.investigation_priorities),
        ),
        cause.verdict,
        refs(cause.claims, *cited(cause.specified)),
        is_specified=bool(cited(cause.specified)),
    )


def _release(name: str | None) -> str:
    return f"release {code(name)}" if name else "release unknown"


@drawn.register
def _(output: outputs.HotfixOutput) -> Outcome:
    fix, suite, undo = output.emergency_fix_code, output.minimal_test_suite, output.rollback_procedure
    repaired = ", ".join(test_name(name) for name in suite.repaired[:3])
    return Outcome(
        (
            f"*Fix*  {code(fix.commit[:7])} on {code(fix.branch, 60)}, "
            f"{plural(len(fix.files), 'file')}, +{fix.additions} −{fix.deletions}. {prose(fix.summary)}",
            f"*Tests*  before: {tests(suite.before)}   after: {tests(suite.after)}",
            f"*Repaired*  {repaired}" if repaired else "*Repaired*  no test failed before and passes after",
            f"*Newly failing*  {', '.join(test_name(name) for name in suite.newly_failing[:5])}"
            if suite.newly_failing
            else "",
            prose(suite.note),
            *claims(fix.constitution),
            *_area(fix.area),
            f"*Undo*  release {code(undo.release)}" if undo.release else "*Undo*  no release to go back to is known",
        ),
        evidence=refs(
            fix.evidence,
            fix.constitution,
            [ref for claim in fix.area.claims for ref in claim.evidence] if fix.area else [],
            [run.evidence for run in (suite.before, suite.after) if run],
            undo.evidence,
        ),
    )


def _area(check: outputs.AreaCheck | None) -> list[str]:
    """Return what the agent of the affected area saw in a fix."""
    if check is None:
        return []
    head = f"*{check.area.value.capitalize()}*  looked for {prose(check.looked_for, 200)}"
    return [f"{head}: nothing of that in the fix"] if not check.claims else [f"{head}:", *claims(check.claims)]


@drawn.register
def _(output: outputs.SecurityOutput) -> Outcome:
    seen, notice = output.security_impact_assessment, output.breach_notification_requirements
    must = {True: "required", False: "not required", None: "a person must say"}[notice.required]
    return Outcome(
        (
            f"*Security*  {'suspected' if seen.suspected else 'not touched'}. {prose(seen.summary)}",
            *[f"• {prose(control, 200)}" for control in output.immediate_security_controls[:MAX_CLAIMS]],
            f"*Breach notice*  {must}: {prose(notice.reason)} {cite(notice.evidence)}",
            *claims(seen.claims),
        ),
        seen.verdict,
        refs(seen.claims, notice.evidence),
    )


@drawn.register
def _(output: outputs.TestingOutput) -> Outcome:
    ready = output.deployment_readiness_confirmation
    staging = ready.staging
    on_staging = "there is no staging"
    if staging:
        health = "healthy" if staging.healthy else "*not healthy*"
        on_staging = f"{health} for {staging.watched_seconds:.0f} s, error rate {share(staging.error_rate)}"
    runs = (output.fix_validation_results, output.regression_test_results)
    return Outcome(
        (
            f"*Ready to deploy*  {'yes' if ready.ready else '*no*'}, {code(ready.commit[:7])}. {prose(ready.reason)}",
            f"*The fix*  {tests(runs[0])}   *Regression*  {tests(runs[1])}",
            f"*Staging*  {on_staging} {cite(staging.evidence) if staging else ''}",
        ),
        evidence=refs(ready.evidence, [run.evidence for run in runs if run], staging.evidence if staging else []),
    )


@drawn.register
def _(output: outputs.DeploymentOutput) -> Outcome:
    status, health, users = output.deployment_status, output.system_health_metrics, output.user_impact_resolution
    deployed = (
        f"release {code(status.release or 'unknown')} of {code(status.commit[:7])}"
        if status.deployed
        else "*not deployed*, a drill"
        if status.rehearsed
        else "*not deployed*"
    )
    back = ", *rolled back*" if status.rolled_back else ""
    at = f" at {mrkdwn.clock(users.recovered_at)}" if users.recovered_at else ""
    return Outcome(
        (
            f"*Deployed*  {deployed} in {status.seconds:.0f} s{back}",
            f"*Error rate*  {share(health.error_rate_before)} → {share(health.error_rate_after)}, "
            f"{plural(health.checks, 'check')} in {health.watched_seconds:.0f} s",
            f"*Users*  {'served again' + at if users.resolved else '*not yet served*'}. {prose(users.summary)}",
        ),
        evidence=refs(status.evidence, health.evidence, users.evidence),
    )


@drawn.register
def _(output: outputs.CommunicationOutput) -> Outcome:
    drafts = [*output.stakeholder_updates, output.internal_status_reports]
    return Outcome(
        (
            *[f"*For {mrkdwn.said(each.audience, 60)}*  {mrkdwn.said(each.subject, 150)}" for each in drafts[:4]],
            f"*Public, draft*  {mrkdwn.said(output.public_communication.subject, 150)}",
            mrkdwn.quote(mrkdwn.paragraphs(output.public_communication.body, 900)),
            "_Drafts. What goes outside is sent by a person._",
        )
    )


@drawn.register
def _(output: outputs.AnalysisOutput) -> Outcome:
    report = output.detailed_root_cause_report
    return Outcome(
        (
            prose(report.summary, 900),
            f"*Detection*  {prose(report.detection)}",
            *claims(report.contributing_factors),
            *_recommended("Prevention", output.prevention_strategy_proposal),
            *_recommended("Architecture", output.architectural_improvement_recommendations),
        ),
        evidence=refs(report.contributing_factors, report.tried),
    )


@drawn.register
def _(output: outputs.ProcessOutput) -> Outcome:
    lessons = [*output.incident_response_lessons_learned, *output.team_performance_assessment]
    return Outcome(
        (*claims(lessons), *_recommended("Process", output.process_improvement_recommendations)),
        evidence=refs(lessons),
    )


@drawn.register
def _(output: outputs.LongTermFixOutput) -> Outcome:
    fix = output.comprehensive_fix_implementation
    where = f"{code(fix.commit[:7])} on {code(fix.branch or '', 60)}" if fix.commit else "not written yet"
    return Outcome(
        (
            f"*Lasting fix*  {where}. {prose(fix.summary)}",
            *[f"{number}. {prose(step, 200)}" for number, step in enumerate(fix.plan[:6], 1)],
            f"*Tests*  {', '.join(prose(each, 100) for each in output.complete_test_suite[:4])}"
            if output.complete_test_suite
            else "",
        ),
        evidence=refs(fix.evidence),
    )


def _recommended(label: str, every: Iterable[outputs.Recommendation]) -> list[str]:
    return [
        f"• *{label}*  {mrkdwn.said(each.title, 150)}, in {plural(each.due_in_days, 'day')} {cite(each.evidence)}"
        for each in list(every)[:3]
    ]
