"""The leases of what one process has under way, prolonged while it is: nobody else takes it for left behind."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection

import structlog

from bot.delivery.trip import Trip
from incidents import leases, sending, store, store_errors

_LOOKS = 24  # while a lease lasts: each finds out whether one is to be prolonged
#: A trip that takes longer is stuck: another process may try. A whole letter takes 130 s at most.
_LONGEST_SECONDS = 180.0

log = structlog.get_logger(__name__)


class Renewal:
    """Prolongs leases."""

    def __init__(self, store_: store.Store, owner: str, under_way: Callable[[], Collection[Trip]]) -> None:
        self._store = store_
        self._owner = owner
        self._under_way = under_way

    async def keep(self, stopping: asyncio.Event) -> None:
        """Look again and again until `stopping`; never cut off, for a transaction may be open."""
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), sending.LEASE.total_seconds() / _LOOKS)
                return
            try:
                await self.renew()
            except store_errors.TROUBLE as error:  # until a lease runs out nobody else takes its row
                log.warning("leases are not prolonged; trying again", why=str(store_errors.explain(error)))
            except Exception:  # the edge of a task
                log.exception("leases could not be prolonged; trying again")

    async def renew(self) -> None:
        """Prolong all leases, once a third of one is over."""
        # From before the question: the lease that it gives is no shorter. Without an answer nothing was prolonged.
        asked_at, lease_seconds = time.monotonic(), sending.LEASE.total_seconds()
        ours = [trip for trip in self._under_way() if trip.seconds_left > 0 and not _is_stuck(trip, asked_at)]
        if all(trip.seconds_left > lease_seconds * 2 / 3 for trip in ours):
            return
        async with self._store.transaction() as tx:
            prolonged = await leases.renew(tx, self._owner, [trip.row for trip in ours])
        for trip in ours:
            if trip.row.number in prolonged:
                trip.renewed_at = asked_at


def _is_stuck(trip: Trip, now: float) -> bool:
    return now - trip.began_at > _LONGEST_SECONDS
