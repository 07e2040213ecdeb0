"""One clock for all replicas: the database's, by which each sets its machine's right.

Who lives a minute ahead of the others takes their leases for run out: it would post what they are posting, and ring
every timer a minute early.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from incidents import store_errors
from incidents.clock import Clock

_EVERY_SECONDS = 10.0  # less than half of the shortest lease (25 s): a clock that was set is set right before it counts
_TOLERATED = timedelta(seconds=1)  # leases bear it; what is less may be the way to the database and back

log = structlog.get_logger(__name__)


class SharedClock:
    """The machine's clock, set right by the database's where several replicas share one (PostgreSQL)."""

    def __init__(self, own: Clock) -> None:
        self._own = own
        self.ahead = timedelta()  #: the machine's clock before the database's, when it was last looked at

    def now(self) -> datetime:
        """Return the time that all replicas share (UTC)."""
        return self._own.now() - self.ahead

    async def compare(self, engine: AsyncEngine) -> None:
        """Look at the database's clock, and go by it from now on; on SQLite there is no other.

        Raises:
            DBAPIError: the database is away; the clock goes on as it went.
        """
        if engine.dialect.name == "sqlite":
            return
        async with engine.connect() as connection:
            asked_at = self._own.now()
            there = await database_time(connection)
            took = self._own.now() - asked_at
        if not timedelta() <= took <= _TOLERATED:
            return  # the loop was busy, or the clock was set meanwhile: that tells nothing
        ahead = asked_at + took / 2 - there
        if abs(ahead - self.ahead) > _TOLERATED:
            log.warning(
                "the machine's clock differs from the database's", ahead_seconds=round(ahead.total_seconds(), 1)
            )
            self.ahead = ahead

    async def keep(self, engine: AsyncEngine, stopping: asyncio.Event) -> None:
        """Compare again and again until `stopping`; never cut off, which would cost a connection."""
        while not stopping.is_set() and engine.dialect.name != "sqlite":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _EVERY_SECONDS)
                return
            try:
                await self.compare(engine)
            except DBAPIError as error:
                log.warning("the database's clock cannot be read; trying again", why=str(store_errors.explain(error)))


async def database_time(connection: AsyncConnection) -> datetime:
    """Return the database's time (UTC)."""
    there: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return there
