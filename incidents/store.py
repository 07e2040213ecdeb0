"""The database: engines, transactions, and what is woken when one commits.

One transaction writes a state change, its event, its timers and its outbox rows. Whoever must act on an event is a
reactor: it runs in the same transaction, before the commit, and may write more. Nothing here talks to the network.
"""

import asyncio
import contextlib
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from incidents import records, sqlite_line
from incidents.clock import Clock
from incidents.events import EventKind

#: Topics that a commit can wake.
OUTBOX, STEPS, TIMERS, VIEWS = "outbox", "steps", "timers", "views"
DELIVERED = "delivered"  #: a notice arrived
RUN_BEGUN = "run begun"  #: a response began; its room is being opened

_BUSY_TIMEOUT_MS = 5000  # how long SQLite waits for another process's write before it gives up
_LAST_SECONDS = 5.0  # that `close` waits for sessions that are still open: no longer than a writer waits for its turn
_IDLE_IN_TRANSACTION = "5s"  # PostgreSQL ends transactions that somebody forgot; ours hold no network call

#: How PostgreSQL is connected to: a server that vanished without a word is noticed within about 10 s, not after the
#: quarter of an hour that the operating system would take.
PATIENCE: dict[str, str | int] = {
    "options": f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION}",
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 4,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}

_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's word for a lock that was not had in time
_HOLDS = "holds incidents"  # marks sessions that write on PostgreSQL

Reactor = Callable[["Tx", records.Incident, records.Event], Awaitable[None]]


_NEW = "new incidents"  # what a session's info knows of incidents declared in it: their events so far


def is_new(session: AsyncSession, incident_id: int) -> bool:
    """Return whether the incident was declared in this transaction: of it is stored what this one stored, no more."""
    return incident_id in session.info.get(_NEW, {})


def events_of_new(session: AsyncSession, incident_id: int) -> list[records.Event]:
    """Return the events of an incident that is new, as they were recorded."""
    return list(session.info[_NEW][incident_id])


class Turn(IntEnum):
    """Who writes first when several want to."""

    FIRST = 0  #: somebody waits in front of a screen, or for a page
    USUAL = 1


class _Turns:
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


class Tx:
    """One open transaction: a session, its time, and the events recorded in it."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self.session = session
        self.now = now  #: UTC; one time for the whole transaction
        self.wakes: set[str] = set()
        self.offered: list[int] = []  #: steps that became ready
        self.said: dict[str, tuple[str, str, str]] = {}  #: what the last notice put under a word says (see outbox)
        self._unheard: deque[tuple[records.Incident, records.Event]] = deque()
        self._following: list[Callable[[], None]] = []

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
        event = records.Event(
            incident_id=incident.number, kind=kind, actor=actor, at=at or self.now, recorded_at=self.now, data=data
        )
        self.session.add(event)
        await self.session.flush()
        if kind is EventKind.DECLARED:
            self.session.info[_NEW] = {**self.session.info.get(_NEW, {}), incident.number: []}
        if is_new(self.session, incident.number):
            self.session.info[_NEW][incident.number].append(event)
        self._unheard.append((incident, event))
        return event

    def wake(self, *topics: str) -> None:
        """Wake these topics once the transaction has committed."""
        self.wakes.update(topics)

    def offer(self, step_id: int) -> None:
        """Let whoever has hands free take up this step, which is ready, once the transaction has committed."""
        self.offered.append(step_id)
        self.wake(STEPS)

    def then(self, follow: Callable[[], None]) -> None:
        """Call `follow` once the transaction has committed."""
        self._following.append(follow)

    def committed(self) -> None:
        """Do what was to follow the commit."""
        for follow in self._following:
            follow()

    async def settle(self, reactors: dict[EventKind, list[Reactor]]) -> None:
        """Let every reactor hear every event, those that reactors record included."""
        while self._unheard:
            incident, event = self._unheard.popleft()
            for react in reactors.get(event.kind, ()):
                await react(self, incident, event)


class Store:
    """The database of one installation."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.clock = clock
        self.engine = _engine(url)
        self._sqlite = self.engine.dialect.name == "sqlite"
        # SQLite has one writer, and needs no lock beside that.
        mark = {} if self._sqlite else {_HOLDS: True}
        self._writes = async_sessionmaker(self.engine, expire_on_commit=False, info=mark)
        self._reads = async_sessionmaker(self.engine.execution_options(sitrep_read=True), expire_on_commit=False)
        # SQLite has one writer: taking turns here beats its busy handler's back-off (p99 55 ms at 10 writers).
        self._turns = _Turns()
        self._open = 0  # sessions
        self._none_open = asyncio.Event()
        self._none_open.set()
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
        """Open a write transaction; commits at the end, rolls back on any exception."""
        async with self._turns.take(turn) if self._sqlite else contextlib.nullcontext():
            tx = Tx(self._writes(), self.clock.now())
            async with self._counted(), tx.session:
                yield tx
                await self._finish(tx)
        tx.committed()
        if tx.wakes:
            topics = frozenset(tx.wakes)
            for waker in self._wakers:
                waker(topics)

    async def _finish(self, tx: Tx) -> None:
        await tx.settle(self._reactors)
        for last in self._lasts:
            await last(tx)
            await tx.settle(self._reactors)
        await tx.session.commit()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; it never waits for a writer on SQLite (WAL)."""
        async with self._counted(), self._reads() as session:
            yield session

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._open += 1
        self._none_open.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._none_open.set()

    async def close(self) -> None:
        """Close all connections, once those that are in use are back: nobody closes one that comes later."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._none_open.wait(), _LAST_SECONDS)
        await self.engine.dispose()


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
    return bool(session.info.get(_HOLDS))


async def incident(session: AsyncSession, incident_id: int) -> records.Incident | None:
    """Return the incident; a write transaction holds it until it ends, as if the incident had one writer.

    Whoever decides on an incident takes it first, and steps, timers and notices of it after that: in this order nobody
    waits for somebody who waits for him.
    """
    if not holds(session) or ("incident", incident_id) in session.info:
        return await session.get(records.Incident, incident_id)
    before = [each for each in session if not session.is_modified(each)]
    # Rows that refer to the incident can still be added beside us: its key stays.
    held = await session.get(records.Incident, incident_id, with_for_update={"key_share": True})
    session.info["incident", incident_id] = True
    for each in before:  # what was read while somebody else held the incident may have changed
        await session.refresh(each)
    return held


def _engine(url: str) -> AsyncEngine:
    if url.startswith("sqlite"):
        arguments = {"timeout": _BUSY_TIMEOUT_MS / 1000, "async_creator_fn": sqlite_line.connect}
        engine = create_async_engine(url, connect_args=arguments)
        sqlalchemy_event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        sqlalchemy_event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(url, pool_pre_ping=True, connect_args=PATIENCE)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Transactions are begun by us (see _begin_sqlite), not by the driver.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit that was answered survives a power cut
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a write fails at once when another wrote meanwhile (735 of 800 times
    # under load); an immediate one waits its turn (0 of 800).
    read = connection.get_execution_options().get("sitrep_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
