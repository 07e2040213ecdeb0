"""What is still worth sending when Slack is back: of what went stale meanwhile, the newest; pages at once."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from sqlmodel import col, select

from bot.delivery import settling
from incidents import records, sending, store
from incidents.events import EventKind
from incidents.notices import Action, Lane, Road

#: What waited no longer than this is no news of yesterday: it goes as it is.
STALE = timedelta(minutes=2)

#: Posts to one place of which the newest says all: each draws the state or repeats a reminder.
_NEWEST_ALONE = frozenset({"status_update", "status_draft", "summary", "matrix_notice", "page", "home"})
_TOO_OLD = "nobody waits for this answer any more"


async def sort_out(tx: store.Tx) -> int:
    """Leave out what a newer notice makes needless, and answers that nobody waits for; returns how many went."""
    row = records.Outbox
    waiting = (
        select(row)
        .where(
            row.road == Road.SLACK.value,
            col(row.state).in_(("pending", "waiting")),
            col(row.created_at) <= tx.now - STALE,
        )
        .order_by(col(row.id))
    )
    if tx.session.get_bind().dialect.name != "sqlite":
        waiting = waiting.with_for_update(skip_locked=True)
    rows = (await tx.session.scalars(waiting)).all()
    missed = await _missed_updates(tx, rows)
    groups: dict[tuple[str, ...], list[records.Outbox]] = {}
    count = 0
    for each in rows:
        if each.action == Action.EPHEMERAL.value:
            await sending.leave_out(tx, each, _TOO_OLD)
            count += 1
        elif group := _group(each, missed):
            groups.setdefault(group, []).append(each)
    for older, newest in _outdated(groups):
        await sending.leave_out(tx, older, f"{newest.key} says it newer, now that Slack is back")
        count += 1
    return count


async def hasten(tx: store.Tx) -> None:
    """Let pages and decisions go soon that failed and wait for another try: what they waited for has come."""
    row = records.Outbox
    put_off = select(row).where(
        row.state == "pending",
        row.road == Road.SLACK.value,
        col(row.lane) <= Lane.DECISION.value,
        col(row.not_before) > tx.now,
        row.error != "",
    )
    if tx.session.get_bind().dialect.name != "sqlite":
        put_off = put_off.with_for_update(skip_locked=True)
    for each in (await tx.session.scalars(put_off)).all():
        each.not_before = settling.hastened(each, tx.now)


def _group(row: records.Outbox, missed: frozenset[int]) -> tuple[str, ...]:
    where = (str(row.incident_id), row.target)
    if row.action == Action.EDIT.value:
        return ("edit", *where, row.of_key)
    if row.surface in _NEWEST_ALONE:
        return (row.surface, row.action, *where)
    if row.params.get("trigger") == "update_missed" or row.params.get("event_id") in missed:
        return ("update_missed", row.surface, *where)
    return ()


def _outdated(
    groups: dict[tuple[str, ...], list[records.Outbox]],
) -> Iterator[tuple[records.Outbox, records.Outbox]]:
    for rows in groups.values():
        for older in rows[:-1]:
            yield older, rows[-1]


async def _missed_updates(tx: store.Tx, rows: Sequence[records.Outbox]) -> frozenset[int]:
    lines = [int(row.params["event_id"]) for row in rows if row.surface == "line" and "event_id" in row.params]
    found = await tx.session.scalars(
        select(records.Event.id).where(
            col(records.Event.id).in_(lines), col(records.Event.kind) == EventKind.UPDATE_MISSED
        )
    )
    return frozenset(number for number in found.all() if number is not None)
