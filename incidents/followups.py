"""What remains to do after an incident: each with an owner and a date."""

from datetime import datetime, timedelta

from sqlmodel import select

from incidents import records, store
from incidents.errors import InvalidInput, NotFound
from incidents.events import EventKind
from incidents.service import queries

MAX_TITLE = 150
DEFAULT_DUE = timedelta(days=14)  # long enough to plan, short enough to be remembered


async def add(
    tx: store.Tx,
    incident_id: int,
    actor: str,
    title: str,
    *,
    why: str = "",
    owner: str = "",
    due: datetime | None = None,
) -> records.Followup:
    """File a follow-up; the same title twice is one. `due` is UTC, by default in 14 days.

    Raises:
        InvalidInput: no title.
    """
    incident = await queries.get(tx.session, incident_id)
    said = " ".join(title.split())[:MAX_TITLE]
    if not said:
        raise InvalidInput("Say what is to be done.", remedy="A few words are enough.", field="title")
    existing = await tx.session.scalar(
        select(records.Followup).where(records.Followup.incident_id == incident_id, records.Followup.title == said)
    )
    if existing is not None:
        return existing
    followup = records.Followup(
        incident_id=incident_id,
        title=said,
        why=why[:1000],
        owner=owner,
        due=due or tx.now + DEFAULT_DUE,
        created_by=actor,
        created_at=tx.now,
    )
    tx.session.add(followup)
    await tx.session.flush()
    await tx.record(
        incident,
        EventKind.FOLLOWUP_ADDED,
        actor=actor,
        followup=followup.id,
        title=said,
        owner=owner,
        due=_iso(followup),
    )
    tx.wake(store.VIEWS)
    return followup


def _iso(followup: records.Followup) -> str:
    return followup.due.isoformat() if followup.due else ""


async def change(
    tx: store.Tx, followup_id: int, *, owner: str | None = None, due: datetime | None = None, state: str | None = None
) -> records.Followup:
    """Give a follow-up an owner, a date (UTC) or a state (`open`, `done`, `dropped`).

    Raises:
        NotFound: there is no such follow-up.
    """
    followup = await tx.session.get(records.Followup, followup_id)
    if followup is None:
        raise NotFound("There is no such follow-up.")
    followup.owner = owner if owner is not None else followup.owner
    followup.due = due or followup.due
    followup.state = state or followup.state
    tx.session.add(followup)
    tx.wake(store.VIEWS)
    return followup
