"""What stands in the phase threads and what people decide: results, failures, approvals, gates."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.values import OfGate
from bot.views import approval, deciding, gate, mrkdwn, step
from bot.views.message import Message
from escalation import reminders
from incidents import records
from incidents.agents.outputs import Hypothesis, Output, RootCause, model_of
from incidents.context import Context
from incidents.definitions import StepDefinition
from incidents.errors import NotFound
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.response import approvals, decisions, progress, replanning, specdrift
from incidents.service import permissions, queries


async def step_of(session: AsyncSession, step_id: int) -> tuple[records.Step, records.Run, StepDefinition]:
    """Return a step, its run and its definition.

    Raises:
        NotFound: there is no such step, or the run as re-planned no longer has it.
    """
    row = await session.get(records.Step, step_id)
    if row is None:
        raise NotFound(f"There is no step with the number {step_id}.")
    run = await session.get_one(records.Run, row.run_id)
    try:
        return row, run, progress.definition_of(run).step(row.name)
    except KeyError:
        raise NotFound(f"The response no longer has a step {row.name}.") from None


async def _reported(
    session: AsyncSession, ctx: Context, step_id: int
) -> tuple[records.Step, records.Run, StepDefinition]:
    """Return what `step_of` does, also for a step that was set aside before its report left: it was found all the same.

    Raises:
        NotFound: there is no such step, or no workflow that it was a step of.
    """
    row = await session.get(records.Step, step_id)
    name, workflow = replanning.former(row.name) if row else ("", "")
    if row is None or workflow not in ctx.library.workflows:
        return await step_of(session, step_id)
    run = await session.get_one(records.Run, row.run_id)
    try:
        return row, run, ctx.library.workflows[workflow].step(name)
    except KeyError:
        raise NotFound(f"No response has a step {name} any more.") from None


async def step_result(session: AsyncSession, ctx: Context, step_id: int) -> Message:
    """Return what a step found."""
    row, run, definition = await _reported(session, ctx, step_id)
    evidence = await queries.evidence(session, run.incident_id, step_id=step_id)
    refs = [each.ref for each in evidence if each.version == row.version] or [each.ref for each in evidence]
    drift = None
    if specdrift.specified(row.output):
        drift = specdrift.latest(await queries.events(session, run.incident_id))
    return step.result(step.Result(run.incident_id, definition, row, readable(definition, row), refs, drift))


def readable(definition: StepDefinition, row: records.Step) -> Output | None:
    """Return the step's output, or None where it has none that this version can read."""
    model = model_of(definition.prompt)
    if model is None or not row.output:
        return None
    try:
        return model.model_validate(row.output)
    except ValidationError:
        return None


async def step_failed(session: AsyncSession, ctx: Context, step_id: int) -> Message:
    """Return why a step failed, and the two ways on."""
    row, run, definition = await _reported(session, ctx, step_id)
    why: Mapping[str, Any] = {}
    for event in await queries.events(session, run.incident_id):
        if event.kind is EventKind.STEP_FAILED and event.data.get("step") == row.name:
            why = event.data
    holders = await queries.roles(session, run.incident_id)
    who = permissions.who_may(permissions.Action.STEER, holders=holders, settings=ctx.settings)
    failure = step.Failure(
        definition,
        row,
        str(why.get("remedy", "")),
        rebase=bool(why.get("rebase")),
        conflicts=why.get("conflicts") or (),
    )
    return step.failed(failure, waiting_for=mrkdwn.people(who))


async def approval_card(session: AsyncSession, ctx: Context, approval_id: int) -> Message:
    """Return the card of a decision.

    Raises:
        NotFound: there is no such approval.
    """
    row = await session.get(records.Approval, approval_id)
    if row is None:
        raise NotFound("There is no such approval.")
    incident = await queries.get(session, row.incident_id)
    outputs = await queries.outputs(session, row.run_id)
    choice = decisions.of(row.kind).is_choice
    who = approvals.who_may(row, await queries.roles(session, incident.number), ctx.settings)
    reminder = await session.get(records.Timer, reminders.key(row, "remind"))
    return approval.draw(
        deciding.Asked(
            row=row,
            step_id=next(
                (each.number for each in await queries.steps(session, row.run_id) if each.name == row.step), 0
            ),
            who=who[:1] or who,
            remind_at=reminder.due_at if reminder and reminder.state == "pending" else None,
            then=mrkdwn.people(who[1:3]),
            cause=_cause(outputs) if choice else None,
            ideas=_ideas(outputs) if choice else (),
        )
    )


def _cause(outputs: dict[str, object]) -> RootCause | None:
    try:
        return RootCause.model_validate(outputs.get("preliminary_root_cause"))
    except ValidationError:
        return None


def _ideas(outputs: dict[str, object]) -> list[Hypothesis]:
    found = cast("list[object]", outputs.get("investigation_priorities") or [])
    try:
        return [Hypothesis.model_validate(each) for each in found]
    except ValidationError:
        return []


async def gate_attestation(session: AsyncSession, ctx: Context, run_id: int, stage: int, name: str) -> Message:
    """Return the question for a quality gate, who vouched for it, or that it is asked no longer.

    Raises:
        NotFound: the run has no such gate.
    """
    run = await session.get(records.Run, run_id)
    if run is None:
        raise NotFound("There is no such quality gate.")
    incident = await queries.get(session, run.incident_id)
    judged = await progress.verdicts(session, ctx, incident, run, await queries.outputs(session, run_id))
    verdict = next((each for each in judged.get(stage, []) if each.gate == name), None)
    if verdict is None:
        return gate.withdrawn(name)
    holders = await queries.roles(session, incident.number)
    who = permissions.who_may(permissions.Action.ATTEST, holders=holders, settings=ctx.settings)
    described = ctx.library.policies.gates.get(name)
    return gate.draw(
        OfGate(incident=incident.number, run=run_id, stage=stage, gate=name),
        verdict,
        who=mrkdwn.people(who) or "anybody in this channel",
        commander=mrkdwn.people(holders.get(Role.COMMANDER, ())),
        asks=described.asks if described else "",
    )
