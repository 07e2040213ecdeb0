"""What stands in the outbox: a row and what came of it, what is due next, who waits at which place."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import records
from incidents.definitions import Severity
from incidents.notices import Action, Lane

_TRIES = select(func.sum(records.Outbox.attempts)).where(records.Outbox.coalesce == bindparam("word"))


async def was_put(session: AsyncSession, key: str) -> bool:
    """Return whether a notice of this key was put, whatever became of it."""
    return await session.scalar(select(records.Outbox.id).where(records.Outbox.key == key)) is not None


async def find(session: AsyncSession, key: str) -> records.Outbox | None:
    """Return the row `key`, or None."""
    found: records.Outbox | None = await session.scalar(select(records.Outbox).where(records.Outbox.key == key))
    return found


async def tries(session: AsyncSession, coalesce: str) -> int:
    """Return how often a row with this `coalesce` word was begun, whatever came of it and in whatever process."""
    return int(await session.scalar(_TRIES, {"word": coalesce}) or 0)


async def result_of(session: AsyncSession, key: str) -> dict[str, Any] | None:
    """Return what came of the row `key`, or None when it is not done."""
    found: dict[str, Any] | None = await session.scalar(
        select(records.Outbox.result).where(records.Outbox.key == key, records.Outbox.state == "done")
    )
    return found


async def next_due(session: AsyncSession, *, after: datetime) -> datetime | None:
    """Return when, later than `after`, the next row may go or the next lease runs out (UTC), or None."""
    row = records.Outbox
    pending = await session.scalar(
        select(func.min(row.not_before)).where(row.state == "pending", col(row.not_before) > after)
    )
    leased = await session.scalar(
        select(func.min(row.lease_until)).where(row.state == "sending", col(row.lease_until) > after)
    )
    return min((due for due in (pending, leased) if due is not None), default=None)


def urgency() -> tuple[Any, ...]:
    """Return by what rows take turns: their lane, the severity of their incident, how long they have been there."""
    return col(records.Outbox.lane), _severity_rank(), col(records.Outbox.id)


def _severity_rank() -> ColumnElement[int]:
    # What belongs to no incident, an App Home, comes last.
    return case(
        *((col(records.Incident.severity) == severity, rank) for rank, severity in enumerate(Severity)),
        else_=len(Severity),
    )


async def place_in_line(session: AsyncSession, incident: records.Incident, action: Action) -> int:
    """Return at which place, counted from 1, the incident waits for `action`, or 0 where it does not wait for it."""
    row = records.Outbox
    found = await session.scalars(
        select(col(row.incident_id))
        .join(records.Incident, col(records.Incident.id) == col(row.incident_id))
        .where(col(row.state) == "pending", row.action == action.value)
        .order_by(*urgency())
    )
    waiting = list(found.all())
    return waiting.index(incident.id) + 1 if incident.id in waiting else 0


async def pages_out(session: AsyncSession, incident: records.Incident) -> tuple[int, int]:
    """Return how many of the incident's pages have left, and how many there are."""
    row = records.Outbox
    states = await session.scalars(
        select(row.state).where(
            row.incident_id == incident.id,
            row.lane == Lane.PAGE.value,
            col(row.state).not_in(("dropped", "superseded")),
        )
    )
    found = list(states.all())
    return found.count("done"), len(found)
