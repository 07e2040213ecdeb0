"""Three replicas, and what happens to them: whoever is told is told once, and by whom does not matter."""

import asyncio
from pathlib import Path

import pytest

from tests.replicas.fleet import declaring, fleet
from tests.replicas.punctual import LONGEST_SECONDS, Lateness

pytestmark = pytest.mark.torture


@pytest.mark.timeout(300)
async def test_replicas_that_die_freeze_or_lose_the_database_lose_and_double_nothing(
    postgres: str, tmp_path: Path
) -> None:
    async with fleet(postgres, tmp_path) as ships:
        await ships.launch("dies", "freezes", "cut")
        async with declaring(ships, every_seconds=4):
            await ships.until("SELECT 1 FROM incident", lambda rows: len(rows) >= 3)
            await ships.replicas["dies"].kill()
            ships.replicas["freezes"].freeze()
            await asyncio.sleep(10)
            ships.replicas["freezes"].thaw()
            await ships.gates["cut"].cut()
            await ships.replicas["cut"].until(lambda checks: checks.get("database", "ok") != "ok")
            await ships.gates["cut"].mend()
            await ships.replicas["cut"].ready()
            ships.gates["cut"].silence()
            await asyncio.sleep(6)  # longer than PostgreSQL keeps a transaction whose owner says nothing
            await ships.gates["cut"].mend()
            await ships.replicas["cut"].ready()
        await ships.promises_fired()
        await ships.settled()
        reckoning, late = await ships.reckon(), Lateness.of(await ships.lateness())
    assert reckoning.is_even, reckoning
    assert reckoning.incidents >= 3
    # Beside other tests the machine's own slowness counts; `python -m tests.replicas` holds the limits themselves.
    assert late.longest < 2 * LONGEST_SECONDS
