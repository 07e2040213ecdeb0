"""Post-mortems that are owed: dated when an incident is resolved, and called for while nobody writes them.

Source: the operations document, severity 2: "post-mortem scheduled". Resolving stops all timers and arms this one.
"""

from escalation import telling, timers
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import definitions, hours, outbox, postmortem, posts, records, store
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane
from incidents.service import queries

#: Mornings on which it is called for: on the day itself, then with the channel as well.
_ROUNDS = 3


class Postmortems:
    """Reactors and the timer that keep a post-mortem from being forgotten."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what makes it owed, moves it, or settles it; after what stops every timer."""
        store_.react(EventKind.RESOLVED, self.date)
        store_.react(EventKind.POSTMORTEM_SCHEDULED, self.wait)
        store_.react(EventKind.POSTMORTEM_WRITTEN, self.settle)
        for kind in (EventKind.REOPENED, EventKind.CLOSED):
            store_.react(kind, self.stop)
        clock.on(Kind.POSTMORTEM_DUE, self.fall_due)

    async def date(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Let it be due by the business calendar, where the severity asks for one."""
        del event
        settings = self._desk.ctx.settings
        wanted = incident.severity in settings.postmortem.severities
        if not wanted or incident.drill or incident.kind is not definitions.Kind.INCIDENT:
            return
        if not await postmortem.is_written(tx.session, incident.number):  # before it was reopened, perhaps
            at = hours.opens_after(tx.now, settings.postmortem.business_days, settings)
            await postmortem.schedule(tx, incident, at)

    async def wait(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Call for it when it is due."""
        del event
        due = postmortem.due(await queries.events_of(tx.session, incident.number, EventKind.POSTMORTEM_SCHEDULED))
        if due is not None:
            await timers.arm(tx, incident, _key(incident), Kind.POSTMORTEM_DUE, due, round=1)

    async def settle(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Call for it no longer once people have written their part."""
        if await postmortem.is_written(tx.session, incident.number):
            await self.stop(tx, incident, event)

    async def stop(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Call for it no longer."""
        del event
        await timers.cancel(tx, _key(incident))

    async def fall_due(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Remind its owner; from the second morning on, the channel hears too that it is overdue."""
        if incident.status is not Status.RESOLVED or await postmortem.is_written(tx.session, incident.number):
            return
        round_ = int(timer.payload["round"])
        owner = postmortem.owner_of(incident, await queries.roles(tx.session, incident.number))
        due = timers.promised_at(timer)
        reminders = [
            telling.direct(
                who,
                f"{incident.key}:postmortem-due:{due:%Y-%m-%dT%H:%MZ}:{who.person}",
                "postmortem_due",
                Lane.STATUS,
                params={},
                due_at=due,
            )
            for who in telling.contacts(self._desk, [owner])
            if who.slack
        ]
        await outbox.put(tx, incident.id, *reminders)
        if round_ > 1:
            later = postmortem.a_week_later(tx.now)
            remedy = f"`/incident postmortem` writes it, `/incident postmortem date {later}` moves it."
            text = f"The post-mortem is overdue; <@{owner}> owes it. {remedy}"
            event = await tx.record(incident, EventKind.NOTE, text=text)
            await outbox.put(tx, incident.id, posts.line(incident, event, Lane.STATUS))
        if round_ < _ROUNDS:
            again = hours.opens_next(tx.now, self._desk.ctx.settings)
            await timers.arm(tx, incident, _key(incident), Kind.POSTMORTEM_DUE, again, round=round_ + 1)


def _key(incident: records.Incident) -> str:
    return f"{incident.key}:postmortem:due"
