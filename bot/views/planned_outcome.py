"""What the steps of the priority and standard responses brought, in a few lines for their phase's thread."""

from bot.views import mrkdwn
from bot.views.emergency_outcome import drawn as drawn  # incomplete: bug_outcome has them all
from bot.views.mrkdwn import code, plural, prose
from bot.views.outcome import MAX_CLAIMS, Outcome, cite, claims, refs, share, tests
from incidents.agents import outputs


@drawn.register
def _(output: outputs.MitigationOutput) -> Outcome:
    effect = output.mitigation_effect
    return Outcome((prose(effect.summary, 400),), evidence=refs(effect.evidence))


@drawn.register
def _(output: outputs.TestStrategyOutput) -> Outcome:
    strategy = output.test_strategy
    return Outcome(_strategy(strategy), evidence=refs(strategy.claims))


@drawn.register
def _(output: outputs.TestedStrategyOutput) -> Outcome:
    strategy = output.test_strategy
    ran = f"*Tests on the fix*  {tests(output.regression_test_results)}"
    return Outcome((ran, *_strategy(strategy)), evidence=refs(strategy.claims))


def _strategy(strategy: outputs.TestStrategy) -> tuple[str, ...]:
    scenarios = [
        f"• {prose(each.title, 150)}: "
        + (", ".join(code(path, 80) for path in each.covered_by[:3]) if each.covered_by else "_no test known_")
        for each in strategy.scenarios[:MAX_CLAIMS]
    ]
    gaps = [f"• *Gap*  {prose(each, 200)}" for each in strategy.gaps[:MAX_CLAIMS]]
    return (prose(strategy.summary), *scenarios, *gaps)


@drawn.register
def _(output: outputs.BugTestingOutput) -> Outcome:
    first, last = output.fix_validation_results, output.regression_test_results
    seen = [run.evidence for run in (first, last) if run is not None]
    return Outcome((f"*First run*  {tests(first)}", f"*Last run*  {tests(last)}"), evidence=refs(seen))


@drawn.register
def _(output: outputs.BusinessImpactOutput) -> Outcome:
    impact = output.business_impact
    return Outcome(
        (
            prose(impact.summary),
            f"*Hurt*  {prose(impact.customers_affected)}" if impact.customers_affected else "",
            *claims(impact.claims),
            *[f"• *Asked*  {prose(each, 200)}" for each in impact.unknown[:MAX_CLAIMS]],
        ),
        evidence=refs(impact.claims),
    )


@drawn.register
def _(output: outputs.CommunicationPlanOutput) -> Outcome:
    plan = output.stakeholder_communication_plan
    return Outcome(
        (
            *[
                f"• *{mrkdwn.said(each.audience, 60)}*, {mrkdwn.said(each.when, 100)}: {prose(each.says, 200)}"
                for each in plan[:6]
            ],
            *[
                f"*Draft for {mrkdwn.said(each.audience, 60)}*  {mrkdwn.said(each.subject, 150)}"
                for each in output.planned_messages[:4]
            ],
            "_Drafts. What goes outside is sent by a person._",
        ),
        evidence=refs([ref for each in plan for ref in each.evidence]),
    )


@drawn.register
def _(output: outputs.ArchitectureImpactOutput) -> Outcome:
    impact = output.architecture_impact
    change = {True: "*a change of architecture is needed*", False: "no change of architecture", None: "a person judges"}
    return Outcome(
        (
            prose(impact.summary),
            f"*Architecture*  {change[impact.changes_required]}",
            f"*Stored data*  {', '.join(code(path, 80) for path in impact.stored_data[:4])}"
            if impact.stored_data
            else "",
            *claims(impact.claims),
        ),
        evidence=refs(impact.claims),
    )


@drawn.register
def _(output: outputs.SecurityValidationOutput) -> Outcome:
    seen = output.security_validation
    word = {True: "no sign against it", False: "*a person must review it*", None: "could not be read"}[seen.passed]
    return Outcome(
        (
            f"*The fix*  {word}. {prose(seen.summary)}",
            *claims(seen.claims),
            *[f"• *Left*  {prose(each, 200)}" for each in output.remaining_security_risks[:MAX_CLAIMS]],
        ),
        verdict=seen.verdict,
        evidence=refs(seen.claims),
    )


@drawn.register
def _(output: outputs.StagingOutput) -> Outcome:
    ready = output.deployment_readiness_confirmation
    word = "ready" if ready.ready else "*not ready*"
    back = ready.staging.rollback if ready.staging else None
    return Outcome(
        (
            f"*{code(ready.commit[:7])}*  {word}. {prose(ready.reason)}",
            f"*Way back*  {prose(back.reason)} {cite(back.evidence)}" if back else "",
        ),
        evidence=refs(ready.evidence),
    )


@drawn.register
def _(output: outputs.ApprovalCaseOutput) -> Outcome:
    case = output.deployment_approval_case
    return Outcome(
        (
            prose(case.summary),
            *claims(case.speaks_for),
            *[
                f"• *Against*  {prose(each.text, 200)} {cite(each.evidence)}"
                for each in case.speaks_against[:MAX_CLAIMS]
            ],
            *[f"• *Open*  {prose(each, 200)}" for each in case.open_questions[:MAX_CLAIMS]],
        ),
        evidence=refs(case.speaks_for, case.speaks_against),
    )


@drawn.register
def _(output: outputs.MonitoringOutput) -> Outcome:
    report = output.monitoring_report
    return Outcome(
        (
            prose(report.summary),
            f"*Error rate*  {share(report.error_rate)}, "
            f"{plural(report.checks, 'check')} in {report.watched_seconds:.0f} s",
            *[f"• *New*  {prose(each, 200)}" for each in report.new_failures[:MAX_CLAIMS]],
            *claims(report.claims),
        ),
        evidence=refs(report.claims),
    )


@drawn.register
def _(output: outputs.ProductionValidationOutput) -> Outcome:
    seen = output.production_validation
    return Outcome((prose(seen.summary), *claims(seen.claims)), evidence=refs(seen.claims))
