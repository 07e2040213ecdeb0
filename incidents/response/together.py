"""Acts that come in the same instant share one transaction: its beginning and its commit are paid once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import structlog

S = TypeVar("S")
T = TypeVar("T")

log = structlog.get_logger(__name__)


class CutOff(Exception):
    """The transaction ended before anybody knew what came of it: an act in it was cancelled, or all work was."""


class Together(Generic[S]):
    """Does acts on one session or transaction, those that came meanwhile on the next; none takes another with it.

    When one fails, its transaction is rolled back and each act is done anew, alone. So an act changes rows only, and
    leaves to the commit what cannot be taken back. None of them is cut off when whoever waits for it is.
    """

    def __init__(
        self,
        open_: Callable[[], AbstractAsyncContextManager[S]],
        *,
        most: int,
        side_by_side: int = 1,
        alone: Callable[[], AbstractAsyncContextManager[S]] | None = None,
        last: Callable[[S], Awaitable[None]] | None = None,
    ) -> None:
        self._open = open_
        self._open_alone = alone or open_  #: for an act that is done anew
        self._most = most  #: acts in one transaction: whoever declares meanwhile waits for them all
        self._side_by_side = side_by_side  #: transactions at once
        self._last = last  #: done after the acts, where none has failed
        self._waiting: deque[tuple[Callable[[S], Awaitable[Any]], asyncio.Future[Any]]] = deque()
        self._working: list[asyncio.Task[None]] = []

    async def do(self, act: Callable[[S], Awaitable[T]]) -> T:
        """Do `act`, and return what it returned once that is committed.

        Raises:
            Exception: what the act raised, or the commit.
            CutOff: whatever it shared the transaction with was cancelled.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((act, done))
        self._working = [task for task in self._working if not task.done()]
        if len(self._working) < self._side_by_side:
            self._working.append(asyncio.create_task(self._work(), name="together"))
        return await done

    async def _work(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            try:
                await self._do(batch)
            except BaseException:  # an act was cancelled, or this is: nobody waits for what never comes
                for _, done in (*batch, *self._waiting):
                    if not done.done():
                        done.set_exception(CutOff())
                self._waiting.clear()
                raise

    async def _do(self, batch: list[tuple[Callable[[S], Awaitable[Any]], asyncio.Future[Any]]]) -> None:
        try:
            results = await self._all([act for act, _ in batch])
        except Exception:
            if len(batch) > 1:
                log.warning("done_one_by_one", acts=len(batch), exc_info=True)
            for act, done in batch:
                await self._alone(act, done)
        else:
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)

    async def _all(self, acts: list[Callable[[S], Awaitable[Any]]]) -> list[Any]:
        async with self._open() as session:
            results = [await act(session) for act in acts]
            if self._last is not None:
                await self._last(session)
        return results

    async def _alone(self, act: Callable[[S], Awaitable[Any]], done: asyncio.Future[Any]) -> None:
        try:
            async with self._open_alone() as session:
                result = await act(session)
        except Exception as error:  # noqa: BLE001 - whose act it was hears of it
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(result)
