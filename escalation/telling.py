"""Notices to people: which road leads to whom, who heard already, and what is said when nobody is there to hear."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from escalation import oncall
from escalation.oncall import Contact
from incidents import newborn, outbox, posts, records, store
from incidents.context import Context
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.notices import Action, Lane, Notice, Road, room_of
from incidents.service import queries

#: Surfaces by which somebody hears of an incident; who got one is told how it ends.
TELLING = ("matrix_notice", "page", "escalation_notice", "mail_matrix_notice", "mail_page", "mail_escalation_notice")

#: States of a notice that nobody has heard and nobody will.
_UNHEARD = ("failed", "dropped", "superseded")

_WITH = (
    select(records.Outbox)
    .where(
        col(records.Outbox.incident_id) == bindparam("incident"),
        col(records.Outbox.surface).in_(bindparam("surfaces", expanding=True)),
        col(records.Outbox.action) != Action.EDIT.value,
        col(records.Outbox.state).not_in(_UNHEARD),
    )
    .order_by(col(records.Outbox.id))
)

#: States of a notice that people may have before them.
OUT = ("sending", "done")


@dataclass(frozen=True)
class Desk:
    """What those who tell need: the installation, and the roads that lead out of it."""

    ctx: Context
    roads: frozenset[Road] = frozenset({Road.SLACK})

    def people(self, incident: records.Incident, audience: str) -> tuple[Contact, ...]:
        """Return whom a notice to `audience` reaches."""
        return oncall.heard_by(self.ctx.settings, audience, drill=incident.drill)

    def reaches(self, who: Contact) -> bool:
        """Return whether a road of this installation leads to `who`."""
        return bool(who.slack) or (Road.EMAIL in self.roads and bool(who.email))


def direct(
    who: Contact,
    key: str,
    surface: str,
    lane: Lane,
    *,
    params: dict[str, Any],
    due_at: datetime | None = None,
    holds_while: str = "",
) -> Notice:
    """Return a notice to one person: in Slack, or by e-mail where they are not there."""
    if not who.slack:
        return mail(who, key, f"mail_{surface}", lane, params=params, due_at=due_at, holds_while=holds_while)
    return Notice(
        key=key,
        lane=lane,
        action=Action.DIRECT,
        target=f"user:{who.slack}",
        surface=surface,
        params={**params, "person": who.person},
        due_at=due_at,
        holds_while=holds_while,
    )


def mail(
    who: Contact,
    key: str,
    surface: str,
    lane: Lane,
    *,
    params: dict[str, Any],
    due_at: datetime | None = None,
    holds_while: str = "",
) -> Notice:
    """Return a notice by e-mail to one person."""
    return Notice(
        key=key,
        lane=lane,
        road=Road.EMAIL,
        action=Action.MAIL,
        target=f"mail:{who.email}",
        surface=surface,
        params={**params, "person": who.person, "to": [who.email]},
        due_at=due_at,
        holds_while=holds_while,
    )


async def invite(tx: store.Tx, incident: records.Incident, people: Iterable[Contact]) -> None:
    """Bring `people` into the channel, those who are not invited yet."""
    prefix = f"{incident.key}:invite:"
    rows = await queries.deliveries(tx.session, incident.number, prefix)
    invited = {person for row in rows for person in row.params.get("people", ())}
    notices = [
        Notice(
            key=f"{prefix}{who.person}",
            lane=Lane.ROOM,
            action=Action.INVITE,
            target="channel",
            params={"people": [who.slack]},
            after=room_of(incident.key),
        )
        for who in people
        if who.slack and who.slack not in invited
    ]
    await outbox.put(tx, incident.id, *notices)


async def redraw(
    tx: store.Tx, incident: records.Incident, event: records.Event, rows: Iterable[records.Outbox]
) -> None:
    """Edit the messages of `rows` to what is true now; one that is not out yet is drawn when it goes."""
    edits = [
        posts.edit(row.key, event, row.surface, row.params, Lane.STATUS, row.target)
        for row in rows
        if row.state in OUT and row.road == Road.SLACK.value and "told_by" not in row.result
    ]
    await outbox.put(tx, incident.id, *edits)


async def notices_with(
    session: AsyncSession, incident: records.Incident, surfaces: Sequence[str]
) -> list[records.Outbox]:
    """Return the incident's notices of these surfaces that were or will be heard, oldest first; edits are left out."""
    put = newborn.notices(session, incident.id)
    if put is not None and not any(notice.surface in surfaces for notice in put):
        return []
    return list((await session.scalars(_WITH, {"incident": incident.id, "surfaces": surfaces})).all())


async def told(session: AsyncSession, incident: records.Incident) -> frozenset[tuple[str, str]]:
    """Return (label, person) of everything the matrix has sent for this incident."""
    prefix = f"{incident.key}:matrix:"
    rows = await queries.deliveries(session, incident.number, prefix)
    return frozenset(
        (label, person)
        for row in rows
        if row.action != Action.EDIT.value
        for label, _, person in [row.key.removeprefix(prefix).partition(":")]
    )


async def audience_so_far(desk: Desk, session: AsyncSession, incident: records.Incident) -> tuple[Contact, ...]:
    """Return everybody who was told, paged, or escalated to, each once."""
    people = dict.fromkeys(str(row.params.get("person", "")) for row in await notices_with(session, incident, TELLING))
    known = (oncall.contact(desk.ctx.settings, person) for person in people)
    return tuple(who for who in known if who is not None)


async def leaders(desk: Desk, session: AsyncSession, incident: records.Incident, *roles: Role) -> tuple[Contact, ...]:
    """Return who holds the first of `roles` that somebody holds."""
    held = await queries.roles(session, incident.number)
    for role in roles:
        if held.get(role):
            return contacts(desk, held[role])
    return ()


def contacts(desk: Desk, people: Iterable[str]) -> tuple[Contact, ...]:
    """Return the contacts of these Slack ids; who is not in `sitrep.yml` is reached in Slack."""
    return tuple(
        oncall.contact(desk.ctx.settings, person) or Contact(person=person, name=f"<@{person}>", slack=person)
        for person in people
    )


def playing(
    desk: Desk, incident: records.Incident, holders: Mapping[Role, Sequence[str]], people: Iterable[str]
) -> tuple[str, ...]:
    """Return those of `people` who may be told: in a drill who holds a role in it, or is of the drill's audience."""
    if not incident.drill:
        return tuple(people)
    audience = {who.person for who in desk.people(incident, desk.ctx.settings.drill_audience)}
    inside = audience.union(*holders.values())
    return tuple(person for person in people if person in inside)


async def counted_from(session: AsyncSession, incident: records.Incident) -> tuple[datetime, int]:
    """Return since when promises count (declared or opened again, UTC), and how often it was opened again."""
    reopened = await queries.events_of(session, incident.number, EventKind.REOPENED)
    return (reopened[-1].at, len(reopened)) if reopened else (incident.declared_at, 0)


async def say_unfilled(tx: store.Tx, desk: Desk, incident: records.Incident, audiences: Iterable[str]) -> None:
    """Say once for each audience with nobody in it that its promises cannot be kept, where it can be mended."""
    asked = dict.fromkeys(audiences)
    if not asked or incident.drill:
        return
    events = await queries.events_of(tx.session, incident.number, EventKind.NOTE)
    said = {name for event in events for name in event.data.get("unfilled", ())}
    missing = [audience for audience in asked if audience not in said]
    if not missing:
        return
    names = ", ".join(oncall.called(audience) for audience in missing)
    text = (
        f"Nobody is configured as {names}. Name people under `audiences` in sitrep.yml; until then they hear nothing."
    )
    event = await tx.record(incident, EventKind.NOTE, text=text, reason=text, unfilled=missing)
    lines = [posts.line(incident, event, Lane.CHATTER)]
    operators = desk.ctx.settings.operators_channel
    if operators:
        lines.append(
            lines[0].model_copy(
                update={"key": f"{incident.key}:operators:{event.id}", "target": f"channel:{operators}", "after": ""}
            )
        )
    await outbox.put(tx, incident.id, *lines)
