"""How what people wait for grows from 10 to 100,000 past incidents, with 500 open and 10,000 timers at every size.

On SQLite and on PostgreSQL, each beside itself at the smallest size.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable

from bot import gauges
from bot.surfaces import home, room
from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from escalation import timers
from escalation.timers import Timers
from incidents import loading, migrations, outbox_queries, sending
from incidents.catalog import Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.service import declare, finding
from incidents.store import Store
from tests.benchmarks import history, stage
from tests.benchmarks.report import Line
from tests.processes import database_on, postgres_server

SIZES = (10, 1_000, 100_000)
OPEN, TIMERS = 500, 10_000
_ROUNDS, _STARTS = 9, 3
_READER = "U0P007"

#: What is asked -> its limit at the largest size (ms), and how often the time at 10 it may take there. Search looks at
#: every incident that holds the words, a fifteenth of all; nothing else may depend on history.
_ASKED: dict[str, tuple[float, float]] = {
    "/incident list": (300, 2),
    "App Home": (300, 4),
    "search": (300, 200),
    "live card": (300, 2),
    "duplicate guard": (300, 2),
    "sweep for due timers and notices": (100, 3),
    "/metrics": (300, 3),
}
_START_LIMIT_MS, _START_GROWTH = 3000, 1.5


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return each question's median at each size, beside the same question at the smallest, on both databases."""
    found: dict[int, dict[str, float]] = {}
    for past in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            found[past] = await _at(running, ava, past, f"sqlite+aiosqlite:///{folder}/sitrep.db")
    lines = _lines("SQLite", found)
    with postgres_server() as server:
        for past in SIZES:
            async with database_on(server) as url:
                found[past] = await _at(running, ava, past, url)
    return [*lines, *_lines("PostgreSQL", found)]


async def _at(running: Workspace, ava: Person, past: int, url: str) -> dict[str, float]:
    """Return the median ms of each question, and of a start, with so many past incidents."""
    medians, starts = await _questions(url, past), []
    for _ in range(_STARTS):
        async with stage.sitrep(running, ava, DATABASE_URL=url) as started:
            starts.append(started.seconds * 1000)
        await ava.wait_until_app_left(stage.SITREP)
    return {**medians, "cold start to connected": statistics.median(starts)}


def _lines(name: str, found: dict[int, dict[str, float]]) -> list[Line]:
    limits = {**_ASKED, "cold start to connected": (_START_LIMIT_MS, _START_GROWTH)}
    lines = []
    for what, (most_ms, growth) in limits.items():
        for past in SIZES[1:]:
            largest = past == SIZES[-1]
            at = f"{what}, {past:,} past incidents, {name}"
            value, baseline = found[past][what], found[SIZES[0]][what]
            against = f"{SIZES[0]} past incidents"
            lines.append(Line(at, value, "ms", growth if largest else None, baseline, against))
            if largest:
                lines.append(Line(at, value, "ms", most_ms, baseline, against, "value"))
    return lines


async def _questions(url: str, past: int) -> dict[str, float]:
    store = Store(url, SystemClock())
    await migrations.upgrade(store)
    await history.write(store, history.Size(past, OPEN, TIMERS))
    library, _ = loading.load(loading.templates_root(), None)
    ctx = Context(store, store.clock, library, Settings())
    asked = _questions_of(ctx, past)
    medians = {what: await _median_ms(asked[what]) for what in _ASKED}
    await store.close()
    return medians


def _questions_of(ctx: Context, past: int) -> dict[str, Callable[[], Awaitable[object]]]:
    async def listing() -> None:
        async with ctx.store.read() as session:
            await home.listing(session, ctx, _READER)

    async def app_home() -> None:
        async with ctx.store.read() as session:
            await home.draw(session, ctx, _READER)

    async def search() -> None:
        async with ctx.store.read() as session:
            await finding.search(session, "checkout slow")

    async def card() -> None:
        async with ctx.store.read() as session:
            await room.live_card(session, ctx, past + 1)

    async def guard() -> None:
        async with ctx.store.read() as session:
            await declare.recent_like(session, "checkout", "checkout is slow", ctx.clock.now())

    async def sweep() -> None:
        await timers.fire_due(ctx.store, Timers())
        async with ctx.store.transaction() as tx:
            await sending.candidates(tx, 60, roads={"slack"})
        async with ctx.store.read() as session:
            await outbox_queries.next_due(session, after=ctx.clock.now())

    asked = (listing, app_home, search, card, guard, sweep, lambda: gauges.refresh(ctx))
    return dict(zip(_ASKED, asked, strict=True))


async def _median_ms(ask: Callable[[], Awaitable[object]]) -> float:
    await ask()  # what is compiled and cached once
    taken = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0)
    return statistics.median(taken)
