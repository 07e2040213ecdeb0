"""`python -m tests.benchmarks [acks] [channel] [footprint]`: what the product promises about speed and size, measured.

Every number stands beside its baseline from the same run. With --check a missed limit gives exit code 1.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import acks, footprint, stage, usable_channel
from tests.benchmarks.report import Line

BENCHMARKS: dict[str, Callable[[Workspace, Person], Awaitable[list[Line]]]] = {
    "footprint": footprint.measure,
    "channel": usable_channel.measure,
    "acks": acks.measure,
}


async def run(names: list[str]) -> bool:
    """Print every measurement; returns whether all held."""
    held = True
    for name in names:
        async with stage.workspace() as running, stage.person(running) as ava:
            for line in await BENCHMARKS[name](running, ava):
                print(line, flush=True)  # noqa: T201 - that is the purpose
                held = held and line.holds
    return held


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHMARKS), help="default: all")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    held = asyncio.run(run(arguments.names or list(BENCHMARKS)))
    sys.exit(1 if arguments.check and not held else 0)


main()
