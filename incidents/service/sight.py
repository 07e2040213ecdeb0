"""Who may see a private incident outside its channel: whoever has a part in it. Conditions for queries of incidents."""

import json

from sqlalchemy import ColumnElement, case, exists, false, literal, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import records
from incidents.catalog import Settings
from incidents.events import EventKind
from incidents.response.decisions import DECISIONS
from incidents.service import permissions

#: What brings people in; each names them in `person` or `people`. Events, as retention lets notices go.
_BRINGS_IN = (EventKind.PAGED, EventKind.TOLD, EventKind.ESCALATED)


async def sees(session: AsyncSession, settings: Settings, incident: records.Incident, person: str) -> bool:
    """Return whether `person` may see `incident` outside its channel."""
    if not incident.private or incident.reporter == person:
        return True
    found = select(records.Incident.id).where(records.Incident.id == incident.id, has_part(person, settings))
    return await session.scalar(found) is not None


def seen_by(person: str, settings: Settings) -> ColumnElement[bool]:
    """Return whether `person` may see the incident outside its channel."""
    # No OR: where it is no condition by itself, SQLite would look for the part in each that is not private, too.
    return case((col(records.Incident.private).is_(False), true()), else_=has_part(person, settings))


def has_part(person: str, settings: Settings) -> ColumnElement[bool]:
    """Return whether `person` declared it, holds a role, was told, paged or escalated to, or is waited for.

    Each is looked for among what belongs to the incident, rather than among all that the person ever had a part in.
    """
    reported = col(records.Incident.reporter) == person
    return reported | holds_role(person) | _brought_in(person) | decides(person, settings)


def holds_role(person: str) -> ColumnElement[bool]:
    """Return whether `person` holds a role in the incident."""
    holder = records.RoleHolder
    held_by = select(holder.person).where(holder.incident_id == records.Incident.id).correlate(records.Incident)
    return literal(person).in_(held_by)


def decides(person: str, settings: Settings) -> ColumnElement[bool]:
    """Return whether something waits in the incident that `sitrep.yml` lets `person` decide."""
    approval = records.Approval
    kinds = [
        kind.value
        for kind, decision in DECISIONS.items()
        if person in permissions.who_may(decision.action, holders={}, settings=settings)
    ]
    if not kinds:
        return false()
    pending = exists().where(
        col(approval.incident_id) == col(records.Incident.id),
        col(approval.state) == "pending",
        col(approval.kind).in_(kinds),
    )
    return pending.correlate(records.Incident)


def _brought_in(person: str) -> ColumnElement[bool]:
    event = records.Event
    # Of a list both databases give its JSON, in which a name stands in quotes.
    listed = col(event.data)["people"].as_string().contains(json.dumps(person), autoescape=True)
    named = listed | (col(event.data)["person"].as_string() == person)
    told = exists().where(col(event.incident_id) == col(records.Incident.id), col(event.kind).in_(_BRINGS_IN), named)
    return told.correlate(records.Incident)
