"""The quality gates that hold the response up: which they are, and the questions they ask."""

from collections.abc import Iterable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from bot.surfaces import work
from bot.values import OfGate
from bot.views.message import Message
from incidents import records
from incidents.context import Context
from incidents.response import plan, progress
from incidents.response.gates import GateState
from incidents.response.plan import StepState
from incidents.service import queries


async def waiting(
    session: AsyncSession,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    outputs: Mapping[str, object],
    steps: Iterable[records.Step],
) -> tuple[OfGate, ...]:
    """Return the gates of finished stages that do not hold, while a step waits for them."""
    states = {step.name: StepState(step.state) for step in steps}
    if StepState.WAITING not in states.values():
        return ()
    definition = progress.definition_of(run)
    judged = await progress.verdicts(session, ctx, incident, run, outputs)
    return tuple(
        OfGate(incident=incident.number, run=run.number, stage=number, gate=verdict.gate)
        for number, verdicts in judged.items()
        if plan.stage_finished(definition, number, states)
        for verdict in verdicts
        if not verdict.holds and verdict.state is not GateState.COMING
    )


async def asked(session: AsyncSession, ctx: Context, incident_id: int) -> Message | None:
    """Return the questions of all gates that hold the response up now, or None."""
    incident = await queries.get(session, incident_id)
    run = await queries.latest_run(session, incident_id)
    if run is None:
        return None
    outputs = await queries.outputs(session, run.number)
    open_ = await waiting(session, ctx, incident, run, outputs, await queries.steps(session, run.number))
    drawn = [await work.gate_attestation(session, ctx, run.number, each.stage, each.gate) for each in open_]
    if not drawn:
        return None
    return Message(text=drawn[0].text, blocks=[block for each in drawn for block in each.blocks])
