"""Three replicas, and what happens to them: whoever is told is told once, and by whom does not matter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.replicas.fleet import REPORTERS, Fleet, fleet, p99

LEASE_SECONDS = 30.0  # what a dead replica had in hand is nobody's for so long


@asynccontextmanager
async def declaring(ships: Fleet, every_seconds: float) -> AsyncIterator[None]:
    """Have several people declare incidents, again and again, meanwhile."""

    async def declare(reporter: str) -> None:
        for number in range(1000):
            await ships.declare(f"Checkout returns {500 + number}s, says {reporter}", reporter)
            await asyncio.sleep(every_seconds)

    work = [asyncio.create_task(declare(reporter)) for reporter in REPORTERS]
    try:
        yield
    finally:
        for each in work:
            each.cancel()
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


async def test_a_killed_and_a_frozen_replica_lose_and_double_nothing(postgres: str, tmp_path: Path) -> None:
    async with fleet(postgres, tmp_path) as ships:
        await ships.launch("a", "b", "c")
        async with declaring(ships, every_seconds=4):
            await ships.until("SELECT 1 FROM incident", lambda rows: len(rows) >= 3)
            await ships.replicas["a"].kill()
            ships.replicas["b"].freeze()
            await asyncio.sleep(10)
            ships.replicas["b"].thaw()
        await ships.promises_fired()
        await ships.settled()
        reckoning = await ships.reckon()
        late = await ships.lateness()
    assert reckoning.is_even, reckoning
    assert reckoning.incidents >= 3
    assert p99(late) < LEASE_SECONDS + 5, late[-20:]


async def test_a_replica_cut_off_from_the_database_leaves_its_work_to_the_others_and_returns(
    postgres: str, tmp_path: Path
) -> None:
    async with fleet(postgres, tmp_path) as ships:
        await ships.launch("a", "b", "c")
        async with declaring(ships, every_seconds=4):
            await ships.until("SELECT 1 FROM incident", lambda rows: len(rows) >= 3)
            await ships.gates["a"].cut()
            await ships.replicas["a"].until(lambda checks: checks.get("database", "ok") != "ok")
            await ships.gates["a"].mend()
            await ships.replicas["a"].ready()
            ships.gates["b"].silence()
            await asyncio.sleep(6)  # longer than PostgreSQL keeps a transaction whose owner says nothing
            await ships.gates["b"].mend()
            await ships.replicas["b"].ready()
        await ships.promises_fired()
        await ships.settled()
        reckoning = await ships.reckon()
        failed = await ships.rows("SELECT name, error FROM step WHERE state = 'failed'")
    assert reckoning.is_even, reckoning
    assert failed == []
