"""Notices on their way out: put in with the decision; `sending` takes them from here, `outbox_queries` looks."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, or_, update
from sqlalchemy import select as columns
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from incidents import holding, newborn, records, store
from incidents.notices import Notice, comes_after_in_order_only, room_of

# Into the table, built once: through the mapped class each notice cost the processor half a millisecond more.
_TABLE = records.Outbox.metadata.tables["outbox"]
_INSERTS = {
    dialect: insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.key)
    for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}

_PUT = ("key", "state", "coalesce", "surface", "params", "lane")  # what is kept in mind of a new incident's notices

_UNSENT = ("waiting", "pending")
ON_ITS_WAY = (*_UNSENT, "sending")  #: states of a notice that has not come to its end
_NEVER = ("failed", "dropped")

# What every notice asks: built once, as building a statement costs the processor as much as asking it.
_ROW = records.Outbox
_FOUND = columns(
    col(_ROW.key),
    col(_ROW.state),
    col(_ROW.coalesce),
    col(_ROW.surface),
    col(_ROW.params),
    col(_ROW.lane),
    col(_ROW.first_tried_at),
)
_NAMED = col(_ROW.key).in_(bindparam("named", expanding=True))
_WAITING = col(_ROW.coalesce).in_(bindparam("words", expanding=True)) & col(_ROW.state).in_(_UNSENT)
_THERE = _FOUND.where(_NAMED)
# Nobody may begin them before this commit: what they would draw is what it changes. In one order: rows of no incident
# (App Homes) have no other lock before them, and two that took them crosswise would wait for each other.
_THERE_OR_WAITING = _FOUND.where(or_(_NAMED, _WAITING)).order_by(col(_ROW.id)).with_for_update()
_STILL_ENDING = _THERE.order_by(col(_ROW.id)).with_for_update(read=True)


async def put(tx: store.Tx, incident_id: int | None, *notices: Notice) -> frozenset[str]:
    """Add `notices` and return the keys of those that are new; a key that is already there changes nothing.

    Messages are drawn when they leave. So an edit is left out while the message it is of, or an edit of it that says
    the same, has not left; and an edit of something that was never put: there is nothing to edit. What is more urgent
    than the one that says the same takes its place.
    """
    return await put_all(tx, [(incident_id, notice) for notice in notices])


def put_at_last(tx: store.Tx, incident_id: int | None, *notices: Notice) -> None:
    """Put `notices` before the commit, together with all others that are put at last: nothing in between needs them."""
    if not tx.drawn:
        tx.at_last(lambda: _put_drawn(tx))
    tx.drawn += [(incident_id, notice) for notice in notices]


async def _put_drawn(tx: store.Tx) -> None:
    drawn, tx.drawn = tx.drawn, []
    await put_all(tx, drawn)


async def put_all(tx: store.Tx, put_in: Sequence[tuple[int | None, Notice]]) -> frozenset[str]:
    """Add notices of several incidents as `put` does those of one, with no more statements."""
    of = {notice.key: incident_id for incident_id, notice in put_in}
    notices = tuple(notice for _, notice in put_in if not _said_just_now(tx, notice))
    if not any(notice.of or notice.after or notice.coalesce for notice in notices):
        return await _insert(tx, [_values(tx, of[notice.key], notice, {}) for notice in notices])
    known = _known(tx, of.values())
    if known is None:  # what is superseded here is superseded in the rows alone
        newborn.forget_notices(tx.session)
        there = await _there(tx, notices)
    else:
        there = known
    states = {row.key: row.state for row in there}
    notices = tuple(_in_its_place(notice, states) for notice in notices)
    unsent = {_said(name, row) for row in there if _is_unsent(row) for name in (row.key, row.coalesce) if name}
    new: dict[str, Notice] = {}
    for notice in notices:
        if notice.key in states or (notice.of and notice.of not in states):
            continue
        is_said = notice.coalesce and unsent & {_said(notice.of, notice), _said(notice.coalesce, notice)}
        if is_said and not _is_more_urgent(notice, there, new.values()):
            continue
        new[notice.key] = notice
        states[notice.key] = "new"
        unsent |= {_said(name, notice) for name in (notice.key, notice.coalesce) if name}
    await _supersede(tx, there, {notice.coalesce for notice in new.values() if notice.coalesce})
    return await _insert(tx, [_values(tx, of[notice.key], notice, states) for notice in new.values()])


def _known(tx: store.Tx, incident_ids: Iterable[int | None]) -> list[Any] | None:
    """Return the notices of incidents that this transaction declares, all of them; None where others are among them."""
    found = [newborn.notices(tx.session, each) for each in set(incident_ids)]
    return None if None in found else [notice for put in found if put is not None for notice in put]


async def _there(tx: store.Tx, notices: Collection[Notice]) -> list[Any]:
    """Return the rows that the notices name, and the unsent ones that they would take the place of."""
    named = [key for notice in notices for key in (notice.key, notice.of, notice.after) if key]
    named += [room_of(notice.after) for notice in notices if _keeps_order(notice)]
    words = {notice.coalesce for notice in notices if notice.coalesce}
    asked = {"named": sorted(set(named)), "words": sorted(words)}
    if words:
        return list((await tx.session.execute(_THERE_OR_WAITING, asked)).all())
    there = list((await tx.session.execute(_THERE, asked)).all())
    return await _held_while_they_end(tx, there, {notice.after for notice in notices})


async def _held_while_they_end(tx: store.Tx, there: list[Any], awaited: Collection[str]) -> list[Any]:
    """Return `there`, of what is waited for what it has become; nobody ends it before this commit.

    Who leaves out or gives up a notice gives what waits for it the same end, and does not see what another transaction
    puts meanwhile: that would wait for ever.
    """
    ending = {each.key for each in there if each.key in awaited and each.state in ON_ITS_WAY}
    if not ending or not holding.holds(tx.session):
        return there
    held = await tx.session.execute(_STILL_ENDING, {"named": sorted(ending)})
    return [*(each for each in there if each.key not in ending), *held.all()]


def _is_more_urgent(notice: Notice, there: Iterable[Any], new: Iterable[Notice]) -> bool:
    """Return whether all that the notice would take the place of waits in a lesser lane.

    The message that an edit is of is nothing that the edit takes the place of, nor is what is put beside it.
    """
    unsent = [row for row in there if _is_unsent(row)]
    if any(row.key == notice.of for row in unsent) or any(other.coalesce == notice.coalesce for other in new):
        return False
    waits = [row.lane for row in unsent if row.coalesce == notice.coalesce]
    return bool(waits) and min(waits) > notice.lane


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
    new = frozenset((await tx.session.scalars(_INSERTS[tx.session.get_bind().dialect.name], rows)).all())
    if new:
        tx.wake(store.OUTBOX)
    for row in rows:
        if row["key"] in new and newborn.is_new(tx.session, row["incident_id"]):
            newborn.put(tx.session, row["incident_id"], newborn.Put(**{name: row[name] for name in _PUT}))
    return new


async def _supersede(tx: store.Tx, there: Iterable[Any], words: Collection[str]) -> None:
    """Let what waits under `words` give way; `there` has it, but for what another replica is putting beside us."""
    old = [row for row in there if row.coalesce in words and _is_unsent(row)]
    for row in old:
        if isinstance(row, newborn.Put):
            row.state = "superseded"
    if words and (old or holding.holds(tx.session)):
        await tx.session.execute(
            update(records.Outbox)
            .where(
                col(records.Outbox.coalesce).in_(words),
                col(records.Outbox.state).in_(_UNSENT),
                col(records.Outbox.first_tried_at).is_(None),
            )
            .values(state="superseded")
        )


def _keeps_order(notice: Notice) -> bool:
    return comes_after_in_order_only(notice.action, notice.target, notice.after)


def _in_its_place(notice: Notice, states: Mapping[str, str]) -> Notice:
    """Return the notice as it is to wait: what it was to come after may have ended without going."""
    if _keeps_order(notice) and states.get(notice.after) in _NEVER:
        return notice.model_copy(update={"after": room_of(notice.after)})
    return notice


def _values(tx: store.Tx, incident_id: int | None, notice: Notice, states: Mapping[str, str]) -> dict[str, Any]:
    before = states.get(notice.after, "") if notice.after else "done"
    ended = before in _NEVER  # what it needs will never be there
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
