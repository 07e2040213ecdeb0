"""When the incident's channel cannot be written to any more: one person in charge hears of it directly."""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.delivery.trip import Trip
from bot.slack_errors import Refusal
from bot.views import parts
from bot.views.message import Message
from incidents import outbox, records, store
from incidents.lifecycle import Role, Status
from incidents.notices import Action, Lane, Notice
from incidents.service import queries

SURFACE = "lost_room"


async def tell(tx: store.Tx, trip: Trip, refusal: Refusal) -> None:
    """Tell the commander, or the reporter where nobody commands, once per incident and cause."""
    incident = trip.incident
    if incident is None or incident.status is not Status.OPEN or trip.place.channel != incident.channel:
        return
    holders = await queries.roles(tx.session, incident.number)
    person = next(iter(holders.get(Role.COMMANDER, ())), incident.reporter)
    notice = Notice(
        key=f"{incident.key}:{SURFACE}:{refusal.error}",
        lane=Lane.DECISION,
        action=Action.DIRECT,
        target=f"user:{person}",
        surface=SURFACE,
        params={"error": str(refusal)},
        holds_while="open",
    )
    await outbox.put(tx, incident.number, notice)


async def draw(session: AsyncSession, row: records.Outbox) -> Message:
    """Return what that person reads."""
    assert row.incident_id is not None, "only an incident has a room"  # noqa: S101 - a fault of ours
    incident = await queries.get(session, row.incident_id)
    name = f"#{incident.channel_name}" if incident.channel_name else "its channel"
    words = f"Sitrep cannot write to {name} any more, so nobody there hears of {incident.key}. {row.params['error']}"
    return parts.message(words, [parts.section(f":warning: {words}")])
