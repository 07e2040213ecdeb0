"""Holding an incident while one decides on it, beside writers in other processes."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from incidents import records

HOLDS = "holds incidents"  #: marks the sessions that must: those that write on PostgreSQL
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's word for a lock that was not had in time


class Held(Exception):
    """Somebody else held the incident for longer than the caller would wait."""


async def incident_soon(session: AsyncSession, incident_id: int, wait: timedelta) -> records.Incident | None:
    """Return the incident as `incident` does, waiting no longer than `wait` for whoever holds it; PostgreSQL only.

    Raises:
        Held: it took longer; the transaction is of no further use.
    """
    milliseconds = int(wait.total_seconds() * 1000)
    await session.execute(text(f"SET LOCAL lock_timeout = {milliseconds}"))
    try:
        found = await incident(session, incident_id)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", "") == _LOCK_NOT_AVAILABLE:
            raise Held from error
        raise
    await session.execute(text("SET LOCAL lock_timeout = 0"))
    return found


def holds(session: AsyncSession) -> bool:
    """Return whether this session holds the incidents it decides on: it writes, beside other writers."""
    return bool(session.info.get(HOLDS))


async def incident(session: AsyncSession, incident_id: int) -> records.Incident | None:
    """Return the incident; a write transaction holds it until it ends, as if the incident had one writer.

    Whoever decides on an incident takes it first, and steps, timers and notices of it after that: in this order nobody
    waits for somebody who waits for him.
    """
    if not holds(session) or ("incident", incident_id) in session.info:
        return await session.get(records.Incident, incident_id)
    before = [each for each in session if not session.is_modified(each)]
    # Rows that refer to the incident can still be added beside us: its key stays.
    held = await session.get(records.Incident, incident_id, with_for_update={"key_share": True})
    session.info["incident", incident_id] = True
    for each in before:  # what was read while somebody else held the incident may have changed
        await session.refresh(each)
    return held
