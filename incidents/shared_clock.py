"""One clock for all replicas: the database's, carried on by each machine's seconds.

Who lives a minute ahead of the others takes their leases for run out: it would post what they are posting, and ring
every timer a minute early. A machine's clock that is set moves nothing here: its seconds since its start nobody sets.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from incidents import store_errors
from incidents.clock import Clock

_EVERY_SECONDS = 10.0  # less than half of the shortest lease (25 s): within it a database's set clock is followed
_LOOK_SECONDS = 1.0  # how soon it is noticed that the machine's clock was set: it may have slept, and its seconds too
_TOLERATED = timedelta(seconds=1)  # leases bear it; what is less may be the way to the database and back

log = structlog.get_logger(__name__)


class SharedClock:
    """The machine's clock, or the database's where several replicas share one (PostgreSQL)."""

    def __init__(self, own: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._own = own
        self._seconds = seconds  #: counts on however the machine's clock is set
        self._read: tuple[datetime, float] | None = None  # the database's time, and at which of our seconds
        self._compared_at = seconds()
        self._own_began = self._own_start()

    def now(self) -> datetime:
        """Return the time that all replicas share (UTC)."""
        if self._read is None:
            return self._own.now()
        there, counted = self._read
        return there + timedelta(seconds=self._seconds() - counted)

    async def compare(self, engine: AsyncEngine) -> None:
        """Look at the database's clock, and go by it from now on; on SQLite there is no other.

        Raises:
            SQLAlchemyError: one of `store_errors.TROUBLE`, the database is away; the clock goes on as it went.
        """
        if engine.dialect.name == "sqlite":
            return
        async with engine.connect() as connection:
            self._compared_at = asked_at = self._seconds()
            there = await database_time(connection)
            took = self._seconds() - asked_at
        if took > _TOLERATED.total_seconds():
            return  # the loop or the database was busy: that tells nothing
        counted = asked_at + took / 2
        ahead = self.now() - timedelta(seconds=self._seconds() - counted) - there
        if self._read is None or abs(ahead) > _TOLERATED:
            self._read = there, counted
        if abs(ahead) > _TOLERATED:
            log.warning("the clock differs from the database's", ahead_seconds=round(ahead.total_seconds(), 1))

    async def keep(self, engine: AsyncEngine, stopping: asyncio.Event) -> None:
        """Compare again and again until `stopping`; never cut off, which would cost a connection."""
        while not stopping.is_set() and engine.dialect.name != "sqlite":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _LOOK_SECONDS)
                return
            was_set, self._own_began = self._was_set(), self._own_start()
            if not was_set and self._seconds() - self._compared_at < _EVERY_SECONDS:
                continue
            try:
                await self.compare(engine)
            except store_errors.TROUBLE as error:
                log.warning("the database's clock cannot be read; trying again", why=str(store_errors.explain(error)))

    def _own_start(self) -> datetime:
        """Return when our seconds began by the machine's clock, which moves only when that is set."""
        return self._own.now() - timedelta(seconds=self._seconds())

    def _was_set(self) -> bool:
        return abs(self._own_start() - self._own_began) > _TOLERATED


async def database_time(connection: AsyncConnection) -> datetime:
    """Return the database's time (UTC)."""
    there: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return there
