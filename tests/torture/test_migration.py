"""A process that is killed while it changes the database's shape leaves a database that the next one finishes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.workspace.server import Workspace
from tests.processes import Sitrep, database_on, slack_variables
from tests.torture import town
from tests.torture.points import Kill, Point

pytestmark = pytest.mark.torture

_KILLS = (
    Kill(Point.WRITING, "CREATE TABLE", 4),
    Kill(Point.WRITING, "CREATE INDEX|ALTER TABLE", 2),
    Kill(Point.COMMITTING, "alembic_version"),
    Kill(Point.COMMITTED, "alembic_version"),
)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/sitrep.db"
        return
    async with database_on(request.getfixturevalue("postgres")) as database:
        yield database


@pytest.mark.timeout(300)
async def test_migration_that_was_killed_is_finished_by_the_next_start(url: str, tmp_path: Path) -> None:
    town.write_configuration(tmp_path / "config")
    async with Workspace(town.slack_config()) as workspace:
        variables = slack_variables(workspace.api_url, DATABASE_URL=url, SITREP_CONFIG=tmp_path / "config")
        sitrep = Sitrep(tmp_path, variables, program="tests.torture.launcher")
        ends = []
        for kill in _KILLS:
            sitrep.variables["TORTURE_KILL"] = kill.written()
            await sitrep.start()
            assert sitrep.process is not None
            ends.append(await sitrep.process.wait())
        sitrep.variables["TORTURE_KILL"] = ""
        async with sitrep:
            await sitrep.ready()
            assert await sitrep.stop() == 0
    assert ends == [-9] * len(_KILLS), sitrep.log[-2000:]
