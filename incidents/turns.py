"""The line of those who want to write: one at a time, whom people wait for first."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum


class Turn(IntEnum):
    """Who writes first when several want to."""

    FIRST = 0  #: somebody waits in front of a screen, or for a page
    USUAL = 1


class Turns:
    """The one writer's place: handed to whoever has the first turn, among equals to who came first."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[Turn, int, asyncio.Future[None]]] = []
        self._came = itertools.count()

    @asynccontextmanager
    async def take(self, turn: Turn) -> AsyncIterator[None]:
        """Wait for the place and hold it."""
        if self._taken:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (turn, next(self._came), waiter))
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._hand_on()  # it came to us in the moment in which we stopped wanting it
                raise
        self._taken = True
        try:
            yield
        finally:
            self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken = False
