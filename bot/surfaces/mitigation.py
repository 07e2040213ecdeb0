"""The choice of how users are relieved: what is known of the service, and what became of what was chosen."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.views import mitigation
from bot.views.message import Message
from bot.views.mitigation import Chosen
from incidents import records
from incidents.context import Context
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.response import mitigating, mitigations
from incidents.response.plan import StepState
from incidents.service import queries

_STANDS = {
    StepState.WAITING: "waits for approval",
    StepState.QUEUED: "waits",
    StepState.READY: "begins",
    StepState.RUNNING: "under way",
    StepState.DONE: "done",
    StepState.TAKEN_OVER: "done by hand",
    StepState.FAILED: "failed",
    StepState.SKIPPED: "not done",
    StepState.STOPPED: "stopped",
}


async def draw(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the choice as it stands."""
    incident = await queries.get(session, incident_id)
    events = await queries.events_of(session, incident_id, EventKind.PAGED, EventKind.MITIGATION_CHOSEN)
    run = await queries.latest_run(session, incident_id)
    steps = {step.name: step for step in await queries.steps(session, run.number)} if run else {}
    outputs: dict[str, Any] = queries.merged(steps.values())
    service = ctx.service(incident.service)
    offers = mitigations.offers(service, await mitigating.way_back(service, outputs, ctx.clock))
    holders = await queries.roles(session, incident_id)
    paged = [who for event in events if event.kind is EventKind.PAGED for who in event.data.get("people", ())]
    who = list(dict.fromkeys([*holders.get(Role.COMMANDER, ()), *paged]))
    newest = {
        event.data["step"] or str(event.id): event for event in events if event.kind is EventKind.MITIGATION_CHOSEN
    }
    chosen = [
        Chosen(event.actor, str(event.data["what"]), _stands(steps.get(name)) if event.data["step"] else "")
        for name, event in newest.items()
    ]
    return mitigation.draw(incident, offers, who=who[:5], chosen=chosen)


def _stands(step: records.Step | None) -> str:
    return _STANDS[StepState(step.state)] if step else ""
