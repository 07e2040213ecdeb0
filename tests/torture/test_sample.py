"""Twenty kills of `sitrep serve`, at points of a seed's choice: nothing is lost, nothing is doubled."""

from pathlib import Path

import pytest

from tests.torture.campaign import Campaign
from tests.torture.points import blows

pytestmark = pytest.mark.long

SEED, KILLS = 11, 20


@pytest.mark.timeout(900)
async def test_twenty_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/sitrep.db"
    async with Campaign(SEED, tmp_path, "sqlite", database_url=url) as campaign:
        report = await campaign.run(blows(SEED, KILLS))
    verdict = report.verdict
    assert (report.kills, report.faults) == (KILLS, [])
    assert sum(report.reached.values()) >= KILLS // 2, report.missed
    assert verdict.owed > 100
    assert (verdict.lost, verdict.doubled, verdict.unowed) == ([], [], [])
    assert report.shown_twice == []
