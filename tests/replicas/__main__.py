"""The long proof of several replicas: `python -m tests.replicas --rounds 6 --seed 7` prints what came of each round."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.processes import postgres_server
from tests.replicas.fleet import Fleet, declaring, fleet
from tests.replicas.punctual import HEALTHY_SECONDS, LOST_SECONDS, Lateness
from tests.replicas.reckoning import Reckoning

NAMES = ("a", "b", "c")
_LOAD_SECONDS = 30.0
#: Three people declare, in turns: faster, and Slack's limits on posts are what is measured.
_EACH_SECONDS = 15.0


async def killed(ships: Fleet, name: str) -> None:
    """Kill, and start again some seconds later."""
    await ships.replicas[name].kill()
    await asyncio.sleep(5)
    await ships.replicas[name].start()
    await ships.replicas[name].ready(90)


async def frozen(ships: Fleet, name: str) -> None:
    """Freeze for 10 s."""
    ships.replicas[name].freeze()
    await asyncio.sleep(10)
    ships.replicas[name].thaw()


async def cut_off(ships: Fleet, name: str) -> None:
    """Break every connection to the database, refuse new ones for 10 s."""
    await ships.gates[name].cut()
    await asyncio.sleep(10)
    await ships.gates[name].mend()


async def unheard(ships: Fleet, name: str) -> None:
    """Let nothing through to the database for 10 s, connections staying open."""
    ships.gates[name].silence()
    await asyncio.sleep(10)
    await ships.gates[name].mend()


async def restarted(ships: Fleet, name: str) -> None:
    """Restart as a deploy does."""
    await ships.replicas[name].stop()
    await ships.replicas[name].start()
    await ships.replicas[name].ready(90)


Fault = Callable[[Fleet, str], Awaitable[None]]
FAULTS: tuple[Fault | None, ...] = (None, killed, frozen, cut_off, unheard, restarted)


async def go(server: str, rounds: int, seed: int) -> bool:
    """Run the rounds, one fault each; returns whether everything owed arrived once, and in time."""
    chance, holds = random.Random(seed), True  # noqa: S311 - a seeded choice of faults
    say(
        "round fault      incidents notices lost doubled unowed failed unended"
        "   p50     p99     max  seconds late, p99 to be under"
    )
    for number in range(rounds):
        fault = FAULTS[number % len(FAULTS)]
        found, late = await _round(server, fault, chance.choice(NAMES))
        spread, healthy = Lateness.of(late), fault is None
        missed = spread.missed(healthy=healthy)
        holds = holds and found.is_even and not missed
        wrong = f"{len(found.lost):4} {len(found.doubled):7} {len(found.unowed):6} {len(found.failed):6}"
        counts = f"{found.incidents:9} {len(late):7} {wrong} {len(found.unended):7}"
        times = f"{spread.p50:7.3f} {spread.p99:7.3f} {spread.longest:7.3f}"
        limit = f"{HEALTHY_SECONDS if healthy else LOST_SECONDS:g}: {'MISSED' if missed else 'holds'}"
        say(f"{number + 1:5} {fault.__name__ if fault else 'none':10} {counts} {times}  {limit}")
        for what in (*found.findings, *missed):
            say(f"      {what}")
    return holds


async def _round(server: str, fault: Fault | None, name: str) -> tuple[Reckoning, list[float]]:
    """Return what came of people declaring while `fault` happens to one replica, and how late each promise was."""
    with tempfile.TemporaryDirectory(prefix="sitrep-replicas-") as folder:
        async with fleet(server, Path(folder)) as ships:
            await ships.launch(*NAMES)
            async with declaring(ships, _EACH_SECONDS, apart_seconds=_EACH_SECONDS / 3):
                await ships.until("SELECT 1 FROM incident", lambda rows: len(rows) >= 3)
                if fault is not None:
                    await fault(ships, name)
                await asyncio.sleep(_LOAD_SECONDS)
            await ships.promises_fired(180)
            await ships.settled(180)
            return await ships.reckon(), await ships.lateness()


def say(line: str) -> None:
    """Write for whoever waits."""
    print(line, flush=True)  # noqa: T201 - a program for a terminal


def main() -> int:
    """Run from the command line; 1 when something was lost, doubled or too late."""
    parser = argparse.ArgumentParser(prog="python -m tests.replicas", description=__doc__)
    parser.add_argument("--rounds", type=int, default=len(FAULTS))
    parser.add_argument("--seed", type=int, default=7)
    wanted = parser.parse_args()
    say("PostgreSQL with fsync=on: what is committed is on the disk.")
    with postgres_server() as server:
        return 0 if asyncio.run(go(server, wanted.rounds, wanted.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
