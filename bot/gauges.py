"""What is measured when somebody asks: how much waits, and for how long."""

from prometheus_client import Gauge
from sqlalchemy import func
from sqlmodel import col, select

from incidents import records
from incidents.context import Context
from incidents.lifecycle import Status

OUTBOX = Gauge("sitrep_outbox_rows", "Notices that have not left, by state.", ("state",))
OLDEST = Gauge("sitrep_outbox_oldest_seconds", "Age of the oldest notice that may go and has not gone.")
OPEN = Gauge("sitrep_open_incidents", "Open incidents, by severity.", ("severity",))
OVERDUE = Gauge("sitrep_overdue_timers", "Timers that are due and have not fired.")

_WAITING = ("waiting", "pending", "sending")


async def refresh(ctx: Context) -> None:
    """Bring the gauges up to date."""
    now = ctx.clock.now()
    outbox, timer, incident = records.Outbox, records.Timer, records.Incident
    async with ctx.store.read() as session:
        waiting = await session.execute(
            select(outbox.state, func.count()).where(col(outbox.state).in_(_WAITING)).group_by(outbox.state)
        )
        counts = {state: int(count) for state, count in waiting.all()}
        oldest = await session.scalar(
            select(func.min(outbox.not_before)).where(outbox.state == "pending", col(outbox.not_before) <= now)
        )
        overdue = await session.scalar(select(func.count()).where(timer.state == "pending", col(timer.due_at) < now))
        opened = await session.execute(
            select(incident.severity, func.count()).where(incident.status == Status.OPEN).group_by(incident.severity)
        )
        severities = {str(severity): int(count) for severity, count in opened.all()}
    for state in _WAITING:
        OUTBOX.labels(state).set(counts.get(state, 0))
    OLDEST.set((now - oldest).total_seconds() if oldest else 0)
    OVERDUE.set(overdue or 0)
    OPEN.clear()
    for severity, count in severities.items():
        OPEN.labels(severity).set(count)
