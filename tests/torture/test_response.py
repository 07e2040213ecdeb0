"""One response, its Sitrep killed in the middle of each thing it does to the code: all is done, and done once."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.integration.agents.shop import Shop
from tests.processes import database_on
from tests.torture import commander, town
from tests.torture.campaign import Campaign
from tests.torture.points import Blow, Kill, Point, Stir

pytestmark = pytest.mark.torture

TITLE = "Old carts answer 500"
_KILLS = (
    Kill(Point.CARRYING, ""),
    Kill(Point.SPAWNED, r"^git", 4),
    Kill(Point.WRITING, "INSERT INTO approval"),
    Kill(Point.COMMITTING, "UPDATE approval"),
    Kill(Point.COMMITTED, "UPDATE approval"),
    Kill(Point.SPAWNED, "worktree add"),
    Kill(Point.SPAWNED, "git .*revert --no-commit"),
    Kill(Point.SPAWNED, "unittest"),
    Kill(Point.SPAWNED, "unittest", 2),
    Kill(Point.COMMITTING, "step_done"),
    Kill(Point.SPAWNED, r"deploy\.py"),
)
#: What another database may do otherwise: steps are queued there, and incidents are held.
_ON_POSTGRESQL = (
    Kill(Point.CARRYING, ""),
    Kill(Point.WRITING, "INSERT INTO approval"),
    Kill(Point.COMMITTING, "UPDATE approval"),
    Kill(Point.COMMITTED, "UPDATE approval"),
    Kill(Point.COMMITTING, "step_done"),
    Kill(Point.SPAWNED, r"deploy\.py"),
)
_OF_A_MITIGATION = (
    Kill(Point.COMMITTED, "mitigation_chosen"),
    Kill(Point.COMMITTING, "UPDATE approval"),
    Kill(Point.COMMITTED, "UPDATE step SET begun="),  # written down, not begun
    Kill(Point.SPAWNED, r"deploy\.py 1 "),
    Kill(Point.COMMITTING, r"(?s)step_done.*['\"]0\.1['\"]"),
)
_FINISHED_SECONDS = 150.0


class Response(Campaign):
    """A campaign of one incident, about a service that can be mended."""

    finished = "SELECT 1 FROM incident WHERE deployed_at IS NOT NULL"
    patience = 25.0  #: seconds until a turn is reached

    def __init__(self, folder: Path, shop: Shop, url: str, **more: Any) -> None:
        service = shop.service()
        described = {
            "title": service.title,
            "repository": service.repository,
            "logs": list(service.logs),
            "deploys": service.deploys,
            "production": {
                "deploy": list(service.production.deploy),
                "rollback": list(service.production.rollback),
                "watch": "1s",
            },
            "tests": {"command": list(service.tests.command)},
            "runbook": town.BOOKMARKS["Runbook"],
            "war_room": town.BOOKMARKS["War room"],
            **more,
        }
        super().__init__(
            3, folder, make_url(url).get_backend_name(), database_url=url, services={"checkout": described}
        )

    async def _stir(self, stir: Stir) -> None:
        await commander.decide(self.folk.people["ana"], await self._room())

    async def _room(self) -> str:
        """Declare it, take the command, and return its channel once it is there."""
        await self.folk.declare(TITLE, "critical")
        return await self._led()

    async def _led(self) -> str:
        """Take the command, and return the channel once it is there."""
        await self.folk.command(
            "ana", "acknowledge", "ack inc-1", "SELECT 1 FROM incident WHERE acknowledged_at IS NOT NULL"
        )
        rows = await self.record.rows("SELECT channel FROM incident WHERE channel != ''")
        while not rows:
            await asyncio.sleep(0.3)
            rows = await self.record.rows("SELECT channel FROM incident WHERE channel != ''")
        return str(rows[0]["channel"])

    async def finish(self) -> None:
        """Let the response go on undisturbed until it is `finished`."""
        up = await self._start(None)
        deciding = asyncio.create_task(self._stir(Stir.NOTHING))
        until = time.monotonic() + _FINISHED_SECONDS
        while time.monotonic() < until and not await self.record.has(self.finished):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.5)
        deciding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await deciding
        await self.end_life(up)


class Mitigation(Response):
    """The same, and users are relieved by the release before."""

    # And the response waits for people: a step that is given back, and left out when it is resolved, has no end.
    finished = (
        "SELECT 1 FROM step WHERE name = '0.1' AND state = 'done'"
        " AND NOT EXISTS (SELECT 1 FROM step WHERE state IN ('ready', 'running'))"
    )

    async def _stir(self, stir: Stir) -> None:
        channel = await self._room()
        chosen = "SELECT 1 FROM event WHERE kind = 'mitigation_chosen'"
        await self.folk.command("ana", "mitigate", "mitigate inc-1 rollback", chosen)
        await commander.decide(self.folk.people["bo"], channel, ["Approve and do it"])


@pytest.mark.timeout(600)
async def test_mitigation_that_is_killed_at_every_turn_puts_the_release_back_once(tmp_path: Path) -> None:
    await _puts_back_once(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/sitrep.db")


@pytest.mark.timeout(600)
async def test_mitigation_on_postgresql_that_is_killed_at_every_turn_puts_the_release_back_once(
    tmp_path: Path, postgres: str
) -> None:
    async with database_on(postgres) as url:
        await _puts_back_once(tmp_path, url)


@pytest.mark.timeout(600)
async def test_response_that_is_killed_at_every_turn_deploys_the_fix_once(tmp_path: Path) -> None:
    await _deploys_once(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/sitrep.db", _KILLS)


@pytest.mark.timeout(600)
async def test_response_on_postgresql_that_is_killed_at_every_turn_deploys_the_fix_once(
    tmp_path: Path, postgres: str
) -> None:
    async with database_on(postgres) as url:
        await _deploys_once(tmp_path, url, _ON_POSTGRESQL)


async def _puts_back_once(tmp_path: Path, url: str) -> None:
    releases = await _released(Mitigation, tmp_path, url, _OF_A_MITIGATION)
    assert releases == {"1": 2, "2": 1}  # once before, once put back


async def _deploys_once(tmp_path: Path, url: str, kills: Iterable[Kill]) -> None:
    assert await _released(Response, tmp_path, url, kills) == {"1": 1, "2": 1, "3": 1}


async def _released(made: type[Response], tmp_path: Path, url: str, kills: Iterable[Kill]) -> Counter[str]:
    """Kill at each turn, let it finish, and return how often each release went out."""
    shop = Shop(tmp_path / "shop")
    shop.broken()
    async with made(tmp_path, shop, url) as response:
        await lived_through(response, kills)
    return Counter(json.loads(line)["release"] for line in shop.deploys.read_text().splitlines())


async def lived_through(response: Response, kills: Iterable[Kill]) -> None:
    """Kill at each turn, let it finish, and check that every turn was reached and nothing lost or doubled."""
    for kill in kills:
        await response.strike(Blow(kill, Stir.DECLARE, 31.0), patience=response.patience)
    await response.finish()
    await response.settle()
    report = response.report
    states = {
        row["name"]: (row["state"], row["error"])
        for row in await response.record.rows("SELECT name, state, error FROM step")
    }
    assert (report.missed, report.faults) == ([], []), states
    verdict = report.verdict
    assert (verdict.lost, verdict.doubled, verdict.unowed) == ([], [], []), states
