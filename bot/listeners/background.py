"""Work that goes on after the ack; kept, so that it is neither lost to the garbage collector nor at shutdown."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

#: Pieces of work at once. More would not end sooner, and the acks of a burst would wait among them: of 200 clicks at
#: once the slowest took 3.5 times as long as a bare Bolt app's, with turns 1.0 times.
AT_ONCE = 8


class Background:
    """Tasks that were started and not awaited."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._in_turns: set[asyncio.Task[Any] | None] = set()
        self.stopping = asyncio.Event()  #: what would go on for long comes to its end

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` beside whatever comes next, a few at a time and in the order in which they came."""
        self.watch(self._in_turn(work))

    async def _in_turn(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await self._turns.acquire()
            self._in_turns.add(asyncio.current_task())
            try:
                await work
            finally:
                self.leave()
        finally:
            work.close()  # at shutdown it may not have had its turn

    def leave(self) -> None:
        """Leave the turn in which this is called, where it is in one, to others: from here on it mostly waits."""
        task = asyncio.current_task()
        if task in self._in_turns:
            self._in_turns.remove(task)
            self._turns.release()

    def watch(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run `work` that mostly waits; it takes nobody's turn."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def rest(self, seconds: float) -> None:
        """Return after `seconds`, or as soon as Sitrep stops."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def drain(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for what is under way and for what that begins, then cancel the rest."""
        self.stopping.set()
        until = time.monotonic() + timeout
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(list(self._tasks), timeout=left)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
