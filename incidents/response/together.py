"""Acts that come in the same instant share one transaction: its beginning and its commit are paid once."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import structlog

from incidents.errors import SitrepError

S = TypeVar("S")
T = TypeVar("T")

log = structlog.get_logger(__name__)


class CutOff(Exception):
    """The transaction ended before anybody knew what came of it: an act in it was cancelled, or all work was.

    To do the act once more is right where it finds by a fence or a key that it was done.
    """


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
        refusals: tuple[type[Exception], ...] = (SitrepError,),
    ) -> None:
        self._open = open_
        self._open_alone = alone or open_  #: for an act that is done anew
        self._most = most  #: acts in one transaction: whoever declares meanwhile waits for them all
        self._side_by_side = side_by_side  #: transactions at once
        self._last = last  #: done after the acts, where none has failed
        self._refusals = refusals  #: what whoever waits for an act is told as a matter of course
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
            # It does the acts of others as well, so what it logs is not about whoever came first.
            work = asyncio.create_task(self._work(), name="together", context=contextvars.Context())
            self._working.append(work)
        return await done

    async def _work(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            try:
                await self._do(batch)
            except BaseException as error:  # nobody waits for what never comes
                # Where one act was cancelled, those that still wait shared nothing with it.
                ends = not isinstance(error, asyncio.CancelledError) or _is_cancelled()
                for _, done in (*batch, *(self._waiting if ends else ())):
                    if not done.done():
                        done.set_exception(CutOff())
                if ends:
                    self._waiting.clear()
                    raise

    async def _do(self, batch: list[tuple[Callable[[S], Awaitable[Any]], asyncio.Future[Any]]]) -> None:
        try:
            results = await self._all([act for act, _ in batch])
        except Exception as error:  # noqa: BLE001 - whose act it was hears of it
            if len(batch) > 1:
                self._note(len(batch), error)
            for act, done in batch:
                await self._alone(act, done)
        else:
            for (_, done), result in zip(batch, results, strict=True):
                if not done.done():
                    done.set_result(result)

    def _note(self, acts: int, error: Exception) -> None:
        if isinstance(error, self._refusals):  # no fault, and what somebody typed stands in its traceback
            log.info("done_one_by_one", acts=acts, why=type(error).__name__)
        else:
            log.warning("done_one_by_one", acts=acts, exc_info=error)

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


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
