"""Escalations: by time when nobody moves, by what is found, by hand."""

from datetime import datetime

from escalation import oncall, policies, telling, timers
from escalation.oncall import Contact
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import outbox, records, store
from incidents.definitions import EscalationTrigger
from incidents.errors import InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import Milestone, Role, Status
from incidents.notices import Lane
from incidents.service import respond

_MAX_REASON = 300


class Escalating:
    """Reactors and timer that bring in whoever must hear when it takes too long or gets worse."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what starts, stops or calls for an escalation."""
        for kind in (EventKind.DECLARED, EventKind.SEVERITY_CHANGED, EventKind.REOPENED):
            store_.react(kind, self.set_deadlines)
        store_.react(EventKind.MILESTONE, self.stop)
        store_.react(EventKind.IMPACT_FOUND, self.weigh)
        clock.on(Kind.ESCALATE, self.fall_due)

    async def set_deadlines(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Arm the escalations that hold now and cancel the others; what escalated once does not escalate again."""
        del event
        since, round_ = await telling.counted_from(tx.session, incident)
        ctx = self._desk.ctx
        deadlines = policies.deadlines(ctx.library.policies, ctx.settings, incident, since=since, now=tx.now)
        wanted = {f"{incident.key}:escalate:{deadline.trigger.name}": deadline for deadline in deadlines}
        waiting = await timers.pending(tx.session, incident, Kind.ESCALATE)
        await timers.cancel(tx, *(timer.key for timer in waiting if timer.key not in wanted))
        for key, deadline in wanted.items():
            timer = await timers.find(tx, incident, key)
            if timer is not None and timer.state == "fired" and timer.payload.get("round") == round_:
                continue
            await timers.arm(
                tx, incident, key, Kind.ESCALATE, deadline.due_at, trigger=deadline.trigger.name, round=round_
            )

    async def stop(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Cancel exactly the escalations that waited for this milestone."""
        milestone = Milestone(event.data["milestone"])
        known = policies.of_severity(self._desk.ctx.library.policies, incident.severity)
        names = [each.name for each in known if each.until == milestone.value]
        await timers.cancel(tx, *(f"{incident.key}:escalate:{name}" for name in names))

    async def fall_due(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Escalate, when by the state as it is now it is still called for."""
        trigger = policies.time_based(self._desk.ctx.library.policies, str(timer.payload["trigger"]))
        if trigger is not None and policies.holds(trigger, incident):
            late = timers.late_seconds(timer, tx.now)
            round_ = int(timer.payload.get("round", 0))
            await self._overdue(tx, incident, trigger, round_, timers.promised_at(timer), late)

    async def weigh(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Escalate what was found to whom the policies name."""
        trigger = policies.found(self._desk.ctx.library.policies, str(event.data["trigger"]))
        if trigger is None or incident.status is not Status.OPEN:
            return
        detail = str(event.data.get("detail") or "").strip()
        reason = trigger.name.replace("_", " ") + (f": {detail}" if detail else "")
        await escalate(tx, self._desk, incident, trigger.name, trigger.escalate_to, reason, due_at=tx.now)

    async def _overdue(
        self,
        tx: store.Tx,
        incident: records.Incident,
        trigger: EscalationTrigger,
        round_: int,
        due_at: datetime,
        late: int,
    ) -> None:
        name = f"{trigger.name}:again-{round_}" if round_ else trigger.name
        reason = policies.reason(trigger)
        await escalate(tx, self._desk, incident, name, trigger.escalate_to, reason, due_at=due_at, late_seconds=late)


async def by_hand(
    tx: store.Tx, desk: Desk, incident_id: int, actor: str, audience: str, reason: str = ""
) -> tuple[Contact, ...]:
    """Bring in `audience` because `actor` says so; returns who is told.

    Raises:
        Conflict: the incident is not open.
        InvalidInput: nobody is in this audience; says which there are.
    """
    incident = await respond.open_incident(tx, incident_id)
    name = audience.strip().lower().replace(" ", "_").replace("-", "_")
    if not desk.people(incident, name) and not incident.drill:
        known = ", ".join(oncall.called(each) for each in sorted(desk.ctx.settings.audiences))
        raise InvalidInput(
            f"Nobody is configured as {audience.strip()[:60] or 'that'}.",
            remedy=f"You can escalate to: {known}." if known else "Name people under `audiences` in sitrep.yml.",
            field="audience",
        )
    said = reason.strip() or "somebody in the response asks for you"
    word = f"by_hand:{tx.now:%H%M%S}:{name}"
    return await escalate(tx, desk, incident, word, name, said, due_at=tx.now, actor=actor)


async def escalate(
    tx: store.Tx,
    desk: Desk,
    incident: records.Incident,
    trigger: str,
    audience: str,
    reason: str,
    *,
    due_at: datetime,
    late_seconds: int = 0,
    actor: str = "",
    people: tuple[Contact, ...] = (),
) -> tuple[Contact, ...]:
    """Tell `audience`, or of it `people` alone, and bring them into the channel.

    Where nobody is in it, whoever leads hears instead.
    """
    people = people or tuple(who for who in desk.people(incident, audience) if desk.reaches(who))
    said = reason[:_MAX_REASON]
    if not people and not incident.drill:
        said = f"{said}; nobody is configured as {oncall.called(audience)}"
        await telling.say_unfilled(tx, desk, incident, [audience])
        people = await telling.leaders(desk, tx.session, incident, Role.COMMANDER, Role.DEPUTY) or telling.contacts(
            desk, [incident.reporter]
        )
    params = {"trigger": trigger, "audience": audience, "reason": said, "late_seconds": late_seconds}
    notices = [
        telling.direct(
            who,
            f"{incident.key}:escalate:{trigger}:{who.person}",
            "escalation_notice",
            Lane.PAGE,
            params=params,
            due_at=due_at,
            holds_while="open",
        )
        for who in people
    ]
    await outbox.put(tx, incident.id, *notices)
    await telling.invite(tx, incident, people)
    await tx.record(
        incident,
        EventKind.ESCALATED,
        actor=actor,
        trigger=trigger,
        audience=audience,
        reason=said,
        people=[who.person for who in people],
        late_seconds=late_seconds,
    )
    return people
