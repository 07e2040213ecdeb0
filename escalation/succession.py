"""Who speaks for a response, who is next in line when nobody does, and who hears that nobody commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from escalation import policies, telling
from escalation.oncall import Contact
from escalation.telling import Desk
from incidents import outbox, records, store
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Lane
from incidents.service import presence, queries

#: The trigger of notices that offer the command to whoever reads them.
UNCOMMANDED = "nobody_commands"
LEFT = "commander_left"  #: likewise, while whoever commands is away from the channel

#: Triggers of notices that offer the command.
_OFFERS = (UNCOMMANDED, LEFT)


@dataclass(frozen=True)
class Heir:
    """Somebody who hears when whoever should have acted did not."""

    who: Contact
    standing: str  #: a role, or the audience by which they are reached


async def speakers(desk: Desk, session: AsyncSession, incident: records.Incident) -> tuple[Contact, ...]:
    """Return who sends the status updates: comms, without one the commander."""
    return await telling.leaders(desk, session, incident, Role.COMMS, Role.COMMANDER)


async def next_in_line(desk: Desk, session: AsyncSession, incident: records.Incident) -> tuple[Heir, ...]:
    """Return the deputy; without one the first level of paging that does not speak already; at last the commander."""
    deputies = await telling.leaders(desk, session, incident, Role.DEPUTY)
    if deputies:
        return tuple(Heir(who, Role.DEPUTY.value) for who in deputies)
    silent = {who.person for who in await speakers(desk, session, incident)}
    found = _first_level_without(desk, incident, silent)
    if found:
        return found
    commanders = await telling.leaders(desk, session, incident, Role.COMMANDER)
    return tuple(Heir(who, Role.COMMANDER.value) for who in commanders)


def _first_level_without(desk: Desk, incident: records.Incident, people: set[str]) -> tuple[Heir, ...]:
    """Return the first level of paging that reaches somebody and holds none of `people`."""
    policy = policies.paging(desk.ctx.library.policies, incident.severity)
    for level in policy.levels if policy is not None else ():
        found = [who for who in desk.people(incident, level) if desk.reaches(who)]
        if found and not people & {who.person for who in found}:
            return tuple(Heir(who, level) for who in found)
    return ()


class Vacancy:
    """Reactors to a command that was given back, or whose holder left: somebody must hear that nobody commands."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store) -> None:
        """Listen to what empties the seat and what fills it."""
        store_.react(EventKind.ROLE_RELEASED, self.tell)
        store_.react(EventKind.ROLE_TAKEN, self.fill)
        store_.react(EventKind.PERSON_LEFT, self.tell_of_leaving)
        store_.react(EventKind.PERSON_BACK, self.show)

    async def tell(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Offer the command to the deputy, else to the first level of paging without whoever gave it back."""
        if event.data.get("role") != Role.COMMANDER:
            return
        before = str(event.data["person"])
        if not event.actor:
            reason = f"<@{before}>, who commanded, is deactivated in Slack; nobody commands"
        elif incident.severity is not Severity.CRITICAL:
            return  # they can be asked; nobody is woken for it
        elif event.actor == before:
            reason = f"<@{before}> gave the command back; nobody commands"
        else:
            reason = f"<@{event.actor}> took the command from <@{before}>; nobody commands"
        await self._offer(tx, incident, event, UNCOMMANDED, before, reason)

    async def tell_of_leaving(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Offer the command of whoever left the channel; they keep it until somebody takes it, or they come back."""
        if event.data["how"] != presence.Leaving.CHANNEL or Role.COMMANDER not in event.data["roles"]:
            return
        before = str(event.data["person"])
        await self._offer(tx, incident, event, LEFT, before, f"<@{before}>, who commands, left the incident's channel")

    async def _offer(
        self, tx: store.Tx, incident: records.Incident, event: records.Event, trigger: str, before: str, reason: str
    ) -> None:
        """Offer the command to the deputy; without one, on a critical incident, to the first level of paging."""
        deputies = await telling.leaders(self._desk, tx.session, incident, Role.DEPUTY)
        heirs = tuple(Heir(who, Role.DEPUTY.value) for who in deputies if who.person != before)
        if not heirs and incident.severity is Severity.CRITICAL:
            heirs = _first_level_without(self._desk, incident, {before})
        notices = [
            telling.direct(
                heir.who,
                f"{incident.key}:{trigger}:{event.id}:{heir.who.person}",
                "escalation_notice",
                Lane.PAGE,
                params={"trigger": trigger, "audience": heir.standing, "reason": reason, "before": before},
                due_at=tx.now,
                holds_while="open",
            )
            for heir in heirs
        ]
        await outbox.put(tx, incident.id, *notices)
        await telling.invite(tx, incident, [heir.who for heir in heirs])

    async def fill(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Show whoever was offered the command that somebody has it."""
        if event.data.get("role") == Role.COMMANDER:
            await self.show(tx, incident, event)

    async def show(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Draw what offers the command as it stands now."""
        offers = await telling.notices_with(tx.session, incident, ("escalation_notice",))
        open_ = [row for row in offers if row.params.get("trigger") in _OFFERS]
        await telling.redraw(tx, incident, event, open_)


async def offered_command(session: AsyncSession, incident: records.Incident, params: Mapping[str, Any]) -> str | None:
    """Return from whom a notice offers the command, empty where nobody has it; None when it offers it no longer."""
    trigger, before = params.get("trigger"), str(params.get("before", ""))
    if trigger not in _OFFERS or incident.status is not Status.OPEN:
        return None
    holders = (await queries.roles(session, incident.number)).get(Role.COMMANDER, [])
    if trigger == UNCOMMANDED or not holders:
        return None if holders else ""
    events = await queries.events_of(session, incident.number, EventKind.PERSON_LEFT, EventKind.PERSON_BACK)
    return before if before in holders and before in presence.absent(events) else None
