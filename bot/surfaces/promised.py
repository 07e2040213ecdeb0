"""Who hears of an incident and when: what was sent, what waits, what was stopped."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from bot.views import card, mrkdwn, overview
from escalation import oncall, policies
from escalation.timers import Kind
from incidents import outbox, records
from incidents.context import Context
from incidents.notices import Action
from incidents.service import queries

#: Sending takes a moment; what left within it was told on time.
_ON_TIME = timedelta(minutes=1)


async def kept(session: AsyncSession, ctx: Context, incident: records.Incident) -> list[overview.Kept]:
    """Return the promises of the matrix, the escalations and the next update, by time."""
    found = await _told(session, incident)
    timers = await session.scalars(
        select(records.Timer)
        .where(records.Timer.incident_id == incident.number, records.Timer.state == "pending")
        .order_by(col(records.Timer.due_at))
    )
    for timer in timers.all():
        what = _coming(ctx, incident, timer)
        if what:
            found.append(overview.Kept(timer.due_at, what, "slack", "due"))
    return sorted(found, key=lambda each: each.at)


def count(deliveries: Sequence[records.Outbox], incident: records.Incident, now: datetime) -> card.Told:
    """Return how the promises of the matrix stand at `now` (UTC), of all of the incident's notices."""
    made = [
        row
        for row in deliveries
        if row.key.startswith(f"{incident.key}:matrix:") and row.action != Action.EDIT.value and row.state != "dropped"
    ]
    fallen_due = [row for row in made if (row.due_at or row.created_at) <= now]
    kept = [
        row
        for row in fallen_due
        if row.state == "done" and row.sent_at and row.sent_at - (row.due_at or row.created_at) <= _ON_TIME
    ]
    on_their_way = [
        row for row in fallen_due if row.state in outbox.ON_ITS_WAY and now - (row.due_at or row.created_at) <= _ON_TIME
    ]
    return card.Told(len(kept), len(fallen_due) - len(on_their_way), len(on_their_way))


async def _told(session: AsyncSession, incident: records.Incident) -> list[overview.Kept]:
    grouped: dict[tuple[str, str, str], overview.Kept] = {}
    for row in await queries.deliveries(session, incident.number):
        audience = row.params.get("audience")
        if not audience or row.action == Action.EDIT.value:
            continue
        due = row.due_at or row.created_at
        person = str(row.params.get("person", ""))
        state, late = _state(row, due)
        what = f"{mrkdwn.said(oncall.called(str(audience)), 60)} {mrkdwn.person(person)}"
        grouped[(row.surface, person, row.road)] = overview.Kept(row.sent_at or due, what, row.road, state, late)
    return list(grouped.values())


def _state(row: records.Outbox, due: datetime) -> tuple[str, timedelta | None]:
    if row.state == "done" and row.sent_at:
        late = row.sent_at - due
        return ("late", late) if late > _ON_TIME else ("told", None)
    if row.state in outbox.ON_ITS_WAY:
        return "due", None
    return ("failed", None) if row.state == "failed" else ("stopped", None)


def _coming(ctx: Context, incident: records.Incident, timer: records.Timer) -> str:
    payload = timer.payload
    if timer.kind == Kind.MATRIX:
        rows = ctx.library.policies.communication_matrix.get(incident.severity, ())
        names = [name for row in rows if row.label == payload.get("label") for name in row.audiences]
        return ", ".join(oncall.called(name) for name in names)
    if timer.kind == Kind.ESCALATE:
        trigger = policies.time_based(ctx.library.policies, str(payload.get("trigger", "")))
        return f":arrow_double_up: {policies.in_words(trigger)}" if trigger else ""
    if timer.kind == Kind.PAGE:
        return f"page level {payload.get('level', '')}, unless somebody acknowledges"
    return "status update" if timer.kind == Kind.UPDATE_DUE else ""
