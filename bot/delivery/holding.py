"""Whether a notice is still worth sending, on the rows as they are now."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from incidents import records
from incidents.lifecycle import Status

#: States of an update in which nobody needs to be reminded of it.
_SETTLED = ("sent", "no_change", "missed")


async def why_not(session: AsyncSession, row: records.Outbox, incident: records.Incident | None, now: datetime) -> str:
    """Return why `row` should not be sent any more, or an empty string."""
    if row.expires_at is not None and row.expires_at <= now:
        return "expired before it could be sent"
    if not row.holds_while or incident is None:
        return ""
    if incident.status is not Status.OPEN:
        return f"{incident.key} is {incident.status}"
    kind, _, slot = row.holds_while.partition(":")
    if kind == "unacknowledged" and incident.acknowledged_at is not None:
        return f"{incident.key} was acknowledged"
    if kind == "update":
        state = await session.scalar(
            select(records.StatusUpdate.state).where(
                records.StatusUpdate.incident_id == incident.id, records.StatusUpdate.slot == slot
            )
        )
        if state in _SETTLED:
            return f"the update of {slot} is {state}"
    return ""
