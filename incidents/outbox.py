"""Notices on their way out: put in with the decision, claimed with a lease, done with a result."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, update
from sqlmodel import col, select

from incidents import records, store
from incidents.notices import Notice

LEASE = timedelta(seconds=30)  # longer than the slowest answer we wait for (10 s), short enough for a crash's victim


async def put(tx: store.Tx, incident_id: int | None, *notices: Notice) -> frozenset[str]:
    """Add `notices` and return the keys of those that are new; a key that is already there changes nothing.

    An edit of something that was never put is left out: there is nothing to edit.
    """
    new = set()
    for notice in notices:
        if await _exists(tx, notice.key) or (notice.of and not await _exists(tx, notice.of)):
            continue
        if notice.coalesce:
            await tx.session.execute(
                update(records.Outbox)
                .where(
                    col(records.Outbox.coalesce) == notice.coalesce,
                    col(records.Outbox.state).in_(("waiting", "pending")),
                    col(records.Outbox.attempts) == 0,
                )
                .values(state="superseded")
            )
        tx.session.add(await _row(tx, incident_id, notice))
        await tx.session.flush()
        new.add(notice.key)
    tx.wake(store.OUTBOX)
    return frozenset(new)


async def _exists(tx: store.Tx, key: str) -> bool:
    return await tx.session.scalar(select(records.Outbox.id).where(records.Outbox.key == key)) is not None


async def _row(tx: store.Tx, incident_id: int | None, notice: Notice) -> records.Outbox:
    ready = not notice.after or await tx.session.scalar(
        select(records.Outbox.id).where(records.Outbox.key == notice.after, records.Outbox.state == "done")
    )
    values = notice.model_dump(exclude={"lane", "after", "of"})
    return records.Outbox(
        **values,
        incident_id=incident_id,
        lane=int(notice.lane),
        after_key=notice.after,
        of_key=notice.of,
        state="pending" if ready else "waiting",
        created_at=tx.now,
        not_before=tx.now,
    )


async def claim(store_: store.Store, owner: str, limit: int) -> list[records.Outbox]:
    """Take up to `limit` rows that may go now, pages first; each is ours for LEASE.

    Rows whose lease ran out are taken too: their `attempts` is above 0 and `first_tried_at` is set, which tells the
    sender that the call may have taken effect.
    """
    async with store_.transaction() as tx:
        todo = (
            select(records.Outbox)
            .where(
                or_(
                    (col(records.Outbox.state) == "pending") & (col(records.Outbox.not_before) <= tx.now),
                    (col(records.Outbox.state) == "sending") & (col(records.Outbox.lease_until) < tx.now),
                )
            )
            .order_by(col(records.Outbox.lane), col(records.Outbox.id))
            .limit(limit)
        )
        if store_.supports_skip_locked:
            todo = todo.with_for_update(skip_locked=True)
        rows = list((await tx.session.scalars(todo)).all())
        for row in rows:
            row.state = "sending"
            row.owner = owner
            row.lease_until = tx.now + LEASE
        return rows


async def begin_try(store_: store.Store, row: records.Outbox) -> bool:
    """Count a try of `row` just before the call; returns False when the row is no longer ours."""
    async with store_.transaction() as tx:
        done = await tx.session.execute(
            update(records.Outbox)
            .where(
                col(records.Outbox.id) == row.id,
                col(records.Outbox.state) == "sending",
                col(records.Outbox.owner) == row.owner,
            )
            .values(
                attempts=records.Outbox.attempts + 1,
                first_tried_at=func.coalesce(records.Outbox.first_tried_at, tx.now),
                lease_until=tx.now + LEASE,
            )
        )
        return bool(done.rowcount)  # type: ignore[attr-defined]


async def done(tx: store.Tx, row: records.Outbox, result: dict[str, Any]) -> bool:
    """Store what came of `row` and release what waited for it; returns False when it is no longer ours."""
    changed = await _leave(tx, row, state="done", result=result, sent_at=tx.now, error="")
    if changed:
        await release(tx, row.key)
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
    """Leave `row` unsent because it no longer holds (answered, resolved, expired)."""
    return await _leave(tx, row, state="dropped", error=reason)


async def retry(tx: store.Tx, row: records.Outbox, at: datetime, error: str) -> bool:
    """Give `row` back, to be tried again at `at` (UTC)."""
    return await _leave(tx, row, state="pending", not_before=at, error=error)


async def fail(tx: store.Tx, row: records.Outbox, error: str) -> bool:
    """Give `row` up: the answer was a refusal that no repetition changes. What waited for it fails too."""
    changed = await _leave(tx, row, state="failed", error=error)
    waiting: Sequence[str] = [row.key] if changed else []
    while waiting:
        found = await tx.session.scalars(
            select(records.Outbox).where(col(records.Outbox.after_key).in_(waiting), records.Outbox.state == "waiting")
        )
        rows = found.all()
        for dependent in rows:
            dependent.state, dependent.error = "failed", f"needed {dependent.after_key}: {error}"
        waiting = [dependent.key for dependent in rows]
    return changed


async def _leave(tx: store.Tx, row: records.Outbox, **values: Any) -> bool:
    changed = await tx.session.execute(
        update(records.Outbox)
        .where(
            col(records.Outbox.id) == row.id,
            col(records.Outbox.state) == "sending",
            col(records.Outbox.owner) == row.owner,
        )
        .values(owner="", lease_until=None, **values)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


async def result_of(session: Any, key: str) -> dict[str, Any] | None:
    """Return what came of the row `key`, or None when it is not done."""
    found: dict[str, Any] | None = await session.scalar(
        select(records.Outbox.result).where(records.Outbox.key == key, records.Outbox.state == "done")
    )
    return found


async def next_due(store_: store.Store) -> datetime | None:
    """Return when the next row may go (UTC), or None when none waits."""
    async with store_.read() as session:
        return await session.scalar(
            select(func.min(records.Outbox.not_before)).where(records.Outbox.state == "pending")
        )
