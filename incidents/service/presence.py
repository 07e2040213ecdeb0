"""Who of those that a response counts on has left its channel, or Slack altogether; and who came back."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import true
from sqlalchemy.ext.asyncio import AsyncSession

from incidents import records, store
from incidents.catalog import Settings
from incidents.context import Context
from incidents.errors import NotAllowed
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.response import approvals
from incidents.service import queries, respond, sight


class Leaving(StrEnum):
    """How somebody went."""

    #: Left it, or was removed: they are still reached by direct messages and keep their role, but decide nothing until
    #: they are back; they do not see any more what the others see.
    CHANNEL = "channel"
    SLACK = "slack"  #: their account was deactivated: they can do nothing any more, so their roles are open


def absent(events: Iterable[records.Event]) -> frozenset[str]:
    """Return who left and has not come back; `events` are the incident's, oldest first."""
    gone: set[str] = set()
    for event in events:
        if event.kind is EventKind.PERSON_LEFT:
            gone.add(str(event.data["person"]))
        elif event.kind is EventKind.PERSON_BACK:
            gone.discard(str(event.data["person"]))
    return frozenset(gone)


async def require(tx: store.Tx, incident: records.Incident, person: str) -> None:
    """Return where `person` is still in the incident, or never had to be in its channel.

    Raises:
        NotAllowed: the incident counted on them, and they left.
    """
    kinds = EventKind.PERSON_LEFT, EventKind.PERSON_BACK
    if person in absent(await queries.events_of(tx.session, incident.number, *kinds)):
        where = f"<#{incident.channel}>" if incident.channel else "its channel"
        raise NotAllowed(f"You left {incident.key}, so others decide there.", remedy=f"Join {where} again to decide.")


async def is_news(tx: store.Tx, incident_id: int, person: str, at: datetime) -> bool:
    """Return whether nothing newer was heard yet of `person` joining or leaving, and note `at` (UTC, Slack's clock).

    Slack brings again what was not acked, and two events overtake each other on their way.
    """
    await queries.get(tx.session, incident_id)  # held: replicas hear one after the other
    known = await tx.session.get(records.Membership, (incident_id, person))
    if known is None:
        tx.session.add(records.Membership(incident_id=incident_id, person=person, changed_at=at))
    elif at < known.changed_at:
        return False
    else:
        known.changed_at = at
    return True


async def concerned(session: AsyncSession, settings: Settings, person: str) -> list[int]:
    """Return the open incidents that may count on `person`, most severe first.

    They hold a role there or may decide what waits; whoever is alone in an audience is counted on in all.
    """
    part = sight.holds_role(person) | sight.decides(person, settings)
    everywhere = bool(sole_member_of(settings, person))
    found = await queries.open_incidents(session, true() if everywhere else part)
    return [incident.number for incident in found]


async def left(tx: store.Tx, ctx: Context, incident_id: int, person: str, how: Leaving) -> bool:
    """Note that `person` left where the open incident counts on them; returns whether it does.

    Whoever has no part, and nothing waits for, goes without a word. What a deactivated account held is given back.
    """
    incident = await queries.get(tx.session, incident_id)
    if incident.status is not Status.OPEN:
        return False
    held = await queries.roles(tx.session, incident_id)
    roles = [role for role, people in held.items() if person in people and role is not Role.RESPONDER]
    waiting = [
        (approval.number, [each for each in may if each != person])
        for approval in await queries.pending_approvals(tx.session, incident_id)
        if person in (may := approvals.who_may(approval, held, ctx.settings))
    ]
    sole = sole_member_of(ctx.settings, person) if how is Leaving.SLACK else []
    if not (roles or waiting or sole):
        return False
    await tx.record(
        incident,
        EventKind.PERSON_LEFT,
        person=person,
        how=how.value,
        roles=[role.value for role in roles],
        waiting=[number for number, _ in waiting],
        others=sorted({each for _, may in waiting for each in may}),
        sole=sole,
    )
    if how is Leaving.SLACK:
        for role in roles:
            await respond.vacate(tx, incident, role, person, actor="")
    return True


async def returned(tx: store.Tx, incident_id: int, person: str) -> bool:
    """Note that somebody whose leaving was noted is back; returns whether it was."""
    incident = await queries.get(tx.session, incident_id)
    if person not in absent(
        await queries.events_of(tx.session, incident_id, EventKind.PERSON_LEFT, EventKind.PERSON_BACK)
    ):
        return False
    await tx.record(incident, EventKind.PERSON_BACK, person=person)
    return True


def sole_member_of(settings: Settings, person: str) -> list[str]:
    """Return the audiences of `sitrep.yml` in which nobody but `person` is named."""
    keys = {key for key, known in settings.people.items() if person in (key, known.slack)} | {person}
    return sorted(name for name, members in settings.audiences.items() if members and set(members) <= keys)
