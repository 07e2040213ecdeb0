"""Notices on their way out: put in with the decision, begun under a lease, done with a result."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, update
from sqlalchemy import exists as exists_
from sqlalchemy import select as columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from incidents import records, store
from incidents.definitions import Severity
from incidents.notices import Action, Lane, Notice, Road

_UNSENT = ("waiting", "pending")

LEASE = timedelta(seconds=30)  # longer than the slowest answer we wait for (10 s), short enough for a crash's victim
_FAR = timedelta(minutes=10)  # nothing is put off for longer: what is, was written before the clock stepped back

#: States of a row that may go: it waits its turn, or whoever had it under way is gone.
MAY_GO = ("pending", "sending")


async def put(tx: store.Tx, incident_id: int | None, *notices: Notice) -> frozenset[str]:
    """Add `notices` and return the keys of those that are new; a key that is already there changes nothing.

    Messages are drawn when they leave. So an edit is left out while the message it is of, or an edit of it that says
    the same, has not left; and an edit of something that was never put: there is nothing to edit.
    """
    notices = tuple(notice for notice in notices if not _said_just_now(tx, notice))
    if not any(notice.of or notice.after or notice.coalesce for notice in notices):
        return await _insert(tx, [_values(tx, incident_id, notice, {}) for notice in notices])
    there = await _there(tx, notices)
    states = {row.key: row.state for row in there}
    unsent = {_said(name, row) for row in there if _is_unsent(row) for name in (row.key, row.coalesce) if name}
    new: dict[str, Notice] = {}
    for notice in notices:
        if notice.key in states or (notice.of and notice.of not in states):
            continue
        if notice.coalesce and unsent & {_said(notice.of, notice), _said(notice.coalesce, notice)}:
            continue
        new[notice.key] = notice
        states[notice.key] = "new"
        unsent |= {_said(name, notice) for name in (notice.key, notice.coalesce) if name}
    await _supersede(tx, {notice.coalesce for notice in new.values() if notice.coalesce})
    return await _insert(tx, [_values(tx, incident_id, notice, states) for notice in new.values()])


async def _there(tx: store.Tx, notices: Collection[Notice]) -> list[Any]:
    """Return the rows that the notices name, and the unsent ones that they would take the place of."""
    row = records.Outbox
    named = {key for notice in notices for key in (notice.key, notice.of, notice.after) if key}
    words = {notice.coalesce for notice in notices if notice.coalesce}
    found = columns(
        col(row.key), col(row.state), col(row.coalesce), col(row.surface), col(row.params), col(row.first_tried_at)
    )
    if not words:
        return list((await tx.session.execute(found.where(col(row.key).in_(named)))).all())
    waiting = col(row.coalesce).in_(words) & col(row.state).in_(_UNSENT)
    # Nobody may begin them before this commit: what they would draw is what it changes.
    found = found.where(or_(col(row.key).in_(named), waiting)).with_for_update()
    return list((await tx.session.execute(found)).all())


def _is_unsent(row: Any) -> bool:
    return row.state in _UNSENT and row.first_tried_at is None


def _said_just_now(tx: store.Tx, notice: Notice) -> bool:
    """Return whether the last notice of this transaction that would take this one's place says the same."""
    if not notice.coalesce:
        return False
    said = _said(notice.coalesce, notice)
    before, tx.said[notice.coalesce] = tx.said.get(notice.coalesce), said
    return before == said


def _said(name: str, notice: Any) -> tuple[str, str, str]:
    """Return what stands for the words of a notice or a row: the message they are in, what draws them, from what."""
    return name, notice.surface, json.dumps(notice.params, sort_keys=True)


async def _insert(tx: store.Tx, rows: list[dict[str, Any]]) -> frozenset[str]:
    """Insert rows in one statement, of each key one; returns the keys that are new."""
    if not rows:
        return frozenset()
    insert = sqlite.insert if tx.session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = insert(records.Outbox).on_conflict_do_nothing().returning(col(records.Outbox.key))
    new = frozenset((await tx.session.scalars(statement, rows)).all())
    if new:
        tx.wake(store.OUTBOX)
    return new


async def _supersede(tx: store.Tx, words: Collection[str]) -> None:
    if words:
        await tx.session.execute(
            update(records.Outbox)
            .where(
                col(records.Outbox.coalesce).in_(words),
                col(records.Outbox.state).in_(_UNSENT),
                col(records.Outbox.first_tried_at).is_(None),
            )
            .values(state="superseded")
        )


def _values(tx: store.Tx, incident_id: int | None, notice: Notice, states: Mapping[str, str]) -> dict[str, Any]:
    before = states.get(notice.after, "") if notice.after else "done"
    ended = before in ("failed", "dropped")  # what it needs will never be there
    return notice.model_dump(exclude={"lane", "after", "of"}) | {
        "incident_id": incident_id,
        "lane": int(notice.lane),
        "after_key": notice.after,
        "of_key": notice.of,
        "state": before if ended else "pending" if before == "done" else "waiting",
        "error": f"needed {notice.after}, which was not sent" if ended else "",
        "created_at": tx.now,
        "not_before": tx.now,
    }


async def was_put(tx: store.Tx, key: str) -> bool:
    """Return whether a notice of this key was put, whatever became of it."""
    return await tx.session.scalar(select(records.Outbox.id).where(records.Outbox.key == key)) is not None


async def candidates(
    tx: store.Tx, limit: int, *, roads: Collection[str], busy: Collection[int] = (), states: Collection[str] = MAY_GO
) -> list[records.Outbox]:
    """Return up to `limit` rows that may go now by one of `roads`, for `begin`, `postpone` or `leave_out`.

    Pages come first; within a lane what belongs to the most severe incident, and among equals the oldest.

    A row whose lease ran out is among them, and so is one that `doubt` gave back: its `first_tried_at` is set, which
    tells that the call may have taken effect. Of what has the same `coalesce` word one row goes at a time: an edit
    that overtook an older one would be painted over by it.

    Args:
        tx: The open transaction.
        limit: How many rows at most.
        roads: The roads that are open.
        busy: Ids of the rows that this process has under way: when the clock steps ahead, their leases seem to run out.
        states: Without "sending", no lease counts as run out, for when the clock cannot be trusted.
    """
    row, other = records.Outbox, aliased(records.Outbox)
    under_way = exists_().where(
        col(other.coalesce) == col(row.coalesce),
        col(other.state) == "sending",
        or_(col(other.lease_until) >= tx.now, col(other.id).in_(busy)),
    )
    todo = (
        select(row)
        .where(
            or_(
                (col(row.state) == "pending") & _has_come(col(row.not_before), tx),
                (col(row.state) == "sending") & _has_come(col(row.lease_until), tx),
            ),
            col(row.state).in_(states),
            col(row.id).not_in(busy),
            col(row.road).in_(roads),
            or_(col(row.coalesce) == "", ~under_way),
        )
        .outerjoin(records.Incident, col(records.Incident.id) == col(row.incident_id))
        .order_by(col(row.lane), _severity_rank(), col(row.id))
        .limit(limit)
    )
    if tx.session.get_bind().dialect.name != "sqlite":
        todo = todo.with_for_update(skip_locked=True, of=row)
    rows = list((await tx.session.scalars(todo)).all())
    newest = {found.coalesce: found.number for found in sorted(rows, key=_number) if found.coalesce}
    for found in rows:
        if newest.get(found.coalesce, found.number) != found.number:
            found.state = "superseded"
    return [found for found in rows if found.state != "superseded"]


def _has_come(at: Any, tx: store.Tx) -> ColumnElement[bool]:
    return or_(at <= tx.now, at > tx.now + _FAR)


def begin(tx: store.Tx, row: records.Outbox, owner: str) -> None:
    """Make a candidate ours for LEASE and count a try; the call follows at once."""
    row.state, row.owner, row.lease_until = "sending", owner, tx.now + LEASE
    row.attempts += 1
    row.first_tried_at = row.first_tried_at or tx.now


def postpone(row: records.Outbox, until: datetime) -> None:
    """Let a candidate go at `until` (UTC): the road is busy."""
    row.state, row.not_before, row.owner, row.lease_until = "pending", until, "", None


def wait_for(row: records.Outbox, key: str) -> None:
    """Let a candidate wait until the row `key` is done."""
    row.state, row.after_key, row.owner, row.lease_until = "waiting", key, "", None


async def leave_out(tx: store.Tx, row: records.Outbox, reason: str) -> None:
    """Leave a candidate unsent because it no longer holds: answered, resolved, expired. So is what waited for it.

    A call that an earlier try may have put through is ended all the same: the pager rings until it is told to stop,
    and ending a call that it never got changes nothing.
    """
    row.state, row.error, row.owner, row.lease_until = "dropped", reason, "", None
    if row.road == Road.PAGER.value and row.first_tried_at is not None:
        await release(tx, row.key)
    else:
        await _follow(tx, row.key, "dropped", reason)


async def done(tx: store.Tx, row: records.Outbox, result: dict[str, Any]) -> bool:
    """Store what came of `row` and release what waited for it; returns False when it is no longer ours."""
    changed = await _leave(tx, row, state="done", result=result, sent_at=tx.now, error="")
    if changed:
        await release(tx, row.key)
        tx.wake(store.DELIVERED)
    return changed


async def release(tx: store.Tx, key: str) -> None:
    """Let the rows go that waited for `key`."""
    await tx.session.execute(
        update(records.Outbox)
        .where(col(records.Outbox.after_key) == key, col(records.Outbox.state) == "waiting")
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
    return await _leave(tx, row, state="pending", not_before=at, error=error, first_tried_at=None)


async def doubt(tx: store.Tx, row: records.Outbox, at: datetime, error: str) -> bool:
    """Give `row` back, to be looked for at `at` (UTC) before it is tried again: the call may have taken effect."""
    return await _leave(tx, row, state="pending", not_before=at, error=error)


async def fail(tx: store.Tx, row: records.Outbox, error: str) -> bool:
    """Give `row` up: the answer was a refusal that no repetition changes. What waited for it fails too."""
    changed = await _leave(tx, row, state="failed", error=error)
    if changed:
        await _follow(tx, row.key, "failed", error)
    return changed


async def _follow(tx: store.Tx, key: str, state: str, reason: str) -> None:
    """Give what waited for `key` the same end, and what waited for that."""
    waiting: Sequence[str] = [key]
    while waiting:
        found = await tx.session.scalars(
            select(records.Outbox).where(col(records.Outbox.after_key).in_(waiting), records.Outbox.state == "waiting")
        )
        rows = found.all()
        for dependent in rows:
            dependent.state, dependent.error = state, f"needed {dependent.after_key}: {reason}"
        waiting = [dependent.key for dependent in rows]


async def revive(tx: store.Tx, row: records.Outbox, *, stale: Collection[str]) -> None:
    """Let a row that was given up go once more, and what failed for want of it; edits and `stale` surfaces do not."""
    row.state, row.error, row.attempts, row.first_tried_at, row.not_before = "pending", "", 0, None, tx.now
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
    changed = await tx.session.execute(
        update(records.Outbox)
        .where(
            col(records.Outbox.id) == row.id,
            col(records.Outbox.state) == "sending",
            col(records.Outbox.owner) == row.owner,
            col(records.Outbox.attempts) == row.attempts,
        )
        .values(owner="", lease_until=None, **values)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


async def find(session: AsyncSession, key: str) -> records.Outbox | None:
    """Return the row `key`, or None."""
    found: records.Outbox | None = await session.scalar(select(records.Outbox).where(records.Outbox.key == key))
    return found


async def result_of(session: AsyncSession, key: str) -> dict[str, Any] | None:
    """Return what came of the row `key`, or None when it is not done."""
    found: dict[str, Any] | None = await session.scalar(
        select(records.Outbox.result).where(records.Outbox.key == key, records.Outbox.state == "done")
    )
    return found


async def next_due(session: AsyncSession, *, after: datetime) -> datetime | None:
    """Return when, later than `after`, the next row may go or the next lease runs out (UTC), or None."""
    row = records.Outbox
    pending = await session.scalar(
        select(func.min(row.not_before)).where(row.state == "pending", col(row.not_before) > after)
    )
    leased = await session.scalar(
        select(func.min(row.lease_until)).where(row.state == "sending", col(row.lease_until) > after)
    )
    return min((due for due in (pending, leased) if due is not None), default=None)


def _severity_rank() -> ColumnElement[int]:
    # What belongs to no incident, an App Home, comes last.
    return case(
        *((col(records.Incident.severity) == severity, rank) for rank, severity in enumerate(Severity)),
        else_=len(Severity),
    )


async def place_in_line(session: AsyncSession, incident: records.Incident, action: Action) -> int:
    """Return at which place, counted from 1, the incident waits for `action`, or 0 where it does not wait for it."""
    row = records.Outbox
    found = await session.scalars(
        select(col(row.incident_id))
        .join(records.Incident, col(records.Incident.id) == col(row.incident_id))
        .where(col(row.state) == "pending", row.action == action.value)
        .order_by(col(row.lane), _severity_rank(), col(row.id))
    )
    waiting = list(found.all())
    return waiting.index(incident.id) + 1 if incident.id in waiting else 0


async def pages_out(session: AsyncSession, incident: records.Incident) -> tuple[int, int]:
    """Return how many of the incident's pages have left, and how many there are."""
    row = records.Outbox
    states = await session.scalars(
        select(row.state).where(
            row.incident_id == incident.id,
            row.lane == Lane.PAGE.value,
            col(row.state).not_in(("dropped", "superseded")),
        )
    )
    found = list(states.all())
    return found.count("done"), len(found)


def _number(row: records.Outbox) -> int:
    return row.number
