"""Decisions that people make at the same moment: each payload taken in once, those that wait together in one commit."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from weakref import WeakValueDictionary

from incidents import inbound, store
from incidents.errors import SitrepError
from incidents.response.together import Together
from incidents.turns import Turn

#: Decisions in one transaction: all of them wait for the last one's, each some 0.4 ms, and every commit has the card
#: drawn anew, which costs as much as fifty of them.
_MOST = 100

T = TypeVar("T")


class SeenBefore(Exception):
    """This payload was taken in already: a retry or a redelivery, which changes nothing and is not answered."""


class _Open:
    """An open transaction, and the keys of the decisions in it."""

    def __init__(self, tx: store.Tx, *, keys_last: bool) -> None:
        self.tx = tx
        self.keys_last = keys_last  #: whether all keys are taken in at the end, with one statement
        self.keys: list[str] = []


class Sharing:
    """One transaction for decisions that wait for their turn at the same moment.

    Each finds what came of those before it, as if they had committed one by one; when one is refused or fails, each is
    made anew, alone. Where writers stand side by side it is for decisions on one incident only: nobody holds two at
    once (see `holding`).
    """

    def __init__(self, store_: store.Store) -> None:
        self._store = store_
        self._together: WeakValueDictionary[int, Together[_Open]] = WeakValueDictionary()

    async def do(self, key: str, incident_id: int, act: Callable[[store.Tx], Awaitable[T]]) -> T:
        """Make a decision and take `key` in with it; returns what `act` returned once that is committed.

        Raises:
            SeenBefore: it was taken in before.
        """

        async def decide(open_: _Open) -> T:
            if open_.keys_last:
                open_.keys.append(key)
            elif not await inbound.first_time(open_.tx, key):
                raise SeenBefore
            result = await act(open_.tx)
            await self._store.hear(open_.tx)
            return result

        return await self._of(incident_id).do(decide)

    def _of(self, incident_id: int) -> Together[_Open]:
        name = incident_id if self._store.supports_skip_locked else 0
        together = self._together.get(name)
        if together is None:
            together = self._together[name] = Together(
                self._opened, most=_MOST, alone=self._opened_alone, refusals=(SitrepError, SeenBefore)
            )
        return together

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[_Open]:
        async with self._store.transaction(turn=Turn.FIRST) as tx:
            # One writer takes them all in with one statement at the end, and a second look tells whose was seen before.
            # Several would wait for each other: for the incident whoever has the key, for the key who has the incident.
            open_ = _Open(tx, keys_last=not self._store.supports_skip_locked)
            yield open_
            if open_.keys and not await inbound.first_time(tx, *open_.keys):
                raise SeenBefore

    @asynccontextmanager
    async def _opened_alone(self) -> AsyncIterator[_Open]:
        async with self._store.transaction(turn=Turn.FIRST) as tx:
            yield _Open(tx, keys_last=False)  # before it acts: what it finds may be what it did itself
