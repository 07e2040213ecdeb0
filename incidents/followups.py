"""What remains to do after an incident: each with an owner and a date."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlmodel import select

from incidents import lengths, records, store
from incidents.context import Context
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.events import EventKind
from incidents.service import permissions, queries

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
    step: str = "",
) -> records.Followup:
    """File a follow-up, or complete the one of this title. `due` is UTC, by default in 14 days.

    `step` is the step of the response that proposes it; empty where a person does.

    Raises:
        InvalidInput: no title, or a person's is longer than fits.
    """
    incident = await queries.get(tx.session, incident_id)
    said = _titled(title) if step else lengths.checked(" ".join(title.split()), MAX_TITLE, field="title")
    if not said:
        raise InvalidInput("Say what is to be done.", remedy="A few words are enough.", field="title")
    existing = await tx.session.scalar(
        select(records.Followup).where(records.Followup.incident_id == incident_id, records.Followup.title == said)
    )
    if existing is not None:
        return await _complete(tx, incident, existing, actor, why=why, owner=owner, due=due)
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
    await _tell(tx, incident, followup, actor, step)
    return followup


async def _complete(
    tx: store.Tx,
    incident: records.Incident,
    followup: records.Followup,
    actor: str,
    *,
    why: str,
    owner: str,
    due: datetime | None,
) -> records.Followup:
    """Give a follow-up what it lacks; one that was withdrawn counts again."""
    before = (followup.state, followup.why, followup.owner, followup.due)
    followup.state = "open" if followup.state == "dropped" else followup.state
    followup.why, followup.owner = followup.why or why[:1000], owner or followup.owner
    if owner and due is not None:
        followup.due = due
    tx.session.add(followup)
    if before != (followup.state, followup.why, followup.owner, followup.due):
        await _tell(tx, incident, followup, actor)
    return followup


async def _tell(
    tx: store.Tx, incident: records.Incident, followup: records.Followup, actor: str, step: str = ""
) -> None:
    await tx.record(
        incident,
        EventKind.FOLLOWUP_ADDED,
        actor=actor,
        followup=followup.id,
        title=followup.title,
        owner=followup.owner,
        due=_iso(followup),
        step=step,
    )
    tx.wake(store.VIEWS)


async def withdraw(tx: store.Tx, incident_id: int, step: str, *, but: Collection[str]) -> None:
    """Drop what an earlier attempt of `step` proposed and a new one does not; what somebody took on stays."""
    proposed = {
        event.data.get("followup")
        for event in await queries.events(tx.session, incident_id)
        if event.kind is EventKind.FOLLOWUP_ADDED and event.data.get("step") == step
    }
    kept = {_titled(title) for title in but}
    for followup in await queries.followups(tx.session, incident_id):
        untouched = followup.state == "open" and not followup.owner
        if followup.id in proposed and untouched and followup.title not in kept:
            followup.state = "dropped"
            tx.session.add(followup)
    await tx.session.flush()


def _titled(title: str) -> str:
    return " ".join(title.split())[:MAX_TITLE]


def _iso(followup: records.Followup) -> str:
    return followup.due.isoformat() if followup.due else ""


def unknown(followup_id: int) -> NotFound:
    """Return what is said of a number that no follow-up has."""
    return NotFound(f"There is no follow-up {followup_id}.", remedy="Sitrep's home shows yours with their numbers.")


async def finish(tx: store.Tx, ctx: Context, followup_id: int, actor: str) -> records.Followup:
    """Note that a follow-up is done; for its owner, for whoever filed it and for those who lead the incident.

    Raises:
        NotFound: there is no such follow-up.
        NotAllowed: it is somebody else's.
        Conflict: it is not open any more.
    """
    followup = await tx.session.get(records.Followup, followup_id)
    if followup is None:
        raise unknown(followup_id)
    incident = await queries.get(tx.session, followup.incident_id)  # nobody else decides on it meanwhile
    await tx.session.refresh(followup)
    if followup.owner and actor not in (followup.owner, followup.created_by):
        holders = await queries.roles(tx.session, incident.number)
        permissions.require(permissions.Action.FINISH_FOLLOWUP, actor, holders=holders, settings=ctx.settings)
    if followup.state != "open":
        raise Conflict(f"Follow-up {followup_id} is already {followup.state}.", remedy="Nothing was changed.")
    followup.state = "done"
    tx.session.add(followup)
    await tx.record(incident, EventKind.FOLLOWUP_DONE, actor=actor, followup=followup.id, title=followup.title)
    tx.wake(store.VIEWS)
    return followup
