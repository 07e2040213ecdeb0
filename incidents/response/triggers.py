"""Which of the seed's impact and complexity triggers a step's output shows. Pure."""

from collections.abc import Iterator, Sequence

from incidents import areas, revenue
from incidents.agents import outputs
from incidents.catalog import Service
from incidents.definitions import AffectedArea
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind


def shown(
    output: object,
    service: Service | None,
    known: Sequence[AffectedArea] = (),
    *,
    revenue_threshold: float | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield the triggers that `output` shows, by their names in escalation_triggers.yml, each with its detail.

    `known` are the areas of affected_areas.yml; `revenue_threshold` is a loss per hour, None where none is set.
    """
    match output:
        case outputs.TriageOutput():
            # Whether a set threshold is exceeded, only a stated loss shows: service.respond hears of each.
            if revenue_threshold is None and _is_loss_seen(output):
                yield revenue.TRIGGER, f"any loss, as no threshold is set; {output.impact_assessment.summary}"
            yield from _of_impact(output.impact_assessment)
        case outputs.HotfixOutput():
            reason = _beyond_a_repair(output.emergency_fix_code, service, known)
            if reason:
                yield "architecture_changes_required", reason
        case outputs.SecurityOutput():
            assessed, notify = output.security_impact_assessment, output.breach_notification_requirements
            if assessed.suspected or notify.required:
                yield "security_breach_suspected", assessed.summary if assessed.suspected else notify.reason
        case outputs.AnalysisOutput():
            proposed = output.architectural_improvement_recommendations
            if proposed:
                yield "architecture_changes_required", "; ".join(each.title for each in proposed[:3])
        case outputs.ArchitectureImpactOutput(architecture_impact=impact) if impact.changes_required:
            yield "architecture_changes_required", impact.summary
        case _:
            return


def _is_loss_seen(output: outputs.TriageOutput) -> bool:
    """Return whether something was measured to fail where revenue is said to be hit."""
    impact = output.impact_assessment
    if not impact.revenue_impact:
        return False
    if impact.error_rate or impact.failed_requests:
        return True
    # No share is counted where production does not answer at all.
    reasons = output.severity_classification.reasons
    return impact.error_rate is None and any(reason.verdict is outputs.Verdict.CONFIRMED for reason in reasons)


def _of_impact(impact: outputs.ImpactAssessment) -> Iterator[tuple[str, str]]:
    if impact.security_breach:
        yield "security_breach_suspected", impact.summary
    if impact.data_loss:
        yield "data_loss_confirmed", impact.summary
    if len(impact.services) > 1:
        yield "multi_service_impact", ", ".join(impact.services)
    if impact.third_parties:
        yield "third_party_dependencies", ", ".join(impact.third_parties)


def _beyond_a_repair(fix: outputs.FixCode, service: Service | None, known: Sequence[AffectedArea]) -> str:
    """Return why a fix is more than the repair of one part: it changes stored data, or several areas at once.

    Going back to a release changes no code, so it never is.
    """
    if fix.approach is outputs.FixApproach.ROLLBACK:
        return ""
    migrations = [path for path in fix.files if filekinds.kind(path) is FileKind.MIGRATION]
    if migrations:
        return f"the fix changes stored data: {', '.join(migrations[:3])}"
    sources = [path for path in fix.files if filekinds.kind(path) is FileKind.SOURCE]
    touched = sorted({areas.of_path(path, service, known).value for path in sources})
    return f"the fix spans the areas {' and '.join(touched)}" if len(touched) > 1 else ""
