"""What is kept for how long: by policy, old channels are put away and old traffic is let go, a little at a time.

The timeline, the decisions and what people wrote stay until `forget_incident_after` asks for more.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, update
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from incidents import outbox, records, store
from incidents.catalog import Retention
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Action, Lane, Notice
from incidents.response.plan import StepState

BATCH = 50  #: incidents in one transaction; with all that belongs to them it holds SQLite's lock for some 50 ms

_ENDED = (Status.RESOLVED, Status.CLOSED, Status.CANCELLED)
_GONE_OUT = ("done", "failed", "superseded", "dropped")

#: What other notices may still wait for or belong to: the channel, the heads of threads, the canvas.
_LEANED_ON = (Action.CREATE_CHANNEL, Action.POST, Action.CANVAS)

#: What hangs on an incident, children before what they refer to.
_OF_STEPS: tuple[Any, ...] = (records.EvidenceRow, records.Approval, records.Question)
_OF_RUNS: tuple[Any, ...] = (records.Attestation, records.Step)
_OF_INCIDENTS: tuple[Any, ...] = (
    records.Run,
    records.IncidentWord,
    records.RoleHolder,
    records.Membership,
    records.Event,
    records.Timer,
    records.Outbox,
    records.StatusUpdate,
    records.Followup,
    records.PostmortemSection,
)

#: Whose numbers stand in buttons, letters and pages that outlive the rows.
_NUMBERED: tuple[Any, ...] = (
    records.Run,
    records.Approval,
    records.Question,
    records.Followup,
    records.StatusUpdate,
)


@dataclass
class Done:
    """What one round did."""

    archived: int = 0  #: channels on their way into the archive
    stripped: int = 0  #: incidents whose excerpts, deliveries and timers were let go
    forgotten: int = 0  #: incidents that are gone
    traffic: int = 0  #: deliveries that belonged to no incident
    held: int = 0  #: incidents that would have been let go, and that somebody had in hand at that moment

    @property
    def let_go(self) -> bool:
        """Return whether anything was let go."""
        return bool(self.archived or self.stripped or self.forgotten or self.traffic)

    def __bool__(self) -> bool:
        """Return whether another round may find something to do."""
        return self.let_go or bool(self.held)


async def round_(store_: store.Store, policy: Retention) -> Done:
    """Apply `policy` to up to BATCH incidents each, every part in a transaction of its own; say what was done."""
    done = Done()
    if policy.archive_channel_after is not None:
        done.archived = await _apply(store_, done, _to_archive, policy.archive_channel_after, _archive)
    if policy.strip_after is not None:
        done.stripped = await _apply(store_, done, _to_strip, policy.strip_after, _strip)
        done.traffic = await _forget_traffic(store_, policy.strip_after)
    if policy.forget_incident_after is not None:
        done.forgotten = await _apply(store_, done, _to_forget, policy.forget_incident_after, _forget)
    return done


Asking = Callable[[datetime], SelectOfScalar[records.Incident]]
Act = Callable[[store.Tx, Sequence[records.Incident]], Awaitable[None]]


async def _apply(store_: store.Store, done: Done, asking: Asking, after: timedelta, act: Act) -> int:
    async with store_.transaction() as tx:
        asked = asking(tx.now - after)
        if store_.supports_skip_locked:
            # Who responds, or another replica, has some of them in hand: nobody waits for them, nor for an hour.
            due = await tx.session.scalar(select(func.count()).select_from(asked.subquery())) or 0
            found = (await tx.session.scalars(asked.with_for_update(skip_locked=True))).all()
            done.held += max(0, due - len(found))
        else:
            found = (await tx.session.scalars(asked)).all()
        if found:
            await act(tx, found)
        return len(found)


def _ended_before(until: datetime) -> ColumnElement[bool]:
    incident, event = records.Incident, records.Event
    # Cancelling is no milestone: its event alone knows when it was.
    of_incident = col(event.incident_id) == col(incident.id), col(event.kind) == EventKind.CANCELLED
    cancelled = select(func.max(event.at)).where(*of_incident).scalar_subquery()
    ended = func.coalesce(
        case((col(incident.status) == Status.CANCELLED, cancelled)),
        incident.closed_at,
        incident.resolved_at,
        incident.declared_at,
    )
    # Declared before it ended: that is what the index knows.
    return and_(col(incident.declared_at) < until, col(incident.status).in_(_ENDED), ended < until)


def _oldest(*conditions: ColumnElement[bool]) -> SelectOfScalar[records.Incident]:
    return select(records.Incident).where(*conditions).order_by(col(records.Incident.declared_at)).limit(BATCH)


def _to_archive(until: datetime) -> SelectOfScalar[records.Incident]:
    return _oldest(col(records.Incident.archived_at).is_(None), _ended_before(until), ~_under_way(), ~_at_work())


async def _archive(tx: store.Tx, incidents: Sequence[records.Incident]) -> None:
    for incident in incidents:
        incident.archived_at = tx.now
        if incident.channel:
            key = f"{incident.key}:archive"
            notice = Notice(key=key, lane=Lane.CHATTER, action=Action.ARCHIVE, target="channel")
            await outbox.put(tx, incident.number, notice)


def _to_strip(until: datetime) -> SelectOfScalar[records.Incident]:
    return _oldest(col(records.Incident.stripped_at).is_(None), _ended_before(until), ~_under_way())


def _under_way() -> ColumnElement[bool]:
    """Return whether something of an incident is still on its way, such as its channel into the archive."""
    row = records.Outbox
    # Not as what is in no other state: PostgreSQL would go through the whole outbox to find the few that are.
    return exists().where(col(row.incident_id) == col(records.Incident.id), col(row.state).in_(outbox.ON_ITS_WAY))


def _at_work() -> ColumnElement[bool]:
    """Return whether agents still work for an incident; what they find is to be told in its channel."""
    run, step = records.Run, records.Step
    of_incident = col(run.incident_id) == col(records.Incident.id)
    busy = col(step.state).in_((StepState.READY, StepState.RUNNING))
    return exists().where(of_incident, col(step.run_id) == col(run.id), busy)


async def _strip(tx: store.Tx, incidents: Sequence[records.Incident]) -> None:
    numbers = [incident.number for incident in incidents]
    evidence, timer, row = records.EvidenceRow, records.Timer, records.Outbox
    await tx.session.execute(update(evidence).where(col(evidence.incident_id).in_(numbers)).values(excerpt=""))
    await tx.session.execute(delete(timer).where(col(timer.incident_id).in_(numbers), col(timer.state) != "pending"))
    # Not as a list of the states to let go: SQLite takes four states for fewer rows than fifty incidents, and would go
    # through the whole outbox by them.
    over = col(row.state).not_in(outbox.ON_ITS_WAY)
    await tx.session.execute(
        delete(row).where(col(row.incident_id).in_(numbers), over, col(row.action).not_in(_LEANED_ON))
    )
    for incident in incidents:
        incident.stripped_at = tx.now


async def _forget_traffic(store_: store.Store, after: timedelta) -> int:
    """Let deliveries go that belong to no incident: App Homes, and what operators were told."""
    row = records.Outbox
    async with store_.transaction() as tx:
        old = (
            select(row.id)
            .where(col(row.incident_id).is_(None), col(row.state).in_(_GONE_OUT), col(row.created_at) < tx.now - after)
            .order_by(col(row.id))
            .limit(BATCH * 20)
        )
        gone = await tx.session.execute(delete(row).where(col(row.id).in_(old)))
        return int(gone.rowcount)  # type: ignore[attr-defined]


def _to_forget(until: datetime) -> SelectOfScalar[records.Incident]:
    return _oldest(_ended_before(until), ~_under_way(), *_holds_no_newest_number())


def _holds_no_newest_number() -> list[ColumnElement[bool]]:
    """Return what is true of an incident without the highest number of any kind: SQLite would give that again.

    An old button would then act on what has it next, and mailbox and pager would take a page for that of then.
    """
    incident, run, step = records.Incident, records.Run, records.Step

    def newest(table: Any) -> Any:
        return select(func.max(table.id)).scalar_subquery()  # what a database knows without going through the table

    run_of_newest_step = select(step.run_id).where(col(step.id) == newest(step)).scalar_subquery()
    holders: list[Any] = [
        select(func.max(incident.id)),
        select(run.incident_id).where(col(run.id) == run_of_newest_step),
        *(select(table.incident_id).where(table.id == newest(table)) for table in _NUMBERED),
    ]
    return [col(incident.id) != func.coalesce(each.scalar_subquery(), 0) for each in holders]


async def _forget(tx: store.Tx, incidents: Sequence[records.Incident]) -> None:
    numbers = [incident.number for incident in incidents]
    runs = select(records.Run.id).where(col(records.Run.incident_id).in_(numbers))

    async def drop(table: Any, *conditions: ColumnElement[bool]) -> None:
        await tx.session.execute(delete(table).where(*conditions).execution_options(synchronize_session=False))

    for table in _OF_STEPS:
        await drop(table, table.incident_id.in_(numbers))
    version = records.StepVersion
    await drop(version, col(version.step_id).in_(select(records.Step.id).where(col(records.Step.run_id).in_(runs))))
    for table in _OF_RUNS:
        await drop(table, table.run_id.in_(runs))
    # What was learned outlives where it was learned, unless nobody could tell any more that it is private.
    solution = records.Solution
    private = [incident.number for incident in incidents if incident.private]
    await drop(solution, col(solution.incident_id).in_(private))
    await tx.session.execute(
        update(solution)
        .where(col(solution.incident_id).in_(numbers))
        .values(incident_id=None)
        .execution_options(synchronize_session=False)
    )
    for table in _OF_INCIDENTS:
        await drop(table, table.incident_id.in_(numbers))
    await drop(records.Incident, col(records.Incident.id).in_(numbers))
