"""What is still worth sending when Slack is back: of what went stale meanwhile, the newest; pages at once.

Thousands may have waited. So they are read and left out in portions, between which others write and the event loop
turns. The newest of its kind is never left out: who stops between two portions finds the same again, but for what is
done.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select as columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from bot.delivery import settling
from bot.delivery.choosing import FOUND_AGAIN
from incidents import records, sending, store
from incidents.events import EventKind
from incidents.notices import Action, Lane, Road

#: What waited no longer than this is no news of yesterday: it goes as it is.
STALE = timedelta(minutes=2)

PORTION = 100  #: rows changed in one transaction: it holds SQLite's lock for some 20 ms
_READ = 500  # rows looked at before others have their turn: some 10 ms

#: Posts to one place of which the newest says all: each draws the state or repeats a reminder.
_NEWEST_ALONE = frozenset({"status_update", "status_draft", "summary", "matrix_notice", "page", "home"})
_TOO_OLD = "nobody waits for this answer any more"
_UNSENT = ("pending", "waiting")

_ROW = records.Outbox
_GROUPED_BY = columns(
    col(_ROW.id),
    col(_ROW.key),
    col(_ROW.incident_id),
    col(_ROW.action),
    col(_ROW.target),
    col(_ROW.surface),
    col(_ROW.of_key),
    col(_ROW.params),
)


async def sort_out(store_: store.Store) -> int:
    """Leave out what a newer notice makes needless, and answers that nobody waits for; returns how many went."""
    count = 0
    for portion in _portions(list((await _needless(store_)).items()), PORTION):
        async with store_.transaction() as tx:
            count += await _leave_out(tx, dict(portion))
    return count


async def hasten(store_: store.Store) -> None:
    """Let pages and decisions go soon that failed and wait for another try: what they waited for has come."""
    put_off = select(_ROW.id).where(
        _ROW.state == "pending",
        _ROW.road == Road.SLACK.value,
        col(_ROW.lane) <= Lane.DECISION.value,
        col(_ROW.not_before) > store_.clock.now(),
        _ROW.error != "",
    )
    async with store_.read() as session:
        numbers = (await session.scalars(put_off.order_by(col(_ROW.id)))).all()
    for portion in _portions(numbers, PORTION):
        async with store_.transaction() as tx:
            for each in await _taken(tx, portion):
                if each.state == "pending" and each.not_before > tx.now:
                    each.not_before = settling.hastened(each, tx.now)


async def _needless(store_: store.Store) -> dict[int, str]:
    """Return the numbers of the rows to leave out, each with the reason, in the order in which they are left out."""
    old = select(_ROW.id).where(
        _ROW.road == Road.SLACK.value,
        col(_ROW.state).in_(_UNSENT),
        col(_ROW.created_at) <= store_.clock.now() - STALE,
    )
    needless: dict[int, str] = {}
    groups: dict[tuple[str, ...], list[int]] = {}
    newest: dict[tuple[str, ...], str] = {}
    async with store_.read() as session:
        for portion in _portions((await session.scalars(old.order_by(col(_ROW.id)))).all(), _READ):
            # By their numbers alone: SQLite would take the states for the fewer and read all that waits each time.
            rows = (await session.execute(_GROUPED_BY.where(col(_ROW.id).in_(portion)).order_by(col(_ROW.id)))).all()
            missed = await _missed_updates(session, rows)
            for each in rows:
                if each.action == Action.EPHEMERAL.value:
                    needless[each.id] = _TOO_OLD
                elif group := _group(each, missed):
                    groups.setdefault(group, []).append(each.id)
                    newest[group] = each.key
    for group, numbers in groups.items():
        for older in numbers[:-1]:
            needless[older] = f"{newest[group]} says it newer, now that Slack is back"
    return needless


async def _leave_out(tx: store.Tx, reasons: Mapping[int, str]) -> int:
    rows = {row.number: row for row in await _taken(tx, list(reasons)) if row.state in _UNSENT}
    left = []
    for number, reason in reasons.items():
        row = rows.get(number)
        if row is None:
            continue
        if row.first_tried_at is not None and row.action in FOUND_AGAIN:
            row.expires_at = min(row.expires_at or tx.now, tx.now)  # it may stand there: only looked for, not sent
        else:
            left.append((row, reason))
    await sending.leave_out_all(tx, left)
    return len(left)


async def _taken(tx: store.Tx, numbers: Sequence[Any]) -> Sequence[records.Outbox]:
    """Return the rows of these numbers that nobody else has in hand, as they are by now."""
    rows = select(_ROW).where(col(_ROW.id).in_(numbers)).order_by(col(_ROW.id))
    if tx.session.get_bind().dialect.name != "sqlite":
        rows = rows.with_for_update(skip_locked=True)
    return (await tx.session.scalars(rows)).all()


def _group(row: Any, missed: frozenset[int]) -> tuple[str, ...]:
    where = (str(row.incident_id), row.target or str(row.params.get("person", "")))  # a home has nobody's address
    if row.action == Action.EDIT.value:
        return ("edit", *where, row.of_key)
    if row.surface in _NEWEST_ALONE:
        return (row.surface, row.action, *where)
    if row.params.get("trigger") == "update_missed" or row.params.get("event_id") in missed:
        return ("update_missed", row.surface, *where)
    return ()


async def _missed_updates(session: AsyncSession, rows: Sequence[Any]) -> frozenset[int]:
    lines = {int(row.params["event_id"]) for row in rows if row.surface == "line" and "event_id" in row.params}
    found = await session.scalars(
        select(records.Event.id).where(
            col(records.Event.id).in_(lines), col(records.Event.kind) == EventKind.UPDATE_MISSED
        )
    )
    return frozenset(number for number in found.all() if number is not None)


def _portions(everything: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(everything), size):
        yield everything[start : start + size]
