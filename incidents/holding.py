"""Holding an incident while one decides on it, beside writers in other processes."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import records

HOLDS = "holds incidents"  #: marks the sessions that must: those that write on PostgreSQL
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's word for a lock that was not had in time

# The key stays: rows that refer to the incident can still be added beside us.
_OF_STEP = (
    select(records.Incident)
    .join(records.Run, col(records.Run.incident_id) == col(records.Incident.id))
    .join(records.Step, col(records.Step.run_id) == col(records.Run.id))
    .where(col(records.Step.id) == bindparam("step"))
    .with_for_update(key_share=True, of=records.Incident)
    .execution_options(populate_existing=True)
)


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
    if not holds(session) or _is_held(session, incident_id):
        return await session.get(records.Incident, incident_id)
    before = _as_read(session)
    held = await session.get(records.Incident, incident_id, with_for_update={"key_share": True})
    if held is not None:
        await _hold(session, held, before)
    return held


async def incident_of_step(session: AsyncSession, step_id: int) -> None:
    """Hold the incident of a step as `incident` does, in one statement."""
    if not holds(session):
        return
    before = _as_read(session)
    held = await session.scalar(_OF_STEP, {"step": step_id})
    if held is not None and not _is_held(session, held.number):
        await _hold(session, held, before)


def note_new(session: AsyncSession, declared: records.Incident) -> None:
    """Note that an incident is held because it is declared here: before the commit nobody else sees it."""
    session.info["incident", declared.number] = declared


def _is_held(session: AsyncSession, incident_id: int) -> bool:
    return ("incident", incident_id) in session.info


def _as_read(session: AsyncSession) -> list[object]:
    return [each for each in session if not session.is_modified(each)]


async def _hold(session: AsyncSession, held: records.Incident, before: Iterable[object]) -> None:
    session.info["incident", held.number] = held  # the row itself: what nobody has in hand the session forgets
    for each in before:  # what was read while somebody else held the incident may have changed
        if each is not held:
            await session.refresh(each)
