"""The campaign tells the ends that it causes from those that a process finds by itself."""

from pathlib import Path

from tests.processes import Sitrep
from tests.torture.campaign import Campaign
from tests.torture.points import Blow, Kill, Point, Stir

_NAMED, _RANDOM = Kill(Point.COMMITTED, "INSERT INTO incident"), Kill(Point.RANDOM)


async def test_end_that_nobody_caused_is_a_fault_and_no_kill(tmp_path: Path) -> None:
    program = tmp_path / "falling.py"
    async with Campaign(1, tmp_path, "sqlite", database_url=f"sqlite+aiosqlite:///{tmp_path}/sitrep.db") as campaign:
        fallen = Sitrep(tmp_path, campaign.sitrep.variables, program="falling", code=tmp_path)
        campaign.sitrep, report = fallen, campaign.report
        program.write_text("raise SystemExit('the disk is gone')")
        for kill in (_NAMED, _RANDOM):
            await campaign.strike(Blow(kill, Stir.LOOK, 0.0))
        assert (report.kills, report.reached.total(), report.missed, report.is_good) == (0, 0, [], False)
        assert report.faults == [
            "Sitrep ended with 1 before it was killed (committed INSERT INTO incident):\nthe disk is gone",
            "Sitrep ended with 1 before it was killed (random):\nthe disk is gone\nthe disk is gone",
        ]
        program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")  # as the trap does
        for kill in (_NAMED, _RANDOM):
            await campaign.strike(Blow(kill, Stir.LOOK, 0.0))
        assert (report.kills, report.reached) == (1, {Point.COMMITTED: 1})
        assert report.faults[2].startswith("Sitrep ended with -9 before it was killed (random)")
        program.write_text("import time; time.sleep(60)")  # it does not stop as Sitrep stops
        await fallen.start()
        await campaign.end_life(0.0)
        assert report.faults[3].startswith("Sitrep ended with -15 when it was asked to stop")
        await campaign.end_life(0.0)
        assert report.faults[4].startswith("Sitrep ended with -15 by itself")
        await fallen.__aexit__()
