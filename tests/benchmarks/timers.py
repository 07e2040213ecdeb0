"""Timers: 1,000 due in the same second with 10,000 pending, each with a notice committed, beside a heap with no rows.

A timer counts as fired when the transaction that fires it has committed. What is due in one second is due at 1,000
instants of it; the line `at one instant` is the worst case, in which all are due at once.
"""

import asyncio
import heapq
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlmodel import SQLModel

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from escalation.scheduler import AlarmClock
from escalation.timers import Timers
from incidents import outbox, records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.lifecycle import Status
from incidents.notices import Action, Lane, Notice
from incidents.store import OUTBOX, Store, Tx
from tests.benchmarks.report import Line, percentile
from tests.processes import postgres_server

PENDING, DUE, INCIDENTS = 10_000, 1_000, 500
LIMIT_MS = 100.0
_START_LIMIT_MS = 1000.0
_AHEAD = timedelta(seconds=1.5)  # from arming to the first that is due: nothing else happens in between
_PATIENCE_SECONDS = 60


async def measure(_: Workspace, __: Person) -> list[Line]:
    """Return p50, p99 and the longest lateness on SQLite and PostgreSQL, spread over a second and at one instant."""
    lines = []
    for spread in (timedelta(seconds=1), timedelta()):
        bare = await _bare_heap(_offsets(spread))
        with tempfile.TemporaryDirectory() as folder:
            lines += await _on("SQLite", f"sqlite+aiosqlite:///{folder}/sitrep.db", spread, bare)
        with postgres_server() as url:
            lines += await _on("PostgreSQL", url, spread, bare)
    return lines


def _offsets(spread: timedelta) -> list[timedelta]:
    return [spread * number / DUE for number in range(DUE)]


async def _bare_heap(offsets: Sequence[timedelta]) -> list[float]:
    """Return the lateness in ms of each of a heap's entries, with as many entries behind them."""
    start = time.perf_counter() + _AHEAD.total_seconds()
    heap = [start + offset.total_seconds() for offset in offsets]
    heap += [start + 3600 + number for number in range(PENDING - len(heap))]
    heapq.heapify(heap)
    late = []
    while len(late) < len(offsets):
        await asyncio.sleep(max(0.0, heap[0] - time.perf_counter()))
        while heap[0] <= time.perf_counter():
            due = heapq.heappop(heap)
            late.append((time.perf_counter() - due) * 1000)
    return late


async def _on(name: str, url: str, spread: timedelta, bare: Sequence[float]) -> list[Line]:
    store = Store(url, SystemClock())
    try:
        async with store.engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.drop_all)
            await connection.run_sync(SQLModel.metadata.create_all)
            await connection.execute(insert(records.Incident), list(_incidents(store.clock.now())))
        empty = AlarmClock(store, Timers())
        nothing = await _start_ms(empty)
        await empty.stop()
        started, late = await _fire(store, _offsets(spread), PENDING - DUE)
    finally:
        await store.close()
    what = f"{DUE} timers {'in one second' if spread else 'at one instant'}, {name}"
    lines = [
        _beside_heap(f"{what}, p50", percentile(late, 0.5), percentile(bare, 0.5)),
        # Promised is what is due within a second; all at one instant is told.
        _beside_heap(f"{what}, p99", percentile(late, 0.99), percentile(bare, 0.99), LIMIT_MS if spread else None),
        _beside_heap(f"{what}, max", max(late), max(bare)),
    ]
    if spread:
        what, beside = f"  start with {PENDING} pending, {name}", "start with none pending"
        lines.append(Line(what, started, "ms", _START_LIMIT_MS, nothing, beside, "value"))
    return lines


def _beside_heap(what: str, late_ms: float, bare_ms: float, limit_ms: float | None = None) -> Line:
    return Line(what, late_ms, "ms", limit_ms, bare_ms, "heap, no rows", "value")


async def lateness(store: Store, past: int) -> list[float]:
    """Return the lateness in ms of 1,000 timers due within a second, of the open incidents that follow `past` ones."""
    _, late = await _fire(store, _offsets(timedelta(seconds=1)), 0, past)
    return late


async def _fire(store: Store, offsets: Sequence[timedelta], later: int, past: int = 0) -> tuple[float, list[float]]:
    """Return the ms that the alarm clock took to start, and the lateness in ms of each timer.

    `later` more timers are pending, due within the hour; all are of the incidents that follow the first `past` ones.
    """
    start = store.clock.now() + _AHEAD + timedelta(seconds=1)
    await _put_rows(store, start, offsets, later, past)
    watch = _Watch(store)
    store.on_commit(watch.committed)
    timers = Timers()
    timers.on("bench", watch.tell)
    alarms = AlarmClock(store, timers)
    try:
        started = await _start_ms(alarms)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await watch.done.wait()
    finally:
        await alarms.stop()
    return started, watch.late_ms


async def _start_ms(alarms: AlarmClock) -> float:
    began = time.perf_counter()
    await alarms.start()
    return (time.perf_counter() - began) * 1000


async def _put_rows(store: Store, start: datetime, offsets: Sequence[timedelta], later: int, past: int) -> None:
    dues = [start + offset for offset in offsets]
    # The others are due within the hour, so that each of them is a candidate for an alarm.
    dues += [start + timedelta(seconds=60 + number / 4) for number in range(later)]
    async with store.transaction() as tx:
        await tx.session.execute(
            insert(records.Timer),
            [
                {
                    "key": f"inc-{past + number % INCIDENTS + 1}:bench:{start:%H%M%S}:{number}",
                    "incident_id": past + number % INCIDENTS + 1,
                    "kind": "bench",
                    "due_at": due,
                    "state": "pending",
                    "payload": {"number": number},
                }
                for number, due in enumerate(dues)
            ],
        )


def _incidents(now: datetime) -> Iterable[dict[str, Any]]:
    for number in range(INCIDENTS):
        yield {
            "title": f"{number} is broken",
            "severity": Severity.CRITICAL,
            "status": Status.OPEN,
            "reporter": "U0REP",
            "declared_at": now,
        }


@dataclass
class _Watch:
    """Puts one notice for each timer, and notes how late its transaction committed."""

    store: Store
    open: list[datetime] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell(self, tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        notice = Notice(
            key=f"{timer.key}:page", lane=Lane.PAGE, action=Action.DIRECT, target="user:U0ANA", surface="page"
        )
        await outbox.put(tx, incident.id, notice)
        self.open.append(timer.due_at)

    def committed(self, topics: frozenset[str]) -> None:
        if OUTBOX in topics:
            now = self.store.clock.now()
            self.late_ms += [(now - due).total_seconds() * 1000 for due in self.open]
            self.open.clear()
        if len(self.late_ms) >= DUE:
            self.done.set()
