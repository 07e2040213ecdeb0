"""The hourly summary: for those who were told and do not work on it, what changed since the one before.

It stands beside the regular updates and needs nobody to send it: it is written from the facts.
"""

from datetime import datetime

from escalation import cadence, telling, timers
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import drafting, outbox, records, store
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane
from incidents.service import queries


class Summaries:
    """Reactors and the timer that keep the summaries; everything that ends an incident cancels its timers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._policy = desk.ctx.library.policies.regular_updates

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what begins a cadence or changes it."""
        for kind in (EventKind.DECLARED, EventKind.SEVERITY_CHANGED, EventKind.REOPENED):
            store_.react(kind, self.plan)
        clock.on(Kind.SUMMARY, self.tell)

    async def plan(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Set the next summary by the severity; severities without one have none."""
        del event
        await self._arm(tx, incident)

    async def tell(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Send the summary to everybody told so far who holds no role in the response, and set the next."""
        every = self._policy.summaries.get(incident.severity)
        if incident.status is not Status.OPEN or every is None:
            return
        due_at = timers.promised_at(timer)
        since, _ = await telling.counted_from(tx.session, incident)
        fields = await drafting.draft(tx.session, self._desk.ctx, incident, since=max(since, due_at - every))
        held = await queries.roles(tx.session, incident.number)
        working = {person for people in held.values() for person in people}
        notices = [
            telling.direct(
                who,
                f"{incident.key}:summary:{due_at:%Y-%m-%dT%H:%M:%SZ}:{who.person}",
                "summary",
                Lane.STATUS,
                params={"fields": fields, "since": max(since, due_at - every).isoformat()},
                due_at=due_at,
                holds_while="open",
            )
            for who in await telling.audience_so_far(self._desk, tx.session, incident)
            if self._desk.reaches(who) and not {who.person, who.slack} & working
        ]
        await outbox.put(tx, incident.id, *notices)
        await self._arm(tx, incident, after=due_at)

    async def _arm(self, tx: store.Tx, incident: records.Incident, *, after: datetime | None = None) -> None:
        key = f"{incident.key}:summary"
        every = self._policy.summaries.get(incident.severity)
        if every is None or incident.status is not Status.OPEN:
            if await timers.find(tx, incident, key) is not None:
                await timers.cancel(tx, key)
            return
        start, _ = await telling.counted_from(tx.session, incident)
        due_at = cadence.next_slot(after or start, every, tx.now)
        await timers.arm(tx, incident, key, Kind.SUMMARY, due_at)
