"""The incident's room: its channel, people, pinned card, topic, bookmarks and phase threads, kept by reactors.

What people see is drawn by surfaces when it is sent; here is decided what is posted, what is edited, and when.
"""

import re
import unicodedata

from incidents import outbox, posts, records, store, triage
from incidents.announcing import Announcing
from incidents.context import Context
from incidents.definitions import Phase
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Action, Lane, Notice, room_of
from incidents.roomless import Roomless
from incidents.service import permissions, queries

_MAX_CHANNEL_NAME = 80  # https://docs.slack.dev/reference/methods/conversations.create
_MAX_TOPIC = 250  # https://docs.slack.dev/reference/methods/conversations.setTopic

#: Events after which the live card shows something else.
CARD_EVENTS = (
    EventKind.FACTS_ADDED,
    EventKind.SEVERITY_CHANGED,
    EventKind.MILESTONE,
    EventKind.ROLE_TAKEN,
    EventKind.ROLE_RELEASED,
    EventKind.IMPACT_FOUND,
    EventKind.TOLD,
    EventKind.ESCALATED,
    EventKind.UPDATE_SENT,
    EventKind.UPDATE_SNOOZED,
    EventKind.UPDATE_MISSED,
    EventKind.NOTE,
    EventKind.RUN_BEGUN,
    EventKind.RUN_PAUSED,
    EventKind.RUN_RESUMED,
    EventKind.RUN_STOPPED,
    EventKind.RUN_RESTARTED,
    EventKind.STEP_STARTED,
    EventKind.STEP_DONE,
    EventKind.STEP_FAILED,
    EventKind.STEP_TAKEN_OVER,
    EventKind.STEP_STOPPED,
    EventKind.STEP_SKIPPED,
    EventKind.APPROVAL_ASKED,
    EventKind.QUESTION_ASKED,
    EventKind.QUESTION_ANSWERED,
    EventKind.APPROVAL_DECIDED,
    EventKind.GATE_ATTESTED,
    EventKind.GATE_OVERRIDDEN,
    EventKind.RESOLVED,
    EventKind.REOPENED,
    EventKind.CLOSED,
    EventKind.CANCELLED,
    EventKind.DELIVERY_FAILED,
)

#: Events that deserve a line of their own in the channel.
LINE_EVENTS = (
    EventKind.SEVERITY_CHANGED,
    EventKind.ROLE_RELEASED,
    EventKind.PERSON_LEFT,
    EventKind.PERSON_BACK,
    EventKind.ESCALATED,
    EventKind.UPDATE_MISSED,
    EventKind.REPLANNED,
    EventKind.RUN_SCHEDULED,
    EventKind.RUN_BEGUN,
    EventKind.RUN_PAUSED,
    EventKind.RUN_RESUMED,
    EventKind.RUN_STOPPED,
    EventKind.RUN_RESTARTED,
    EventKind.GATE_OVERRIDDEN,
    EventKind.GATE_CONTRADICTED,
    EventKind.STEP_STOPPED,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_REBASED,
    EventKind.STEP_HANDED_OVER,
    EventKind.REOPENED,
    EventKind.CLOSED,
    EventKind.CANCELLED,
)


def channel_name(incident: records.Incident) -> str:
    """Return a name Slack accepts: `inc-7-checkout-returns-500s`; a title without Latin letters gives `inc-7`."""
    plain = unicodedata.normalize("NFKD", incident.title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return f"{incident.key}-{slug}"[:_MAX_CHANNEL_NAME].rstrip("-")


def topic(incident: records.Incident) -> str:
    """Return the channel's topic: severity, state, title."""
    state = "" if incident.status is Status.OPEN else f" {incident.status}"
    return f"{incident.severity.value.capitalize()}{state}: {incident.title}"[:_MAX_TOPIC]


class Room:
    """Reactors that keep an incident's room."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to the events that change what the room shows."""
        react = self._ctx.store.react
        react(EventKind.DECLARED, self.open)
        for kind in CARD_EVENTS:
            react(kind, self.redraw_card)
        for kind in LINE_EVENTS:
            react(kind, self.say_line)
        react(EventKind.SEVERITY_CHANGED, self.change_topic)
        react(EventKind.RESOLVED, self.change_topic)
        react(EventKind.REOPENED, self.change_topic)
        react(EventKind.FACTS_ADDED, self.redraw_triage)
        react(EventKind.ROLE_TAKEN, self.redraw_decisions)
        react(EventKind.ROLE_RELEASED, self.redraw_decisions)
        react(EventKind.ROLE_TAKEN, self.invite_holder)
        react(EventKind.ROLE_TAKEN, self.say_replaced)
        react(EventKind.RESOLVED, self.say_resolved)
        react(EventKind.POSTMORTEM_WRITTEN, self.redraw_resolved)
        react(EventKind.FOLLOWUP_ADDED, self.redraw_resolved)
        react(EventKind.FOLLOWUP_DONE, self.redraw_resolved)
        Roomless(self._ctx).register()
        Announcing(self._ctx).register()

    async def open(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Create the channel; then reporter and card side by side, decoration last."""
        del event
        key, room, card = incident.key, room_of(incident.key), f"{incident.key}:card"
        notices = [
            Notice(
                key=room,
                lane=Lane.ROOM,
                action=Action.CREATE_CHANNEL,
                params={"name": channel_name(incident), "private": incident.private},
                due_at=tx.now,
            ),
            _invite(incident, "reporter", [incident.reporter]),
            posts.post(incident, card, "live_card", Lane.ROOM),
            Notice(key=f"{card}:pin", lane=Lane.CHATTER, action=Action.PIN, target="channel", of=card, after=card),
            _topic(incident, "0", Lane.CHATTER),
        ]
        responders = self._responders(incident)
        if responders:
            notices.append(_invite(incident, "responders", responders, after=f"{key}:invite:reporter"))
        if incident.known:
            notices.append(_reported(incident, card))
        if triage.missing(incident.facts):
            notices.append(posts.post(incident, f"{key}:triage", "triage_question", Lane.DECISION, after=card))
        notices += [self._bookmark(incident, name, link) for name, link in self._links(incident).items()]
        await outbox.put(tx, incident.id, *notices)

    def _responders(self, incident: records.Incident) -> list[str]:
        if incident.drill:  # nobody else is called to an exercise
            drill = [self._ctx.settings.drill_audience]
            return sorted(permissions.people_of(self._ctx.settings, filter(None, drill)) - {incident.reporter})
        rows = self._ctx.library.policies.communication_matrix.get(incident.severity, ())
        names = [name for row in rows if not row.within for name in row.audiences]
        return sorted(permissions.people_of(self._ctx.settings, names) - {incident.reporter})

    def _links(self, incident: records.Incident) -> dict[str, str]:
        service = self._ctx.service(incident.service)
        if service is None:
            return {}
        links = {"War room": service.war_room, "Runbook": service.runbook, "Dashboard": service.dashboard}
        return {name: link for name, link in links.items() if link.startswith(("https://", "http://"))}

    def _bookmark(self, incident: records.Incident, name: str, link: str) -> Notice:
        return Notice(
            key=f"{incident.key}:bookmark:{name.lower().replace(' ', '-')}",
            lane=Lane.CHATTER,
            action=Action.BOOKMARK,
            target="channel",
            params={"title": name, "link": link},
            after=room_of(incident.key),
        )

    async def redraw_card(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the live card to the newest state."""
        outbox.put_at_last(tx, incident.id, posts.edit(f"{incident.key}:card", event, "live_card", lane=Lane.ROOM))
        tx.wake(store.VIEWS)

    async def redraw_triage(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the triage question to what is still missing."""
        await outbox.put(tx, incident.id, posts.edit(f"{incident.key}:triage", event, "triage_question"))

    async def redraw_decisions(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit what waits for a decision: who may decide has changed."""
        for approval in await queries.pending_approvals(tx.session, incident.number):
            drawn = {"approval_id": approval.id}
            await outbox.put(tx, incident.id, posts.edit(approval.key, event, "approval", drawn, lane=Lane.DECISION))

    async def say_line(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Say in one line what changed."""
        await outbox.put(tx, incident.id, posts.line(incident, event))

    async def say_replaced(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Say who took a role from whom, so that nobody goes on in a role which is no longer theirs."""
        if event.data["before"] and event.data["role"] != Role.RESPONDER:
            await self.say_line(tx, incident, event)

    async def change_topic(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Set the channel's topic anew."""
        await outbox.put(tx, incident.id, _topic(incident, str(event.id), Lane.ROOM))

    async def invite_holder(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Bring whoever holds a role into the channel."""
        person = str(event.data["person"])
        await outbox.put(tx, incident.id, _invite(incident, person, [person]))

    async def say_resolved(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Post that it is resolved, and what remains to do."""
        key = f"{incident.key}:resolved:{event.id}"
        await outbox.put(tx, incident.id, posts.post(incident, key, "resolved", Lane.STATUS))

    async def redraw_resolved(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the post that it is resolved to what still remains to do."""
        sent = await queries.deliveries(tx.session, incident.number, f"{incident.key}:resolved:")
        said = [row for row in sent if row.action == Action.POST]
        if said:
            await outbox.put(tx, incident.id, posts.edit(said[-1].key, event, "resolved"))


async def channel_ready(tx: store.Tx, incident_id: int, channel: str, name: str) -> None:
    """Note the channel that Slack made; everything that waited for it goes now."""
    incident = await queries.get(tx.session, incident_id)
    incident.channel, incident.channel_name = channel, name
    tx.session.add(incident)
    await tx.record(incident, EventKind.CHANNEL_READY, channel=channel, name=name)
    tx.wake(store.VIEWS)


def phase_key(incident: records.Incident, phase: Phase) -> str:
    """Return the outbox key of the phase's head, the root of its thread."""
    return f"{incident.key}:phase:{phase.value}"


def show_phase(tx: store.Tx, incident: records.Incident, phase: Phase, event: records.Event) -> None:
    """Post the phase's head when it is new, else edit it."""
    key = phase_key(incident, phase)
    params, card = {"phase": phase.value}, f"{incident.key}:card"
    head = posts.post(incident, key, "phase_head", Lane.CHATTER, params=params, after=card)
    outbox.put_at_last(tx, incident.id, head, posts.edit(key, event, "phase_head", params))


def in_thread(
    incident: records.Incident, phase: Phase, key: str, surface: str, params: dict[str, object], lane: Lane
) -> Notice:
    """Return a post into the phase's thread."""
    head = phase_key(incident, phase)
    return Notice(
        key=key,
        lane=lane,
        action=Action.POST,
        target=f"thread:{head}",
        surface=surface,
        params=params,
        after=head,
    )


def _reported(incident: records.Incident, card: str) -> Notice:
    # In the card's thread: whoever wants the reporter's own words finds them, and the channel stays short.
    return Notice(
        key=f"{incident.key}:reported",
        lane=Lane.CHATTER,
        action=Action.POST,
        target=f"thread:{card}",
        surface="reported",
        after=card,
    )


def _invite(incident: records.Incident, name: str, people: list[str], *, after: str = "") -> Notice:
    return Notice(
        key=f"{incident.key}:invite:{name}",
        lane=Lane.ROOM,
        action=Action.INVITE,
        target="channel",
        params={"people": people},
        after=after or room_of(incident.key),
    )


def _topic(incident: records.Incident, suffix: str, lane: Lane) -> Notice:
    return Notice(
        key=f"{incident.key}:topic:{suffix}",
        lane=lane,
        action=Action.SET_TOPIC,
        target="channel",
        params={"topic": topic(incident)},
        after=room_of(incident.key),
        coalesce=f"{incident.key}:topic",
    )
