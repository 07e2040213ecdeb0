"""What follows from a step besides its output: evidence, milestones, impact, triggers of escalation."""

from collections.abc import Iterable

from sqlalchemy import insert

from incidents import lengths, records, store
from incidents.agents import outputs
from incidents.agents.base import StepResult
from incidents.context import Context
from incidents.definitions import Phase, StepDefinition
from incidents.events import EventKind
from incidents.lifecycle import Milestone, Status
from incidents.response import triggers
from incidents.service import respond
from incidents.tools.evidence import Evidence

# Past the session: nothing changes evidence, and to watch over it cost as much again as to write it.
_KEEP = insert(records.EvidenceRow.metadata.tables["evidence"])


async def keep_evidence(
    tx: store.Tx, incident: records.Incident, step: records.Step, found: Iterable[Evidence]
) -> None:
    """Keep `found`, which the step's claims cite, as seen by the step's newest version."""
    seen = {item.id: item for item in found}
    rows = [
        {
            "incident_id": incident.number,
            "step_id": step.id,
            "version": step.version,
            "ref": item.id,
            **item.model_dump(exclude={"id", "command"}),
            "command": list(item.command) if item.command else None,
        }
        for item in seen.values()
    ]
    if rows:
        await tx.session.execute(_KEEP, rows if len(rows) > 1 else rows[0])


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
    if isinstance(output, outputs.MitigationOutput) and output.mitigation_effect.relieved:
        await respond.reach(tx, incident, Milestone.MITIGATED, result.runner)
    if incident.status is Status.OPEN:
        for trigger, detail in triggers.shown(
            output,
            ctx.service(incident.service),
            ctx.library.policies.affected_areas,
            revenue_threshold=ctx.settings.revenue_threshold_per_hour,
        ):
            await respond.found_impact(tx, ctx, incident.number, result.runner, trigger, detail[: lengths.WORDS])


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
