"""What follows from a step besides its output: evidence, milestones, impact, triggers of escalation."""

from collections.abc import Iterator

from incidents import records, store
from incidents.agents import outputs
from incidents.agents.base import StepResult
from incidents.context import Context
from incidents.definitions import Phase, StepDefinition
from incidents.events import EventKind
from incidents.lifecycle import Milestone, Status
from incidents.service import respond


def evidence(incident: records.Incident, step: records.Step, result: StepResult) -> list[records.EvidenceRow]:
    """Return the rows that keep what the step's claims cite."""
    seen = {item.id: item for item in result.evidence}
    return [
        records.EvidenceRow(
            incident_id=incident.number,
            step_id=step.id,
            version=step.version,
            ref=item.id,
            **item.model_dump(exclude={"id", "command"}),
            command=list(item.command) if item.command else None,
        )
        for item in seen.values()
    ]


async def of_start(tx: store.Tx, incident: records.Incident, step: StepDefinition) -> None:
    """Note that work on the fix began when the first step of the hotfix phase starts."""
    if step.phase is Phase.HOTFIX and incident.started_at is None:
        incident.started_at = tx.now
        tx.session.add(incident)
        await tx.record(incident, EventKind.MILESTONE, milestone=Milestone.STARTED.value, implied=False)


async def of_output(
    tx: store.Tx, ctx: Context, incident: records.Incident, step: StepDefinition, result: StepResult
) -> None:
    """Reach the milestones and fire the triggers that the output shows."""
    output = result.output
    if isinstance(output, outputs.TriageOutput):
        await _of_triage(tx, incident, output, result.runner)
    if isinstance(output, outputs.DeploymentOutput):
        await _of_deployment(tx, incident, output, result.runner)
    if incident.status is Status.OPEN:
        for trigger, detail in _triggers(output):
            await respond.found_impact(tx, ctx, incident.number, result.runner, trigger, detail)


async def _of_triage(tx: store.Tx, incident: records.Incident, output: outputs.TriageOutput, runner: str) -> None:
    if not incident.impact:
        incident.impact = output.impact_assessment.summary
        tx.session.add(incident)
    if output.severity_classification.severity == incident.severity.value and incident.triaged_at is None:
        # An agent's triage is no person's acknowledgement: only this milestone is reached.
        incident.triaged_at = tx.now
        tx.session.add(incident)
        await tx.record(incident, EventKind.MILESTONE, actor=runner, milestone=Milestone.TRIAGED.value, implied=False)


async def _of_deployment(
    tx: store.Tx, incident: records.Incident, output: outputs.DeploymentOutput, runner: str
) -> None:
    if output.deployment_status.deployed and not output.deployment_status.rolled_back:
        await respond.reach(tx, incident, Milestone.DEPLOYED, runner)
    if output.user_impact_resolution.resolved:
        await respond.reach(tx, incident, Milestone.MITIGATED, runner)


def _triggers(output: object) -> Iterator[tuple[str, str]]:
    """Yield the impact and complexity triggers of the seed that the output shows, each with its detail."""
    if isinstance(output, outputs.TriageOutput):
        impact = output.impact_assessment
        if impact.revenue_impact:
            yield "revenue_impact_exceeds_threshold", impact.summary
        if impact.security_breach:
            yield "security_breach_suspected", impact.summary
        if impact.data_loss:
            yield "data_loss_confirmed", impact.summary
        if len(impact.services) > 1:
            yield "multi_service_impact", ", ".join(impact.services)
        if impact.third_parties:
            yield "third_party_dependencies", ", ".join(impact.third_parties)
    if isinstance(output, outputs.SecurityOutput) and output.security_impact_assessment.suspected:
        yield "security_breach_suspected", output.security_impact_assessment.summary
