"""What a form that declares becomes: stored once, in line for a channel, then the channel's link."""

import time
from dataclasses import dataclass
from functools import partial

import structlog
from sqlmodel import col, select

from bot.delivery.pace import UPDATE_VIEW
from bot.listeners import ending, redrawing, replies
from bot.listeners.desk import Desk
from bot.listeners.modals import Sending
from bot.listeners.payloads import Submission
from bot.listeners.redrawing import Taken
from bot.listeners.sharing import SeenBefore
from bot.surfaces import room, telling
from bot.views import declare, trouble
from bot.views.message import Json
from bot.views.reading import shown_blocks
from incidents import outbox_queries, records, store_errors, triage
from incidents.notices import Action, Lane, room_of
from incidents.service import queries
from incidents.service.declare import Declaration, clean_title
from incidents.service.declare import declare as declare_incident

log = structlog.get_logger(__name__)

#: How long the modal waits, without a place in line, before it says that the channel takes longer.
_PATIENCE_SECONDS = 60.0
_LONGEST_SECONDS = 3600.0  # a modal that is open for longer is looked at by nobody

#: Another replica may deliver, whose commits do not wake us: looked at often as long as it should be a moment.
_SOON_SECONDS, _SOON, _LATER = 5.0, 0.5, 3.0

_IN_LINE_AFTER_SECONDS = 1.5  # before this, the channel is simply being made
_MOVED_ON_SECONDS = 30.0  # how often the place in line is said anew


@dataclass(frozen=True)
class _Seen:
    """How far an incident is."""

    incident: records.Incident
    room: records.Outbox | None
    invitation: records.Outbox | None
    place: int  #: in line for a channel, or 0
    pages: tuple[int, int]  #: out, and planned

    @property
    def there(self) -> bool:
        """Whether the channel is there and the reporter in it, or never will be."""
        settled = self.invitation is None or self.invitation.state in ("done", "failed", "dropped")
        return bool(self.incident.channel) and settled


async def _first_view(desk: Desk, incident: records.Incident) -> Json:
    """Return what the modal becomes with its ack, which costs no call: in progress, or in line.

    The incident is stored: that its place in line cannot be looked up makes nothing of that untrue.
    """
    try:
        seen = await _look(desk, incident.number)
    except store_errors.TROUBLE as error:
        log.warning("place_in_line_unknown", incident=incident.key, why=str(store_errors.explain(error)))
        return declare.progress(incident.key, incident.title)
    if seen.place:
        return declare.in_line(incident.key, incident.title, seen.place, seen.pages)
    return declare.progress(incident.key, incident.title)


async def declared(desk: Desk, sent: Submission, declaration: Declaration) -> tuple[Json, int]:
    """Declare what a form says, once however often it is sent; returns what it becomes, and the incident's number.

    Raises:
        SitrepError: it cannot be declared as it is; says what to change.
        SeenBefore: it was stored before, and as which incident cannot be looked up.
    """
    try:
        async with desk.once(sent.key) as tx:
            incident = await declare_incident(tx, desk.ctx, declaration)
    except SeenBefore:
        incident = await _declared_by(desk, sent.place.user, declaration.title)
    return await _first_view(desk, incident), incident.number


async def _declared_by(desk: Desk, person: str, title: str) -> records.Incident:
    """Return the incident that a repeated submission of `person` has made already: the newest, of this title if any is.

    Raises:
        SeenBefore: which one it is cannot be looked up; it is stored all the same.
    """
    try:
        async with desk.ctx.store.read() as session:
            found = await session.scalars(
                select(records.Incident)
                .where(records.Incident.reporter == person)
                .order_by((col(records.Incident.title) == clean_title(title)).desc(), col(records.Incident.id).desc())
                .limit(1)
            )
            return found.one()
    except store_errors.TROUBLE as error:
        raise SeenBefore from error


async def follow(desk: Desk, person: str, sending: Sending, incident_id: int) -> None:
    """Turn the progress modal into the result once the channel is there and the reporter is in it."""
    began = patient_since = told_at = time.monotonic()
    told: tuple[int, tuple[int, int]] | None = None
    # Ended by itself when Sitrep stops: cut off, it would be in the middle of a question to the database.
    while time.monotonic() - began < _LONGEST_SECONDS and not desk.background.stopping.is_set():
        seen = await store_errors.outlast(partial(_look, desk, incident_id), _PATIENCE_SECONDS)
        key, now = seen.incident.key, time.monotonic()
        if seen.room is not None and seen.room.state == "failed":
            said = trouble.no_channel(seen.incident, seen.room.error)
            # Where Slack changes no form either: a notice tells the reporter the same.
            await redrawing.change_at_pace(desk, sending, shown_blocks(key, said.blocks))
            return
        if seen.there:
            view = await store_errors.outlast(partial(_result, desk, seen.incident), _PATIENCE_SECONDS)
            there = trouble.no_channel(seen.incident, "")
            await ending.end(desk, person, sending, view, instead=there)
            return
        if seen.place:
            patient_since = now
            standing = (seen.place, seen.pages)
            due = now - began > _IN_LINE_AFTER_SECONDS if told is None else now - told_at > _MOVED_ON_SECONDS
            # That the pages are out is owed to everybody; saying it anew is for when nobody else needs the call.
            lane = Lane.DECISION if told is None else Lane.CHATTER
            if due and standing != told and not desk.pace.wait((UPDATE_VIEW,), "", now, lane=lane):
                told, told_at = standing, now
                view = declare.in_line(key, seen.incident.title, seen.place, seen.pages)
                if await redrawing.change_at_pace(desk, sending, view) is Taken.GONE:
                    return
        elif now - patient_since > _PATIENCE_SECONDS:
            words = f"{key} is recorded. Slack is slow to make its channel; it appears in your list when it is there."
            await ending.end(desk, person, sending, trouble.modal(key, words), instead=replies.note(words))
            return
        soon = now - began < _SOON_SECONDS
        # It ends with the channel where that is refused. That the channel is there changes nothing yet, and the card is
        # being drawn then.
        await desk.changes.next(_SOON if soon else _LATER, f"{key}:invite:reporter")


async def _look(desk: Desk, incident_id: int) -> _Seen:
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, incident_id)
        room_row = await outbox_queries.find(session, room_of(incident.key))
        invitation = await outbox_queries.find(session, f"{incident.key}:invite:reporter") if incident.channel else None
        # What Slack refused for the moment is not in line: nobody knows how long that takes.
        waits = not incident.channel and room_row is not None and room_row.state == "pending" and not room_row.error
        place = await outbox_queries.place_in_line(session, incident, Action.CREATE_CHANNEL) if waits else 0
        pages = await outbox_queries.pages_out(session, incident) if place else (0, 0)
    return _Seen(incident, room_row, invitation, place, pages)


async def _result(desk: Desk, incident: records.Incident) -> Json:
    identity = await desk.identity.learn()
    async with desk.ctx.store.read() as session:
        facts = await room.card_facts(session, desk.ctx, incident)
    return declare.result(
        incident.key,
        incident.title,
        incident.channel,
        told=facts.told,
        missing=len(triage.missing(incident.facts)),
        channel_url=telling.channel_url(identity.workspace_url, incident.channel),
    )
