"""Regular status updates: drafted ahead, reminded of when due, sent from the facts when nobody sends them."""

from sqlalchemy import update as sql_update
from sqlmodel import col

from escalation import bulletin, cadence, succession, telling, timers
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import outbox, posts, records, store
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane
from incidents.service import updates

_PARTS = {Kind.UPDATE_DRAFT: "draft", Kind.UPDATE_DUE: "due", Kind.UPDATE_OVERDUE: "overdue"}


class StatusUpdates:
    """Reactors and timers that keep the cadence."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._policy = desk.ctx.library.policies.regular_updates

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what starts, moves or ends the cadence."""
        store_.react(EventKind.DECLARED, self.begin)
        store_.react(EventKind.SEVERITY_CHANGED, self.change_period)
        store_.react(EventKind.UPDATE_SENT, self.go_on)
        store_.react(EventKind.UPDATE_SNOOZED, self.put_off)
        store_.react(EventKind.RESOLVED, self.end)
        store_.react(EventKind.CANCELLED, self.end)
        store_.react(EventKind.REOPENED, self.begin_again)
        clock.on(Kind.UPDATE_DRAFT, self.write_draft)
        clock.on(Kind.UPDATE_DUE, self.remind)
        clock.on(Kind.UPDATE_OVERDUE, self.miss)

    async def begin(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Plan the first update."""
        del event
        await self._plan(tx, incident)

    async def change_period(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Follow the severity; a draft that lies ready already is still this slot's update."""
        del event
        row = await updates.waiting(tx.session, incident.number)
        if incident.status is not Status.OPEN or (row is not None and row.state == "drafted"):
            return
        if row is not None:
            await self._drop(tx, incident, row)
        await self._plan(tx, incident)

    async def go_on(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Post what was sent and plan the next; the last update of all goes to everybody told before."""
        row = await tx.session.get_one(records.StatusUpdate, int(event.data["update"]))
        await self._stop_clock(tx, incident, row)
        await self._redraw(tx, incident, row, event)
        if incident.status is not Status.OPEN:
            await bulletin.tell_everybody(tx, self._desk, incident, row)
            return
        await bulletin.publish(tx, self._desk, incident, row)
        if not row.slot.startswith(updates.EXTRA):
            await self._plan(tx, incident)

    async def put_off(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Move the reminders of this slot to the time chosen."""
        row = await tx.session.get_one(records.StatusUpdate, int(event.data["update"]))
        await self._set_clock(tx, incident, row)
        await self._redraw(tx, incident, row, event)

    async def end(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """End the cadence with one last update."""
        row = await updates.waiting(tx.session, incident.number)
        incident.next_update_at = None
        tx.session.add(incident)
        if row is not None and row.state == "planned":
            await self._drop(tx, incident, row)
            row = None
        if row is None and not await telling.audience_so_far(self._desk, tx.session, incident):
            return
        await self._send_unasked(tx, incident, row, event.actor)

    async def begin_again(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Tell those who heard that it was over that it is not, and plan the next update."""
        if await telling.audience_so_far(self._desk, tx.session, incident):
            row = await self._send_unasked(tx, incident, None, event.actor)
            await bulletin.tell_everybody(tx, self._desk, incident, row)
        await self._plan(tx, incident)

    async def write_draft(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Post a draft that is ready to send."""
        row = await self._row(tx, timer, incident)
        if row is None or row.state != "planned":
            return
        row.fields, row.state = await updates.draft(tx.session, self._desk.ctx, incident.number), "drafted"
        tx.session.add(row)
        await tx.record(incident, EventKind.UPDATE_DRAFTED, slot=row.slot, update=row.id)
        draft = posts.post(
            incident,
            _draft_key(incident, row),
            "status_draft",
            Lane.STATUS,
            params={"update_id": row.id},
            holds_while=f"update:{row.slot}",
            due_at=timers.promised_at(timer),
        )
        await outbox.put(tx, incident.id, draft)

    async def remind(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Bring the draft up to date and hand it to whoever speaks for the response."""
        row = await self._row(tx, timer, incident)
        if row is None:
            return
        row.fields = await updates.draft(tx.session, self._desk.ctx, incident.number)
        row.state = "drafted"
        tx.session.add(row)
        event = await tx.record(incident, EventKind.UPDATE_DRAFTED, slot=row.slot, update=row.id)
        speakers = await succession.speakers(self._desk, tx.session, incident)
        reminders = [
            telling.direct(
                who,
                f"{incident.key}:update:{row.slot}:due:{who.person}",
                "status_draft",
                Lane.DECISION,
                params={"update_id": row.id},
                due_at=timers.promised_at(timer),
                holds_while=f"update:{row.slot}",
            )
            for who in speakers
            if who.slack
        ]
        await self._redraw(tx, incident, row, event)
        await outbox.put(tx, incident.id, *reminders)

    async def miss(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Send the facts unattended, and tell the next in line that the update was missed."""
        row = await self._row(tx, timer, incident)
        if row is None:
            return
        fields = await updates.draft(tx.session, self._desk.ctx, incident.number)
        if not await _settle(tx, row, "missed", fields, ""):
            return
        following = await succession.next_in_line(self._desk, tx.session, incident)
        event = await tx.record(
            incident,
            EventKind.UPDATE_MISSED,
            slot=row.slot,
            update=row.id,
            people=[heir.who.person for heir in following],
            late_seconds=round((tx.now - row.due_at).total_seconds()),
        )
        reason = (
            f"the status update due at {row.due_at:%Y-%m-%d %H:%M} UTC was not sent; Sitrep sent the facts by itself"
        )
        misses = [
            telling.direct(
                heir.who,
                f"{incident.key}:update:{row.slot}:missed:{heir.who.person}",
                "escalation_notice",
                Lane.DECISION,
                params={"trigger": "update_missed", "audience": heir.standing, "reason": reason},
                holds_while="open",
            )
            for heir in following
        ]
        await bulletin.publish(tx, self._desk, incident, row)
        await self._redraw(tx, incident, row, event)
        await outbox.put(tx, incident.id, *misses)
        await self._plan(tx, incident)

    async def _row(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> records.StatusUpdate | None:
        row = await tx.session.get(records.StatusUpdate, int(timer.payload["update"]))
        if incident.status is not Status.OPEN or row is None or row.state not in updates.WAITING:
            return None
        return row

    async def _plan(self, tx: store.Tx, incident: records.Incident) -> None:
        """Plan the next slot; severities without a cadence have none."""
        every = self._policy.frequency.get(incident.severity)
        if every is None:
            incident.next_update_at = None
            tx.session.add(incident)
            return
        start, _ = await telling.counted_from(tx.session, incident)
        previous = max([start, *[updates.slot_time(row.slot) for row in await bulletin.settled(tx.session, incident)]])
        slot = cadence.next_slot(previous, every, tx.now)
        row = records.StatusUpdate(incident_id=incident.number, slot=updates.slot_name(slot), due_at=slot)
        tx.session.add(row)
        await tx.session.flush()
        await self._set_clock(tx, incident, row)

    async def _set_clock(self, tx: store.Tx, incident: records.Incident, row: records.StatusUpdate) -> None:
        every = self._policy.frequency.get(incident.severity)
        if every is None:  # the severity went down while a draft lay ready: this update is the last
            every = max(self._policy.draft_ahead, self._policy.overdue_after) * 2
        at = cadence.times(updates.slot_time(row.slot), every, self._policy, due=row.due_at)
        wanted = {Kind.UPDATE_DUE: at.due, Kind.UPDATE_OVERDUE: at.overdue}
        if row.state == "planned":
            wanted[Kind.UPDATE_DRAFT] = at.draft
        for kind, due_at in wanted.items():
            await timers.arm(tx, incident, _timer_key(incident, row, kind), kind, due_at, update=row.id)
        incident.next_update_at = at.due
        tx.session.add(incident)

    async def _stop_clock(self, tx: store.Tx, incident: records.Incident, row: records.StatusUpdate) -> None:
        await timers.cancel(tx, *(_timer_key(incident, row, kind) for kind in _PARTS))

    async def _drop(self, tx: store.Tx, incident: records.Incident, row: records.StatusUpdate) -> None:
        await self._stop_clock(tx, incident, row)
        await tx.session.delete(row)
        await tx.session.flush()  # its slot may be planned anew in this transaction

    async def _send_unasked(
        self, tx: store.Tx, incident: records.Incident, row: records.StatusUpdate | None, actor: str
    ) -> records.StatusUpdate:
        row = row or await updates.out_of_turn(tx, incident)
        fields = await updates.draft(tx.session, self._desk.ctx, incident.number)
        await _settle(tx, row, "sent", fields, actor)
        await tx.record(
            incident, EventKind.UPDATE_SENT, actor=actor, slot=row.slot, update=row.id, fields=fields, no_change=False
        )
        return row

    async def _redraw(
        self, tx: store.Tx, incident: records.Incident, row: records.StatusUpdate, event: records.Event
    ) -> None:
        drafts = await telling.notices_with(tx.session, incident, ("status_draft",))
        await telling.redraw(tx, incident, event, [each for each in drafts if each.params.get("update_id") == row.id])


async def _settle(tx: store.Tx, row: records.StatusUpdate, state: str, fields: dict[str, str], actor: str) -> bool:
    await tx.session.flush()
    changed = await tx.session.execute(
        sql_update(records.StatusUpdate)
        .where(col(records.StatusUpdate.id) == row.id, col(records.StatusUpdate.state).in_(updates.WAITING))
        .values(state=state, fields=fields, sent_at=tx.now, sent_by=actor)
    )
    await tx.session.refresh(row)
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _draft_key(incident: records.Incident, row: records.StatusUpdate) -> str:
    return f"{incident.key}:update:{row.slot}:draft"


def _timer_key(incident: records.Incident, row: records.StatusUpdate, kind: Kind) -> str:
    return f"{incident.key}:update:{row.slot}:{_PARTS[kind]}"
