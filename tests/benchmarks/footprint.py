"""How soon `sitrep serve` is connected, and how much memory it keeps when nothing happens."""

import asyncio
import statistics

import psutil

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import stage
from tests.benchmarks.report import Line

ROUNDS = 3
_IDLE_SECONDS = 3.0
_MEMORY_LIMIT_MB = 150.0
_START_LIMIT_SECONDS = 2.5


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return the median start, and the resident memory after a while of idling."""
    starts, bare_starts, memory, bare_memory = [], [], [], []
    for _ in range(ROUNDS):
        async with stage.bare(running, ava) as bare:
            bare_starts.append(bare.seconds)
            bare_memory.append(psutil.Process(bare.pid).memory_info().rss / 1e6)
        await ava.wait_until_app_left(stage.BARE)
        async with stage.sitrep(running, ava) as started:
            starts.append(started.seconds)
            await asyncio.sleep(_IDLE_SECONDS)
            memory.append(psutil.Process(started.pid).memory_info().rss / 1e6)
        await ava.wait_until_app_left(stage.SITREP)
    bare_median = statistics.median(bare_starts)
    return [
        Line(
            "cold start to connected, median",
            statistics.median(starts),
            "s",
            _START_LIMIT_SECONDS,
            bare_median,
            "bare Bolt app",
            "value",
        ),
        Line("idle memory (resident)", max(memory), "MB", _MEMORY_LIMIT_MB, max(bare_memory), "bare Bolt app", "value"),
    ]
