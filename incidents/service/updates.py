"""Status updates: sending the regular ones, putting one off, posting one out of turn.

When they are due, and who hears them, is decided by reactors of these events; the words come from incidents.drafting.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import update as sql_update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import drafting, lengths, records, store
from incidents.context import Context
from incidents.drafting import FIELDS
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.service import queries, respond

#: What a field of an update may hold; with it all five stay below a section block's 3,000 characters.
MAX_FIELD = 1000

WAITING = ("planned", "drafted")
_SETTLED = ("sent", "no_change", "missed")

#: Slots of updates out of turn begin with this word.
EXTRA = "extra-"


async def draft(session: AsyncSession, ctx: Context, incident_id: int) -> dict[str, str]:
    """Return the next update as the rows tell it: condition, impact, done, next, needs."""
    incident = await queries.get(session, incident_id)
    before = await last_settled(session, incident_id)
    return await drafting.draft(session, ctx, incident, since=before.sent_at if before else None)


async def waiting(session: AsyncSession, incident_id: int) -> records.StatusUpdate | None:
    """Return the update that is due next, or None where none is promised."""
    found: records.StatusUpdate | None = await session.scalar(
        select(records.StatusUpdate)
        .where(records.StatusUpdate.incident_id == incident_id, col(records.StatusUpdate.state).in_(WAITING))
        .order_by(col(records.StatusUpdate.due_at))
        .limit(1)
    )
    return found


async def last_settled(session: AsyncSession, incident_id: int) -> records.StatusUpdate | None:
    """Return the newest update that went out, by whatever hand, or None."""
    found: records.StatusUpdate | None = await session.scalar(
        select(records.StatusUpdate)
        .where(records.StatusUpdate.incident_id == incident_id, col(records.StatusUpdate.state).in_(_SETTLED))
        .order_by(col(records.StatusUpdate.sent_at).desc(), col(records.StatusUpdate.id).desc())
        .limit(1)
    )
    return found


async def send(
    tx: store.Tx, ctx: Context, update_id: int, actor: str, fields: Mapping[str, str] | None = None
) -> records.StatusUpdate:
    """Send the update with `fields`, or as it was drafted; before its draft lies ready it is one out of turn.

    Raises:
        Conflict: it went out already (says by whom), or the incident is not open.
        InvalidInput: the condition is empty, or a field is too long.
    """
    row, incident = await _ready(tx, *await _to_send(tx, update_id))
    words = checked(fields or row.fields or await draft(tx.session, ctx, incident.number))
    return await _settle(tx, incident, row, actor, "sent", words)


async def no_change(tx: store.Tx, ctx: Context, update_id: int, actor: str) -> records.StatusUpdate:
    """Send that nothing has changed since the last update.

    Raises:
        Conflict: it went out already (says by whom), or the incident is not open.
    """
    del ctx
    row, incident = await _ready(tx, *await _to_send(tx, update_id))
    before = await last_settled(tx.session, incident.number)
    return await _settle(tx, incident, row, actor, "no_change", before.fields if before else row.fields)


async def snooze(tx: store.Tx, ctx: Context, update_id: int, actor: str, until: datetime) -> records.StatusUpdate:
    """Put this one update off to `until` (UTC); the ones after it stay where they are.

    Raises:
        Conflict: it went out already, or the incident is not open.
        InvalidInput: `until` has passed, or the next update is due before.
    """
    row, incident = await _to_send(tx, update_id)
    if until <= tx.now:
        raise InvalidInput("This time has passed.", remedy="Choose one to come, or send the update now.", field="until")
    every = ctx.library.policies.regular_updates.frequency.get(incident.severity)
    if every is not None and until >= slot_time(row.slot) + every:
        raise InvalidInput(
            f"The update after it is due at {slot_time(row.slot) + every:%Y-%m-%d %H:%M} UTC.",
            remedy="Choose an earlier time, or send “no change”.",
            field="until",
        )
    row.due_at = incident.next_update_at = until = max(until, slot_time(row.slot))
    tx.session.add_all([row, incident])
    await tx.record(
        incident, EventKind.UPDATE_SNOOZED, actor=actor, slot=row.slot, update=row.id, until=until.isoformat()
    )
    tx.wake(store.VIEWS)
    return row


async def post_now(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, fields: Mapping[str, str], *, after: int | None = None
) -> records.StatusUpdate:
    """Send an update now. Where a draft lies ready this is that update; else it is one out of turn.

    `after` is the newest update that had gone out when its words were begun, 0 for none; None does not ask.

    Raises:
        Conflict: the incident is not open, or another update went out since `after`; says by whom.
        InvalidInput: the condition is empty, or a field is too long.
    """
    del ctx
    incident = await respond.open_incident(tx, incident_id)
    newest = await last_settled(tx.session, incident_id)
    if after is not None and newest is not None and newest.number != after:
        raise Conflict(f"An update was sent{_by(newest)} meanwhile.", remedy="`/incident update` writes another one.")
    words = checked(fields)
    current = await waiting(tx.session, incident_id)
    row = current if current is not None and current.state == "drafted" else await out_of_turn(tx, incident)
    return await _settle(tx, incident, row, actor, "sent", words)


async def out_of_turn(tx: store.Tx, incident: records.Incident) -> records.StatusUpdate:
    """Add an update that belongs to no slot of the cadence."""
    row = records.StatusUpdate(
        incident_id=incident.number, slot=f"{EXTRA}{tx.now:%Y-%m-%dT%H:%M:%S.%f}", due_at=tx.now, state="drafted"
    )
    tx.session.add(row)
    await tx.session.flush()
    row.slot = f"{EXTRA}{row.number}"
    return row


def slot_name(at: datetime) -> str:
    """Return the name of the slot at `at` (UTC): `2026-11-21T10:30:00Z`; with a fraction where a drill needs one."""
    fraction = f".{at.microsecond:06d}" if at.microsecond else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def slot_time(slot: str) -> datetime:
    """Return when the slot called `slot` falls due by the cadence (UTC)."""
    return datetime.fromisoformat(slot)


async def _to_send(tx: store.Tx, update_id: int) -> tuple[records.StatusUpdate, records.Incident]:
    row = await tx.session.get(records.StatusUpdate, update_id)
    if row is None:
        raise NotFound("There is no such status update.", remedy="`/incident update` writes one now.")
    if row.state not in WAITING:
        raise Conflict(f"This update was already sent{_by(row)}.", remedy="`/incident update` writes another one.")
    incident = await queries.get(tx.session, row.incident_id)
    if incident.status is not Status.OPEN:
        raise Conflict(f"{incident.key} is already {incident.status}; its last update went out.")
    return row, incident


def _by(row: records.StatusUpdate) -> str:
    by = f" by <@{row.sent_by}>" if row.sent_by else " by Sitrep"
    return by + (f" at {row.sent_at:%Y-%m-%d %H:%M} UTC" if row.sent_at else "")


async def _ready(
    tx: store.Tx, row: records.StatusUpdate, incident: records.Incident
) -> tuple[records.StatusUpdate, records.Incident]:
    # Long before it is due a slot is not used up: people were promised to hear at that time.
    return (row if row.state == "drafted" else await out_of_turn(tx, incident)), incident


async def _settle(
    tx: store.Tx,
    incident: records.Incident,
    row: records.StatusUpdate,
    actor: str,
    state: str,
    fields: Mapping[str, str],
) -> records.StatusUpdate:
    await tx.session.flush()
    changed = await tx.session.execute(
        sql_update(records.StatusUpdate)
        .where(col(records.StatusUpdate.id) == row.id, col(records.StatusUpdate.state).in_(WAITING))
        .values(state=state, fields=dict(fields), sent_at=tx.now, sent_by=actor)
    )
    await tx.session.refresh(row)
    if not changed.rowcount:  # type: ignore[attr-defined]
        await _to_send(tx, row.number)
    await tx.record(
        incident,
        EventKind.UPDATE_SENT,
        actor=actor,
        slot=row.slot,
        update=row.id,
        fields=dict(fields),
        no_change=state == "no_change",
    )
    tx.wake(store.VIEWS)
    return row


def checked(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the words of an update as they may go out.

    Raises:
        InvalidInput: the condition is empty, or a field is too long.
    """
    said = {name: lengths.checked(fields.get(name, ""), MAX_FIELD, field=name) for name in FIELDS}
    if not said["condition"]:
        raise InvalidInput("The condition is empty.", remedy="Say in one sentence how it stands.", field="condition")
    return said
