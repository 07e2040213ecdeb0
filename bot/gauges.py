"""What Prometheus reads: what waits and since when, measured when it asks, and what happened, counted as it does.

Labels take a handful of values each, such as lanes, states and outcomes; never an incident, a person or a channel.
"""

import math

from prometheus_client import Counter, Gauge
from sqlalchemy import func
from sqlmodel import select

from incidents import punctuality, records, store
from incidents.context import Context
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane

OUTBOX = Gauge("sitrep_outbox_rows", "Notices that have not left.", ("state", "lane"))
OLDEST = Gauge("sitrep_outbox_oldest_seconds", "How long ago the oldest notice that may go was due.", ("lane",))
OPEN = Gauge("sitrep_open_incidents", "Open incidents, by severity.", ("severity",))
OVERDUE = Gauge("sitrep_overdue_timers", "Timers that are due and have not fired.")
OLDEST_TIMER = Gauge("sitrep_oldest_timer_seconds", "How long ago the oldest timer that has not fired was due.")
LATE = Gauge("sitrep_delivery_late", "1 while notices leave later than late_after allows.")
READY = Gauge("sitrep_ready", "1 while /readyz answers 200.")
SWEEP = Gauge("sitrep_sweep_age_seconds", "How long ago due timers were last looked for.")
DECLARED = Counter("sitrep_incidents_declared_total", "Incidents declared by this process.", ("severity",))
STEPS = Counter("sitrep_steps_total", "Steps of responses, by what became of them.", ("outcome",))

_STATES = ("waiting", "pending", "sending")
_OUTCOMES = {
    EventKind.STEP_STARTED: "started",
    EventKind.STEP_DONE: "done",
    EventKind.STEP_FAILED: "failed",
    EventKind.STEP_TAKEN_OVER: "taken_over",
}


def listen(store_: store.Store) -> None:
    """Count what happens in this process."""

    async def count_step(_: store.Tx, __: records.Incident, event: records.Event) -> None:
        STEPS.labels(_OUTCOMES[event.kind]).inc()

    async def count_declared(_: store.Tx, incident: records.Incident, __: records.Event) -> None:
        DECLARED.labels(incident.severity.value).inc()

    for kind in _OUTCOMES:
        store_.react(kind, count_step)
    store_.react(EventKind.DECLARED, count_declared)


async def refresh(ctx: Context) -> None:
    """Bring the gauges up to date."""
    incident = records.Incident
    async with ctx.store.read() as session:
        found = await punctuality.measure(session, ctx.clock)
        opened = await session.execute(
            select(incident.severity, func.count()).where(incident.status == Status.OPEN).group_by(incident.severity)
        )
        severities = {Severity(severity): int(count) for severity, count in opened.all()}
    for lane in Lane:
        for state in _STATES:
            OUTBOX.labels(state, lane.name.lower()).set(found.waiting.get((state, lane), 0))
        oldest = found.oldest.get(lane)
        OLDEST.labels(lane.name.lower()).set(oldest.total_seconds() if oldest else 0)
    OVERDUE.set(found.overdue_timers)
    OLDEST_TIMER.set(found.oldest_timer.total_seconds())
    LATE.set(bool(found.trouble(ctx.settings.late_after)))
    for severity in Severity:
        OPEN.labels(severity.value).set(severities.get(severity, 0))


def forget() -> None:
    """Say of what the database knows that it is not known now."""
    unknown = math.nan
    for lane in Lane:
        OLDEST.labels(lane.name.lower()).set(unknown)
        for state in _STATES:
            OUTBOX.labels(state, lane.name.lower()).set(unknown)
    for severity in Severity:
        OPEN.labels(severity.value).set(unknown)
    for gauge in (OVERDUE, OLDEST_TIMER, LATE):
        gauge.set(unknown)
