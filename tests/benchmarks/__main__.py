"""`python -m tests.benchmarks [name …]`: what the product promises about speed and size, measured.

Every number stands beside its baseline from the same run. --json and --plot also write them to a file; with --check a
missed limit gives exit code 1. `--only NAME` is the same as NAME, and may be said several times.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bot.serve import settle
from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import (
    acks,
    engine,
    footprint,
    growth,
    recovery,
    report,
    stage,
    stored,
    storm,
    timers,
    usable_channel,
)
from tests.benchmarks.report import Line

BENCHMARKS: dict[str, Callable[[Workspace, Person], Awaitable[list[Line]]]] = {
    "footprint": footprint.measure,
    "channel": usable_channel.measure,
    "acks": acks.measure,
    "stored": stored.measure,
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
        began = time.perf_counter()
        async with stage.workspace() as running, stage.person(running) as ava:
            for line in await BENCHMARKS[name](running, ava):
                say(str(line))
                lines.append(line)
        say(f"  ({name}: {time.perf_counter() - began:.0f} s)")
    return lines


def say(line: str) -> None:
    """Write for whoever waits."""
    print(line, flush=True)  # noqa: T201 - that is the purpose


def write(lines: Sequence[Line], json: Path | None, plot: Path | None) -> None:
    """Write the figures to the files that were asked for, whose folders are made."""
    for file in filter(None, (json, plot)):
        file.parent.mkdir(parents=True, exist_ok=True)
        say(f"written to {file}")
    if json:
        json.write_text(report.as_json(lines) + "\n", encoding="utf-8")
    if plot:
        report.plot(lines, plot)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="|".join(BENCHMARKS), help="default: all")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure this alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there (.svg or .png)")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is missed")
    arguments = parser.parse_args()
    names = [*arguments.names, *arguments.only]
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. Known: {', '.join(BENCHMARKS)}")
    settle()  # what is measured inside this process is measured as `sitrep serve` runs it
    say("Databases: SQLite with synchronous=FULL, PostgreSQL with fsync=on: what is committed is on the disk.")
    began = time.perf_counter()
    lines = asyncio.run(run(names or list(BENCHMARKS)))
    missed = [line.what.strip() for line in lines if not line.holds]
    say(f"{len(lines)} figures in {time.perf_counter() - began:.0f} s; limits missed: {'; '.join(missed) or 'none'}")
    write(lines, arguments.json, arguments.plot)
    sys.exit(1 if arguments.check and not all(line.holds for line in lines) else 0)


if __name__ == "__main__":
    main()
