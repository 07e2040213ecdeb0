"""Timer rows: armed and cancelled with the decision that needs them, fired exactly once."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import Histogram
from sqlalchemy import ColumnElement, func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col, select

from incidents import holding, newborn, records, store

LATENESS = Histogram(
    "sitrep_timer_lateness_seconds",
    "How late timers fired, from their due time to the transaction that fired them.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)

log = structlog.get_logger(__name__)

#: How many due timers share one transaction: one each took 663 ms p99 for 1,000 at once, groups 61 ms.
GROUP = 50

#: A timer whose handler failed is tried again after this, doubled each time up to the second.
_FIRST_DELAY, _LONGEST_DELAY = timedelta(seconds=5), timedelta(minutes=5)


_PATIENCE = timedelta(milliseconds=250)  # how long an incident is waited for that another replica is changing


_ARMED = "armed timers"  # in a session's info: those that it made


class Kind(StrEnum):
    """What a timer is for."""

    MATRIX = "matrix"  #: payload: label
    ESCALATE = "escalate"  #: payload: trigger, since
    PAGE = "page"  #: payload: level
    UPDATE_DRAFT = "update_draft"  #: payload: update
    UPDATE_DUE = "update_due"  #: payload: update
    UPDATE_OVERDUE = "update_overdue"  #: payload: update
    SUMMARY = "summary"
    RUN_BEGIN = "run_begin"  #: payload: run
    APPROVAL_REMIND = "approval_remind"  #: payload: approval, round
    POSTMORTEM_DUE = "postmortem_due"  #: payload: round; of a resolved incident
    QUESTION_REMIND = "question_remind"  #: payload: question, round
    APPROVAL_ESCALATE = "approval_escalate"  #: payload: approval
    APPROVAL_EXPIRE = "approval_expire"  #: payload: approval


Handler = Callable[[store.Tx, records.Timer, records.Incident], Awaitable[None]]


class Timers:
    """What is done when a timer of each kind is due."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def on(self, kind: str, handler: Handler) -> None:
        """Call `handler` in the transaction that fires a timer of `kind`; each kind has one handler."""
        if kind in self._handlers:
            raise ValueError(f"timers of kind {kind!r} have a handler already")
        self._handlers[kind] = handler

    def handler(self, kind: str) -> Handler:
        """Return the handler of `kind`; raises KeyError where nobody registered one."""
        return self._handlers[kind]


async def arm(
    tx: store.Tx, incident: records.Incident, key: str, kind: str, due_at: datetime, **payload: Any
) -> records.Timer:
    """Set the timer `key` to `due_at` (UTC); one that waits, fired or was cancelled is set anew."""
    timer = await find(tx, incident, key)
    if timer is None:
        timer = records.Timer(key=key, incident_id=incident.number, kind=str(kind), due_at=due_at)
        tx.session.info.setdefault(_ARMED, {})[key] = timer
    timer.due_at, timer.state, timer.fired_at, timer.payload = due_at, "pending", None, dict(payload)
    tx.session.add(timer)
    if not newborn.is_new(tx.session, incident.number):  # those of a new incident go in together
        await tx.session.flush()
    tx.wake(store.TIMERS)
    return timer


async def find(tx: store.Tx, incident: records.Incident, key: str) -> records.Timer | None:
    """Return the incident's timer `key`, or None."""
    if newborn.is_new(tx.session, incident.number):  # it has the timers that this transaction armed, and no others
        armed: records.Timer | None = tx.session.info.get(_ARMED, {}).get(key)
        return armed
    return await tx.session.get(records.Timer, key)


async def cancel(tx: store.Tx, *keys: str) -> int:
    """Cancel the timers `keys` that wait; returns how many did."""
    if not keys:
        return 0
    return await _cancel(tx, col(records.Timer.key).in_(keys))


async def cancel_of(tx: store.Tx, incident: records.Incident, *kinds: str) -> int:
    """Cancel the waiting timers of the incident, all or those of `kinds`; returns how many there were."""
    conditions = [col(records.Timer.incident_id) == incident.number]
    if kinds:
        conditions.append(col(records.Timer.kind).in_([str(kind) for kind in kinds]))
    return await _cancel(tx, *conditions)


async def _cancel(tx: store.Tx, *conditions: Any) -> int:
    changed = await tx.session.execute(
        update(records.Timer).where(*conditions, col(records.Timer.state) == "pending").values(state="cancelled")
    )
    tx.wake(store.TIMERS)
    return int(changed.rowcount)  # type: ignore[attr-defined]


async def pending(session: AsyncSession, incident: records.Incident, kind: str = "") -> list[records.Timer]:
    """Return the incident's waiting timers, all or those of `kind`, soonest first."""
    if newborn.is_new(session, incident.number):
        armed: list[records.Timer] = list(session.info.get(_ARMED, {}).values())
        of_it = [each for each in armed if each.incident_id == incident.id and each.state == "pending"]
        return sorted((each for each in of_it if kind in ("", each.kind)), key=lambda each: (each.due_at, each.key))
    query = select(records.Timer).where(
        records.Timer.incident_id == incident.number, col(records.Timer.state) == "pending"
    )
    if kind:
        query = query.where(records.Timer.kind == str(kind))
    return list((await session.scalars(query.order_by(col(records.Timer.due_at), col(records.Timer.key)))).all())


async def next_due(store_: store.Store) -> datetime | None:
    """Return when the next timer is due (UTC), or None where none waits."""
    async with store_.read() as session:
        return await session.scalar(select(func.min(records.Timer.due_at)).where(records.Timer.state == "pending"))


async def upcoming(store_: store.Store, until: datetime, limit: int) -> list[tuple[str, datetime]]:
    """Return key and due time (UTC) of the timers due up to `until`, soonest first."""
    async with store_.read() as session:
        rows = await session.execute(
            select(col(records.Timer.key), col(records.Timer.due_at))
            .where(col(records.Timer.state) == "pending", col(records.Timer.due_at) <= until)
            .order_by(col(records.Timer.due_at))
            .limit(limit)
        )
        return [(key, due_at) for key, due_at in rows.all()]


async def fire_due(store_: store.Store, timers: Timers, *, limit: int = GROUP) -> int:
    """Fire the timers that are due, oldest first, in one transaction; returns how many.

    Of several replicas one fires each timer. When a handler fails, each of the group is fired alone: the one at fault
    is set back and logged, the others go.
    """
    soonest = await _soonest(store_)
    if soonest is None or soonest.due_at > store_.clock.now():
        return 0
    try:
        fired = await _fire(store_, timers, limit=limit)
        if not fired and store_.supports_skip_locked:
            # Another replica is changing its incident. It is waited for: who only looks in now and then while others
            # queue for an incident may never find it free. Not for long, though: other incidents have timers, too.
            fired = await _fire(store_, timers, limit=limit, incident_id=soonest.incident_id)
        return len(fired)
    except holding.Held:
        return 0
    except Exception:
        # Whatever a handler raises, the timers beside its own must still fire; the fault is logged one by one below.
        log.warning("timers.group_failed", exc_info=True)
        return await _fire_singly(store_, timers, limit)


async def _soonest(store_: store.Store) -> records.Timer | None:
    async with store_.read() as session:
        timer: records.Timer | None = await session.scalar(
            select(records.Timer).where(records.Timer.state == "pending").order_by(col(records.Timer.due_at)).limit(1)
        )
        return timer


async def _fire(
    store_: store.Store, timers: Timers, *, limit: int, key: str = "", incident_id: int | None = None
) -> list[str]:
    """Fire what is due: all, one, or those of an incident that is waited for."""
    fired = []
    async with store_.transaction() as tx:
        due = [col(records.Timer.state) == "pending", col(records.Timer.due_at) <= tx.now]
        if key:
            due.append(col(records.Timer.key) == key)
        # Incident first, then its timers: see holding.incident.
        if incident_id is None:
            incidents = await _incidents(tx, store_, due, limit)
        else:
            held = await holding.incident_soon(tx.session, incident_id, _PATIENCE)
            incidents = {incident_id: held} if held else {}
        todo = select(records.Timer).where(*due, col(records.Timer.incident_id).in_(incidents))
        todo = todo.order_by(col(records.Timer.due_at), col(records.Timer.key)).limit(limit)
        if store_.supports_skip_locked:
            todo = todo.with_for_update(skip_locked=True)
        for turn in _turns((await tx.session.scalars(todo)).all()):
            for row in await _win(tx, turn):
                LATENESS.observe(max(0.0, (tx.now - promised_at(row)).total_seconds()))
                with structlog.contextvars.bound_contextvars(incident=f"inc-{row.incident_id}", key=row.key):
                    await timers.handler(row.kind)(tx, row, incidents[row.incident_id])
                fired.append(row.key)
    return fired


def _turns(rows: Iterable[records.Timer]) -> list[list[records.Timer]]:
    """Return the rows in turns, each with one row of an incident at most, an incident's rows in their order."""
    turns: list[list[records.Timer]] = []
    taken: Counter[int] = Counter()
    for row in rows:
        turn = taken[row.incident_id]
        taken[row.incident_id] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(row)
    return turns


async def _incidents(
    tx: store.Tx, store_: store.Store, due: Sequence[ColumnElement[bool]], limit: int
) -> dict[int, records.Incident]:
    """Return the incidents of the first due timers, those left out that another replica is changing now."""
    first = select(records.Timer.incident_id).where(*due).order_by(col(records.Timer.due_at), col(records.Timer.key))
    query = select(records.Incident).where(col(records.Incident.id).in_(first.limit(limit)))
    if store_.supports_skip_locked:
        # No key update: rows that refer to the incident can still be added beside us.
        query = query.with_for_update(skip_locked=True, key_share=True)
    return {incident.number: incident for incident in (await tx.session.scalars(query)).all()}


async def _win(tx: store.Tx, turn: Sequence[records.Timer]) -> list[records.Timer]:
    # A handler of an earlier turn may have cancelled or moved a timer of its incident: only what is still pending and
    # due fires. Handlers touch timers of their own incident alone, so those of one turn can be won together.
    won = await tx.session.scalars(
        update(records.Timer)
        .where(
            col(records.Timer.key).in_([row.key for row in turn]),
            col(records.Timer.state) == "pending",
            col(records.Timer.due_at) <= tx.now,
        )
        .values(state="fired", fired_at=tx.now)
        .returning(col(records.Timer.key))
        .execution_options(synchronize_session=False)
    )
    keys = set(won.all())
    for row in turn:
        if row.key in keys:
            set_committed_value(row, "state", "fired")
            set_committed_value(row, "fired_at", tx.now)
    return [row for row in turn if row.key in keys]


async def _fire_singly(store_: store.Store, timers: Timers, limit: int) -> int:
    count = 0
    for key, _ in await upcoming(store_, store_.clock.now(), limit):
        try:
            count += len(await _fire(store_, timers, limit=1, key=key))
        except Exception:
            log.exception("timer.failed", key=key)
            await _set_back(store_, key)
    return count


async def _set_back(store_: store.Store, key: str) -> None:
    async with store_.transaction() as tx:
        row = await tx.session.get(records.Timer, key)
        if row is None or row.state != "pending":
            return
        failures = int(row.payload.get("failures", 0)) + 1
        row.payload = {"promised": row.due_at.isoformat(), **row.payload, "failures": failures}
        row.due_at = tx.now + min(_FIRST_DELAY * 2 ** min(failures - 1, 10), _LONGEST_DELAY)
        tx.session.add(row)
        tx.wake(store.TIMERS)


def promised_at(timer: records.Timer) -> datetime:
    """Return when the timer should have fired (UTC), also after a failing handler set it back."""
    return datetime.fromisoformat(timer.payload["promised"]) if "promised" in timer.payload else timer.due_at


def late_seconds(timer: records.Timer, now: datetime) -> int:
    """Return by how much the timer fires late."""
    return max(0, round((now - promised_at(timer)).total_seconds()))
