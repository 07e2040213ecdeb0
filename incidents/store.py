"""The database: transactions, and what is woken when one commits.

One transaction writes a state change, its event, its timers and its outbox rows. Whoever must act on an event is a
reactor: it runs in the same transaction, before the commit, and may write more. Nothing here talks to the network.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

from incidents import database, holding, newborn, records, store_errors
from incidents.clock import Clock
from incidents.events import EventKind
from incidents.notices import Notice
from incidents.turns import Turn, Turns

#: Topics that a commit can wake.
OUTBOX, STEPS, TIMERS, VIEWS = "outbox", "steps", "timers", "views"
DELIVERED = "delivered"  #: a notice arrived
RUN_BEGUN = "run begun"  #: a response began; its room is being opened

_LAST_SECONDS = 5.0  # that `close` waits for sessions that are still open: no longer than a writer waits for its turn

Reactor = Callable[["Tx", records.Incident, records.Event], Awaitable[None]]

_EVENTS = records.Event.metadata.tables["event"]
_APPEND = insert(_EVENTS).returning(_EVENTS.c.id)

_ROWS = "rows"  # what a session's info holds of rows, which the session itself holds weakly


def remember(session: AsyncSession, row: object) -> None:
    """Keep a row that nobody else changes before this transaction ends: asked for again, it is not read again."""
    _remember(session.sync_session, row)


class _Remembering(newborn.Making):
    """A session that forgets no row it has read: what a transaction asks for again is not read again."""


@sqlalchemy_event.listens_for(_Remembering, "loaded_as_persistent")
@sqlalchemy_event.listens_for(_Remembering, "pending_to_persistent")
def _remember(session: Session, row: object) -> None:
    session.info.setdefault(_ROWS, []).append(row)


class Tx:
    """One open transaction: a session, its time, and the events recorded in it."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self.session = session
        self.now = now  #: UTC; one time for the whole transaction
        self.wakes: set[str] = set()
        self.offered: list[int] = []  #: steps that became ready
        self.drawn: list[tuple[int | None, Notice]] = []  #: notices to put at last (see outbox)
        self.said: dict[str, tuple[str, str, str]] = {}  #: what the last notice put under a word says (see outbox)
        self._unheard: deque[tuple[records.Incident, records.Event]] = deque()
        self._lasts: deque[Callable[[], Awaitable[None]]] = deque()
        self._following: list[Callable[[], None]] = []
        self._afterwards: list[Callable[[], None]] = []
        self._stored = False

    async def record(
        self,
        incident: records.Incident,
        kind: EventKind,
        *,
        actor: str = "",
        at: datetime | None = None,
        **data: Any,
    ) -> records.Event:
        """Append an event of `incident` and return it; reactors hear it before the commit, in order."""
        if self.session.new:  # what it tells of stands before it, and has its number
            await self.session.flush()
        written: dict[str, Any] = {
            "incident_id": incident.number,
            "kind": kind,
            "actor": actor,
            "at": at or self.now,
            "recorded_at": self.now,
            "data": data,
        }
        # Past the session: nothing changes an event, and to watch over it cost as much again as to write it.
        event = records.Event(id=await self.session.scalar(_APPEND, written), **written)
        if kind is EventKind.DECLARED:
            newborn.declared(self.session, incident.number)
            holding.note_new(self.session, incident)
        if newborn.is_new(self.session, incident.number):
            newborn.recorded(self.session, event)
        self._unheard.append((incident, event))
        return event

    def wake(self, *topics: str) -> None:
        """Wake these topics once the transaction has committed."""
        self.wakes.update(topics)

    def offer(self, step_id: int) -> None:
        """Let whoever has hands free take up this step, which is ready, once the transaction has committed."""
        self.offered.append(step_id)

    def at_last(self, act: Callable[[], Awaitable[None]]) -> None:
        """Call `act` once every event was heard; it may still write."""
        self._lasts.append(act)

    def then(self, follow: Callable[[], None]) -> None:
        """Call `follow` once the transaction has committed."""
        self._following.append(follow)

    def once_over(self, act: Callable[[], None]) -> None:
        """Call `act` once the transaction is over, whether it was committed or not; after what follows a commit."""
        self._afterwards.append(act)

    async def commit(self) -> None:
        """Store everything."""
        await self.session.commit()
        self._stored = True

    def over(self) -> frozenset[str]:
        """Do what was to follow; returns the topics to wake: none where nothing was stored."""
        try:
            if not self._stored:
                return frozenset()
            for follow in self._following:
                follow()
            if self.offered:
                self.wake(STEPS)
            return frozenset(self.wakes)
        finally:
            for act in self._afterwards:
                act()

    async def settle(self, reactors: dict[EventKind, list[Reactor]]) -> None:
        """Let every reactor hear every event, those that reactors record included; then do what comes last."""
        while self._unheard or self._lasts:
            await self.hear(reactors)
            if self._lasts:
                await self._lasts.popleft()()

    async def hear(self, reactors: dict[EventKind, list[Reactor]]) -> None:
        """Let every reactor hear what was recorded so far; what comes last waits for the end."""
        while self._unheard:
            incident, event = self._unheard.popleft()
            for react in reactors.get(event.kind, ()):
                await react(self, incident, event)


class Store:
    """The database of one installation."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.engine = database.engine(url)
        self._sqlite = self.engine.dialect.name == "sqlite"
        if self._sqlite:  # one writer: it needs no lock, and what it has read stays so until it ends
            of_kind: dict[str, Any] = {"sync_session_class": _Remembering}
            reading: dict[str, Any] = {"sitrep_read": True}
        else:
            of_kind = {"sync_session_class": newborn.Making, "info": {holding.HOLDS: True}}
            # Each statement sees what is committed by then, also in a transaction: to begin and end one were two trips.
            reading = {"isolation_level": "AUTOCOMMIT"}
        self._writes = async_sessionmaker(self.engine, expire_on_commit=False, **of_kind)
        self._reads = async_sessionmaker(self.engine.execution_options(**reading), expire_on_commit=False)
        # SQLite has one writer: taking turns here beats its busy handler's back-off (p99 55 ms at 10 writers).
        self._turns = Turns()
        self._hurried = 0  # transactions that somebody waits for
        self._lull = asyncio.Event()
        self._open = 0  # sessions, and those who wait for one
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._closed = False
        self._reactors: dict[EventKind, list[Reactor]] = {}
        self._lasts: list[Callable[[Tx], Awaitable[None]]] = []
        self._wakers: list[Callable[[frozenset[str]], None]] = []

    def react(self, kind: EventKind, reactor: Reactor) -> None:
        """Let `reactor` hear every event of `kind`, inside the transaction that records it."""
        self._reactors.setdefault(kind, []).append(reactor)

    def before_commit(self, last: Callable[[Tx], Awaitable[None]]) -> None:
        """Call `last` at the end of each transaction, when all reactors have been heard; it may still write."""
        self._lasts.append(last)

    def on_commit(self, waker: Callable[[frozenset[str]], None]) -> None:
        """Call `waker` with the topics to wake after each commit that woke any."""
        self._wakers.append(waker)

    @property
    def supports_skip_locked(self) -> bool:
        """Whether rows can be claimed beside other replicas (PostgreSQL)."""
        return not self._sqlite

    @asynccontextmanager
    async def transaction(self, *, turn: Turn = Turn.USUAL) -> AsyncIterator[Tx]:
        """Open a write transaction; commits at the end, rolls back on any exception.

        Raises:
            DatabaseTrouble: the store was closed.
        """
        tx: Tx | None = None
        try:
            async with self._counted():
                with self._waited_for(turn):
                    async with self._turns.take(turn) if self._sqlite else contextlib.nullcontext():
                        tx = Tx(self._writes(), self.clock.now())
                        async with tx.session:
                            yield tx
                            await self._finish(tx)
        finally:  # also where somebody is cancelled who has committed: what was stored is followed up
            topics = tx.over() if tx is not None else frozenset()
            for waker in self._wakers if topics else ():
                waker(topics)

    @contextlib.contextmanager
    def _waited_for(self, turn: Turn) -> Iterator[None]:
        self._hurried += turn is Turn.FIRST
        self._lull.clear()
        try:
            yield
        finally:
            self._hurried -= turn is Turn.FIRST
            if not self._hurried:
                self._lull.set()

    async def lull(self, timeout: float) -> None:
        """Return when nobody waits in front of a screen for a commit, or after `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._hurried:
                    await self._lull.wait()

    async def hear(self, tx: Tx) -> None:
        """Let what `tx` recorded be heard now: whoever decides next in it finds what came of it, as after a commit."""
        await tx.hear(self._reactors)

    async def _finish(self, tx: Tx) -> None:
        await tx.settle(self._reactors)
        for last in self._lasts:
            await last(tx)
            await tx.settle(self._reactors)
        await tx.commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; it never waits for a writer on SQLite (WAL).

        Raises:
            DatabaseTrouble: the store was closed.
        """
        async with self._counted(), self._reads() as session:
            yield session

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        """Count who uses the database, those in line to write among them."""
        if self._closed:
            raise store_errors.DatabaseTrouble("Sitrep is being restarted.", remedy="Try again in a minute.")
        self._open += 1
        self._none_open.clear()
        try:
            yield
        finally:
            await self._left()

    async def _left(self) -> None:
        self._open -= 1
        if self._open:
            return
        self._none_open.set()
        if self._closed:  # whoever leaves outlasted the closing, which could not close this connection
            await self.engine.dispose()

    async def close(self) -> None:
        """Close all connections, once those that are in use are back; whoever wants one later is refused.

        One that is not back within five seconds is closed by whoever uses it, when that ends.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                while self._open:  # again: somebody may have begun since the last one woke us
                    await self._none_open.wait()
        self._closed = True
        if not self._open:
            await self.engine.dispose()
