"""`python -m tests.benchmarks [name …]`: what the product promises about speed and size, measured.

Every number stands beside its baseline from the same run. --json and --plot also write them to a file; with --check a
missed limit gives exit code 1.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import acks, engine, footprint, growth, recovery, report, stage, storm, timers, usable_channel
from tests.benchmarks.report import Line

BENCHMARKS: dict[str, Callable[[Workspace, Person], Awaitable[list[Line]]]] = {
    "footprint": footprint.measure,
    "channel": usable_channel.measure,
    "acks": acks.measure,
    "engine": engine.measure,
    "timers": timers.measure,
    "storm": storm.measure,
    "recovery": recovery.measure,
    "growth": growth.measure,
}


async def run(names: list[str]) -> list[Line]:
    """Print every measurement as it comes, and return them all."""
    lines: list[Line] = []
    for name in names:
        async with stage.workspace() as running, stage.person(running) as ava:
            for line in await BENCHMARKS[name](running, ava):
                print(line, flush=True)  # noqa: T201 - that is the purpose
                lines.append(line)
    return lines


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHMARKS), help="default: all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there (.svg or .png)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    lines = asyncio.run(run(arguments.names or list(BENCHMARKS)))
    if arguments.json:
        arguments.json.write_text(report.as_json(lines) + "\n", encoding="utf-8")
    if arguments.plot:
        report.plot(lines, arguments.plot)
    sys.exit(1 if arguments.check and not all(line.holds for line in lines) else 0)


main()
