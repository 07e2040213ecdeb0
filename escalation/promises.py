"""The communication matrix at work: what is due goes out, what is to come waits as timers."""

from escalation import matrix, paging, telling, timers
from escalation.matrix import Promise
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import definitions, outbox, records, store
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane, Notice


class Promises:
    """Reactors and timer that keep the matrix."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what makes or changes promises."""
        for kind in (EventKind.DECLARED, EventKind.SEVERITY_CHANGED, EventKind.REOPENED):
            store_.react(kind, self.keep)
        clock.on(Kind.MATRIX, self.fall_due)

    async def keep(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Send what is due now, arm what is to come, cancel what is no longer promised."""
        del event
        if incident.status is not Status.OPEN:
            return
        plan = await self._plan(tx, incident)
        await self._send(tx, incident, plan.now)
        for label, due_at in plan.timers.items():
            await timers.arm(tx, incident, _key(incident, label), Kind.MATRIX, due_at, label=label)
        await timers.cancel(tx, *(_key(incident, label) for label in plan.cancelled))
        await telling.say_unfilled(tx, self._desk, incident, plan.unfilled)

    async def fall_due(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Send what the row of the matrix promises, by the policies and the severity as they are now."""
        if incident.status is not Status.OPEN:
            return
        label = str(timer.payload["label"])
        plan = await self._plan(tx, incident)
        await self._send(tx, incident, [each for each in (*plan.now, *plan.later) if each.label == label], timer)

    async def _plan(self, tx: store.Tx, incident: records.Incident) -> matrix.Plan:
        ctx = self._desk.ctx
        since, _ = await telling.counted_from(tx.session, incident)
        waiting = await timers.pending(tx.session, incident, Kind.MATRIX)
        rows = ctx.library.policies.communication_matrix.get(incident.severity, ())
        return matrix.plan(
            rows if incident.kind is not definitions.Kind.BUG else (),  # a bug hurts nobody at this minute
            ctx.settings,
            since=since,
            now=tx.now,
            told=await telling.told(tx.session, incident),
            waiting={str(timer.payload["label"]) for timer in waiting},
            drill=incident.drill,
        )

    async def _send(
        self,
        tx: store.Tx,
        incident: records.Incident,
        promises: "list[Promise] | tuple[Promise, ...]",
        timer: records.Timer | None = None,
    ) -> None:
        # Whoever is on call gets what is due at once as a page: one message, not two in the same second.
        paged = paging.first_level(self._desk, incident) if timer is None else {}
        late = timers.late_seconds(timer, tx.now) if timer else 0
        reached = [promise for promise in promises if self._desk.reaches(promise.who)]
        notices = [_notice(incident, each, paged.get(each.who.person), timer, late) for each in reached]
        await outbox.put(tx, incident.id, *notices)
        await telling.say_unfilled(
            tx, self._desk, incident, [promise.audience for promise in promises if promise not in reached]
        )


def _notice(
    incident: records.Incident,
    promise: Promise,
    page: dict[str, object] | None,
    timer: records.Timer | None,
    late: int,
) -> Notice:
    due_at = timers.promised_at(timer) if timer else promise.due_at
    return telling.direct(
        promise.who,
        f"{incident.key}:matrix:{promise.label}:{promise.who.person}",
        "matrix_notice" if page is None else "page",
        Lane.STATUS if page is None else Lane.PAGE,
        params={"label": promise.label, "audience": promise.audience, "late_seconds": late} if page is None else page,
        due_at=due_at,
    )


def _key(incident: records.Incident, label: str) -> str:
    return f"{incident.key}:matrix:{label}"
