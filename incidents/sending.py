"""Notices that leave: begun under a lease, done with a result, or given up with what waited for them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, func, or_, update
from sqlalchemy import exists as exists_
from sqlalchemy.orm import aliased
from sqlalchemy.orm.util import identity_key
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from incidents import newborn, outbox_queries, records, store
from incidents.notices import Action, Road, comes_after_in_order_only
from incidents.records.columns import UtcDateTime
from incidents.tools import redaction

#: Longer than a slow look for an earlier try and a slow call (10 s each), and prolonged while a trip takes longer; and
#: what a lost replica had in hand, which waits for it, is told within 30 s.
LEASE = timedelta(seconds=25)
_MOMENT = timedelta(milliseconds=100)  # in which a transaction that ends a row is over

#: Nothing is put off for longer, whatever a road asks for: what would lie further ahead is asked about in between.
LONGEST_WAIT = timedelta(minutes=9)
_FAR = timedelta(minutes=10)  # further ahead than that is only what was written before the clock stepped back

#: States of a row that may go: it waits its turn, or whoever had it under way is gone.
MAY_GO = ("pending", "sending")


def _has_come(at: Any) -> ColumnElement[bool]:
    return or_(at <= bindparam("now", type_=UtcDateTime), at > bindparam("far", type_=UtcDateTime))


def _may_go() -> SelectOfScalar[records.Outbox]:
    row, other = records.Outbox, aliased(records.Outbox)
    under_way = exists_().where(
        col(other.coalesce) == col(row.coalesce),
        col(other.state) == "sending",
        or_(
            col(other.lease_until) >= bindparam("now", type_=UtcDateTime),
            col(other.id).in_(bindparam("at_work", expanding=True)),
        ),
    )
    return (
        select(row)
        .where(
            or_(
                (col(row.state) == "pending") & _has_come(col(row.not_before)),
                (col(row.state) == "sending") & _has_come(col(row.lease_until)),
            ),
            col(row.state).in_(bindparam("states", expanding=True)),
            col(row.id).not_in(bindparam("busy", expanding=True)),
            col(row.road).in_(bindparam("roads", expanding=True)),
            or_(col(row.coalesce) == "", ~under_way),
        )
        .outerjoin(records.Incident, col(records.Incident.id) == col(row.incident_id))
        .order_by(*outbox_queries.urgency())
        .limit(bindparam("limit", type_=Integer))
    )


# Asked by every transaction that puts something on its way: to build it cost the processor 2 ms each time.
_MAY_GO = _may_go()
_MAY_GO_BESIDE_OTHERS = _MAY_GO.with_for_update(skip_locked=True, of=records.Outbox)


_SAID = (
    select(records.Outbox.coalesce, func.max(records.Outbox.id))
    .where(col(records.Outbox.coalesce).in_(bindparam("words", expanding=True)), records.Outbox.state == "done")
    .group_by(records.Outbox.coalesce)
)

# Into the table, past the session: the row was begun in another one.
_TABLE = records.Outbox.metadata.tables["outbox"]
_LEAVE = update(_TABLE).where(
    _TABLE.c.id == bindparam("its_id"),
    _TABLE.c.state == "sending",
    _TABLE.c.owner == bindparam("its_owner"),
    _TABLE.c.attempts == bindparam("its_attempts"),
)


class Candidates(list[records.Outbox]):
    """Rows that may go now, the most urgent first."""

    def __init__(self, rows: Iterable[records.Outbox], *, more: bool) -> None:
        super().__init__(rows)
        self.more = more  #: as many were read as were asked for: further ones may be due


async def candidates(
    tx: store.Tx, limit: int, *, roads: Collection[str], busy: Collection[int] = (), states: Collection[str] = MAY_GO
) -> Candidates:
    """Return up to `limit` rows that may go now by one of `roads`, for `begin`, `postpone` or `leave_out`.

    Pages come first; within a lane what belongs to the most severe incident, and among equals the oldest.

    A row whose lease ran out is among them, and so is one that `doubt` gave back: its `first_tried_at` is set, which
    tells that the call may have taken effect. Of what has the same `coalesce` word one row goes at a time, and none
    after a newer one: an edit that overtook an older one would be painted over by it.

    Args:
        tx: The open transaction.
        limit: How many rows at most.
        roads: The roads that are open.
        busy: Ids of the rows that this process has under way: when the clock steps ahead, their leases seem to run out.
        states: Without "sending", no lease counts as run out, for when the clock cannot be trusted.
    """
    newborn.forget_notices(tx.session)
    asked = {
        "now": tx.now,
        "far": tx.now + _FAR,
        "states": list(states),
        "busy": list(busy),
        "at_work": list(busy),  # by another name: what an empty list becomes differs between IN and NOT IN
        "roads": [str(road) for road in roads],
        "limit": limit,
    }
    todo = _MAY_GO if tx.session.get_bind().dialect.name == "sqlite" else _MAY_GO_BESIDE_OTHERS
    rows = list((await tx.session.scalars(todo, asked)).all())
    newest = {found.coalesce: found.number for found in sorted(rows, key=_number) if found.coalesce}
    if tried := sorted({found.coalesce for found in rows if found.coalesce and found.attempts}):
        # While it was under way, or its process was gone, a newer one may have overtaken it.
        for word, last in (await tx.session.execute(_SAID, {"words": tried})).all():
            newest[word] = max(newest[word], int(last or 0))
    for found in rows:
        if newest.get(found.coalesce, found.number) != found.number:
            found.state = "superseded"
    return Candidates((found for found in rows if found.state != "superseded"), more=len(rows) == limit)


def begin(tx: store.Tx, row: records.Outbox, owner: str) -> None:
    """Make a candidate ours for LEASE and count a try; the call follows at once."""
    row.state, row.owner, row.lease_until = "sending", owner, tx.now + LEASE
    row.attempts += 1
    row.first_tried_at = row.first_tried_at or tx.now


def postpone(row: records.Outbox, until: datetime) -> None:
    """Let a candidate go at `until` (UTC): the road is busy."""
    row.state, row.not_before, row.owner, row.lease_until = "pending", until, "", None


async def wait_for(tx: store.Tx, row: records.Outbox, key: str) -> datetime | None:
    """Let a candidate wait until the row `key` is done; returns when to look again (UTC) where that is ending now.

    Whoever ends `key` releases what waits for it, and on PostgreSQL does not see who begins to wait beside it. So `key`
    is held while that is written; where somebody else holds it, the candidate is put off for a moment instead.
    """
    needed = select(records.Outbox.state).where(records.Outbox.key == key)
    held = await tx.session.scalar(needed.with_for_update(read=True, skip_locked=True))
    if held == "done" or (held is None and await tx.session.scalar(needed) is not None):
        postpone(row, tx.now + _MOMENT)
        return row.not_before
    row.state, row.after_key, row.owner, row.lease_until = "waiting", key, "", None
    return None


async def leave_out(tx: store.Tx, row: records.Outbox, reason: str) -> None:
    """Leave a candidate unsent because it no longer holds: answered, resolved, expired. So is what waited for it.

    A call that an earlier try may have put through is ended all the same: the pager rings until it is told to stop,
    and ending a call that it never got changes nothing.
    """
    _drop(row, reason)
    if row.road == Road.PAGER.value and row.first_tried_at is not None:
        await release(tx, row.key)
    else:
        await _follow(tx, row.key, "dropped", reason)


def _drop(row: records.Outbox, reason: str) -> None:
    row.state, row.error, row.owner, row.lease_until = "dropped", reason, "", None


async def leave_out_all(tx: store.Tx, left: Sequence[tuple[records.Outbox, str]]) -> None:
    """Leave out several candidates for a reason each, in their order: as `leave_out`, asking once what waits for any.

    They are held, so nothing begins to wait for one of them meanwhile.
    """
    awaits = select(col(records.Outbox.after_key)).where(
        col(records.Outbox.after_key).in_([row.key for row, _ in left]), records.Outbox.state == "waiting"
    )
    awaited = frozenset((await tx.session.scalars(awaits)).all())
    for row, reason in left:
        if row.key in awaited or row.road == Road.PAGER.value:
            await leave_out(tx, row, reason)
        else:
            _drop(row, reason)


async def done(tx: store.Tx, row: records.Outbox, result: dict[str, Any]) -> bool:
    """Store what came of `row` and release what waited for it; returns False when it is no longer ours."""
    changed = await _leave(tx, row, state="done", result=result, sent_at=tx.now, error="")
    if changed:
        await release(tx, row.key)
        tx.wake(store.DELIVERED)
    return changed


async def release(tx: store.Tx, *keys: str) -> None:
    """Let the rows go that waited for one of `keys`."""
    await tx.session.execute(
        update(records.Outbox)
        .where(col(records.Outbox.after_key).in_(keys), col(records.Outbox.state) == "waiting")
        .values(state="pending", not_before=tx.now)
    )
    tx.wake(store.OUTBOX)


async def drop(tx: store.Tx, row: records.Outbox, reason: str) -> bool:
    """Leave `row` unsent, having begun it. So is what waited for it."""
    changed = await _leave(tx, row, state="dropped", error=reason)
    if changed:
        await _follow(tx, row.key, "dropped", reason)
    return changed


async def retry(tx: store.Tx, row: records.Outbox, at: datetime, error: str) -> bool:
    """Give `row` back, to be tried again at `at` (UTC); the call had no effect."""
    return await _leave(tx, row, state="pending", not_before=at, error=redaction.redact(error), first_tried_at=None)


async def doubt(tx: store.Tx, row: records.Outbox, at: datetime, error: str) -> bool:
    """Give `row` back, to be looked for at `at` (UTC) before it is tried again: the call may have taken effect."""
    return await _leave(tx, row, state="pending", not_before=at, error=redaction.redact(error))


async def fail(tx: store.Tx, row: records.Outbox, error: str, *, unclear: bool) -> bool:
    """Give `row` up: the answer was a refusal that no repetition changes. What waited for it fails too.

    Args:
        tx: The open transaction.
        row: The row, begun.
        error: Why, for people.
        unclear: Whether a try may have taken effect all the same; who revives the row then looks first.
    """
    why = redaction.redact(error)
    doubt = {} if unclear else {"first_tried_at": None}
    changed = await _leave(tx, row, state="failed", error=why, **doubt)
    if changed:
        await _follow(tx, row.key, "failed", why)
    return changed


async def _follow(tx: store.Tx, key: str, state: str, reason: str) -> None:
    """Give what needed `key` the same end, and what needed that; who waits for one of them is woken.

    What came after it for the order alone goes on its way, unless there is no channel.
    """
    waiting: Sequence[str] = [key]
    while waiting:
        found = await tx.session.scalars(
            select(records.Outbox).where(col(records.Outbox.after_key).in_(waiting), records.Outbox.state == "waiting")
        )
        needing = []
        for dependent in found.all():
            in_order = comes_after_in_order_only(dependent.action, dependent.target, dependent.after_key)
            if in_order and key == dependent.after_key:  # else it is the channel that is missing
                dependent.state = "pending"
                tx.wake(store.OUTBOX)
                continue
            dependent.state, dependent.error = state, f"needed {dependent.after_key}: {reason}"
            tx.wake(dependent.key)
            needing.append(dependent.key)
        waiting = needing


async def revive(tx: store.Tx, row: records.Outbox, *, stale: Collection[str]) -> None:
    """Let a row that was given up go once more, and what failed for want of it; edits and `stale` surfaces do not."""
    row.state, row.error, row.attempts, row.not_before = "pending", "", 0, tx.now
    needed: Sequence[str] = [row.key]
    while needed:
        found = await tx.session.scalars(
            select(records.Outbox).where(
                col(records.Outbox.after_key).in_(needed),
                records.Outbox.state == "failed",
                col(records.Outbox.attempts) == 0,
            )
        )
        rows = found.all()
        for dependent in rows:
            outdated = dependent.action == Action.EDIT or dependent.surface in stale
            dependent.state, dependent.error = "superseded" if outdated else "waiting", ""
        needed = [dependent.key for dependent in rows if dependent.state == "waiting"]
    tx.wake(store.OUTBOX)


async def _leave(tx: store.Tx, row: records.Outbox, **values: Any) -> bool:
    ours = {"its_id": row.id, "its_owner": row.owner, "its_attempts": row.attempts}
    changed = await tx.session.execute(_LEAVE, {**ours, "owner": "", "lease_until": None, **values})
    read = tx.session.sync_session.identity_map.get(identity_key(records.Outbox, row.number))
    if read is not None:  # else it would be begun again from what it was
        await tx.session.refresh(read)
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _number(row: records.Outbox) -> int:
    return row.number
