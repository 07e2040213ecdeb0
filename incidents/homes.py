"""App Homes that people have open: drawn when they are opened, and anew while they probably look at them."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, or_
from sqlalchemy import select as columns
from sqlmodel import col, select

from incidents import outbox, records, store
from incidents.notices import Action, Lane, Notice

LOOKED_AT_FOR = timedelta(hours=1)  # Slack tells when a home is opened, never when somebody leaves it
MOST = 25  # homes drawn anew at once: each costs a call and the lists of one person
_AGAIN = "again"
_GONE_OUT = ("done", "failed", "dropped", "superseded")


async def opened(tx: store.Tx, person: str, opening: str) -> None:
    """Have the home drawn for whoever opened it; `opening` names the payload that said so."""
    await outbox.put(tx, None, _notice(person, opening, Lane.ROOM))


async def redraw(tx: store.Tx) -> Sequence[str]:
    """Have the homes drawn anew that were opened lately, the newest first; returns whose they are."""
    row = records.Outbox
    homes = (col(row.incident_id).is_(None), col(row.action) == Action.HOME.value)
    # What went out long ago, and redrawings that are done, tell nobody anything any more.
    forgotten = or_(col(row.created_at) < tx.now - LOOKED_AT_FOR, _is_again())
    # What another replica is deleting now is left to it: rows of no incident have no other lock before them, and two
    # that deleted them in different orders would wait for each other.
    found_over = select(row.id).where(*homes, forgotten, _is_over()).with_for_update(skip_locked=True)
    over = (await tx.session.scalars(found_over)).all()
    if over:
        await tx.session.execute(delete(row).where(col(row.id).in_(over)))
    whose = col(row.params)["person"].as_string()
    drawn = columns(whose, col(row.state), col(row.key)).where(*homes).order_by(col(row.id).desc())
    found = (await tx.session.execute(drawn)).all()
    # One that still waits is drawn from the newest state anyway.
    waiting = {person for person, state, _ in found if state in ("pending", "waiting")}
    openings = (person for person, _, key in found if f":{_AGAIN}:" not in key)
    people = [person for person in dict.fromkeys(openings) if person not in waiting][:MOST]
    await outbox.put(tx, None, *(_notice(person, f"{_AGAIN}:{tx.now.isoformat()}", Lane.CHATTER) for person in people))
    return people


def _is_over() -> ColumnElement[bool]:
    return col(records.Outbox.state).in_(_GONE_OUT)


def _is_again() -> ColumnElement[bool]:
    return col(records.Outbox.key).like(f"home:%:{_AGAIN}:%")


def _notice(person: str, word: str, lane: Lane) -> Notice:
    return Notice(
        key=f"home:{person}:{word}",
        lane=lane,
        action=Action.HOME,
        surface="home",
        params={"person": person},
        coalesce=f"home:{person}",
    )
