"""Approvals whose time has run out: they are withdrawn, and a person says when they are asked for again."""

from sqlalchemy import and_
from sqlmodel import col, select

from incidents import records, store
from incidents.context import Context
from incidents.events import EventKind
from incidents.response import approvals, progress
from incidents.response.plan import StepState
from incidents.service import queries


async def lapse(tx: store.Tx, ctx: Context) -> None:
    """Expire what nobody decided in time, and what was approved so long ago that production has moved on since."""
    for approval, step in await _overdue(tx, "pending", StepState.WAITING):
        incident = await queries.get(tx.session, approval.incident_id)
        await approvals.expire(tx, incident, approval)
        await _give_up(tx, incident, step)
    # A step that runs began in time; one that is merely ready (Sitrep was away) has to be asked about anew.
    for approval, step in await _overdue(tx, "approved", StepState.READY):
        incident = await queries.get(tx.session, approval.incident_id)
        step.state = StepState.QUEUED.value
        tx.session.add(step)
        await tx.session.flush()
        await progress.advance(tx, ctx, incident, await tx.session.get_one(records.Run, approval.run_id))


async def _overdue(tx: store.Tx, decided: str, state: StepState) -> list[tuple[records.Approval, records.Step]]:
    found = await tx.session.execute(
        select(records.Approval, records.Step)
        .join(
            records.Step,
            and_(
                col(records.Step.run_id) == col(records.Approval.run_id),
                col(records.Step.name) == col(records.Approval.step),
            ),
        )
        .where(
            records.Step.state == state.value,
            records.Approval.state == decided,
            col(records.Approval.expires_at) <= tx.now,
        )
    )
    return [(approval, step) for approval, step in found.all()]


async def _give_up(tx: store.Tx, incident: records.Incident, step: records.Step) -> None:
    """Let the step fail where people see it, with the button that asks anew."""
    run = await tx.session.get_one(records.Run, step.run_id)
    definition = progress.definition_of(run).step(step.name)
    message = "Nobody decided on it in time, and production may have moved on since it was asked."
    remedy = "Retry it to be asked anew, or take it over."
    step.state, step.error, step.finished_at = StepState.FAILED.value, f"{message} {remedy}", tx.now
    # No attempt was made; the number only tells this failure's message from those of others.
    step.attempt += 1
    tx.session.add(step)
    await tx.record(
        incident,
        EventKind.STEP_FAILED,
        step=step.name,
        step_id=step.id,
        title=definition.title,
        attempt=step.attempt,
        error=message,
        remedy=remedy,
        phase=definition.phase.value,
    )
