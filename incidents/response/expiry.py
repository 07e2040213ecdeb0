"""Approvals that are good no longer: what nobody decided waits for a person, what came too late is asked anew.

When an undecided approval expires is escalation's alarm to ring; here is what becomes of the step that waited for it.
"""

import structlog
from sqlalchemy import literal
from sqlmodel import col, select

from incidents import records, store
from incidents.context import Context
from incidents.errors import StepFailed
from incidents.events import EventKind
from incidents.response import failures, journal, progress
from incidents.response.plan import StepState
from incidents.service import queries

log = structlog.get_logger(__name__)


class Expiry:
    """The reactor that lets a step fail whose approval expired undecided."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to what became of approvals."""
        self._ctx.store.react(EventKind.APPROVAL_DECIDED, self.give_up)

    async def give_up(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Let the step fail where people see it, with the button that asks anew."""
        if event.data["decision"] != "expired":
            return
        approval = await tx.session.get_one(records.Approval, event.data["approval"])
        waiting = [pending.step for pending in await queries.pending_approvals(tx.session, incident.number)]
        step = await _waiting_step(tx, approval)
        if step is not None and approval.step not in waiting:
            await _fail(tx, incident, step)


async def ask_anew_what_came_too_late(tx: store.Tx, ctx: Context, *, step_id: int | None = None) -> None:
    """Ask again about steps that are ready under an approval so old that production has moved on since.

    A step that runs began in time; one that is merely ready did not: Sitrep was away. Where one is named, it is about
    that alone: replicas that hold several incidents at once could wait for each other.
    """
    approval, step = records.Approval, records.Step
    # The state is asked of what the step's own approvals are in. Compared with each of theirs, SQLite would begin with
    # every approval that was ever granted.
    expired = select(approval.state).where(
        col(approval.run_id) == col(step.run_id),
        col(approval.step) == col(step.name),
        col(approval.expires_at) <= tx.now,
    )
    todo = (
        select(step, records.Run)
        .join(records.Run, col(records.Run.id) == col(step.run_id))
        .where(step.state == StepState.READY.value, literal("approved").in_(expired))
    )
    if step_id is not None:
        todo = todo.where(step.id == step_id)
    for late, run in (await tx.session.execute(todo)).all():
        if journal.under_way(late) is not None:
            continue  # given back in mid-deploy: it goes on under the approval it began with
        incident = await queries.get(tx.session, run.incident_id)
        if late.state != StepState.READY.value:
            continue  # another replica was faster
        late.state = StepState.QUEUED.value
        tx.session.add(late)
        await tx.session.flush()
        await progress.advance(tx, ctx, incident, run)


async def ask_anew_what_changed(ctx: Context) -> None:
    """Ask again about what waits for people and is no longer what would be done: sitrep.yml was changed meanwhile.

    For when Sitrep starts: whatever else changes it asks anew by itself. Each incident by itself, as replicas that hold
    several at once could wait for each other.
    """
    async with ctx.store.read() as session:
        runs = await session.scalars(
            select(records.Approval.run_id).where(records.Approval.state == "pending").distinct()
        )
        waiting = list(runs.all())
    for run_id in waiting:
        try:
            async with ctx.store.transaction() as tx:
                run = await tx.session.get_one(records.Run, run_id)
                incident = await queries.get(tx.session, run.incident_id)
                await progress.advance(tx, ctx, incident, run)
        except Exception:  # one response that cannot be moved on keeps Sitrep from none of the others
            log.exception("approvals_not_looked_at", run_id=run_id)


async def _waiting_step(tx: store.Tx, approval: records.Approval) -> records.Step | None:
    found: records.Step | None = await tx.session.scalar(
        select(records.Step).where(
            records.Step.run_id == approval.run_id,
            records.Step.name == approval.step,
            records.Step.state == StepState.WAITING.value,
        )
    )
    return found


async def _fail(tx: store.Tx, incident: records.Incident, step: records.Step) -> None:
    run = await tx.session.get_one(records.Run, step.run_id)
    error = StepFailed(
        "Nobody decided on it in time, and production may have moved on since it was asked.",
        remedy="Retry it to be asked anew, or take it over.",
    )
    await failures.unasked(tx, incident, run, step, error)
