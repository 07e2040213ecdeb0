"""A hundred incidents declared within a minute, by twenty people at their screens, with Slack's limits on."""

import asyncio
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from bot.workspace.config import LimitConfig, PersonConfig
from bot.workspace.driver import Person
from bot.workspace.rules.errors import RateLimited
from bot.workspace.server import Workspace
from tests.benchmarks import stage
from tests.benchmarks.report import Line, percentile

INCIDENTS, REPORTERS, WITHIN_SECONDS = 100, 20, 60.0
#: Of ten, as they come. One person's conversation takes one message a second: nobody is paged more often than that.
SEVERITIES = ("high", "medium", "low", "medium", "critical", "low", "medium", "high", "medium", "low")
_AFTER_SECONDS = 20.0  # the last incident's page is out, and its reporter has been told where they stand

_CONFIGURATION = """
people:
  oncall: {name: On Call, slack: U0ONCALL}
  assigned: {name: Assigned, slack: U0ASSIGNED}
  lead: {name: Lead, slack: U0LEAD}
audiences:
  on_call_engineer: [oncall]
  assigned_engineer: [assigned]
  team_lead: [lead]
"""
#: So unlike that none is taken for a duplicate of another.
_WHAT = ("checkout", "search", "login", "invoices", "push", "uploads", "exports", "maps", "billing", "mail")
_HOW = ("answers 500", "is slow", "loops", "lost data", "times out", "is empty", "hangs", "shows old prices", "is down",
        "rejects everybody")  # fmt: skip


@dataclass
class _Seen:
    """What came of it."""

    opened: list[float] = field(default_factory=list)  #: seconds from the command to the modal
    sent: list[float] = field(default_factory=list)  #: seconds from Declare to the modal's answer
    limited: list[str] = field(default_factory=list)  #: methods that Slack refused for coming too fast
    memory_mb: float = 0.0
    in_line: int = 0  #: reporters who read their place in line


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return the oldest page, refusals, the slowest modals, throughput and memory."""
    del running, ava  # this needs limits, and more people
    people = [_person(f"rep{number:02}") for number in range(REPORTERS)]
    awake = [_person(name) for name in ("oncall", "assigned", "lead")]
    config = stage.configuration().model_copy(update={"people": [*people, *awake], "limits": LimitConfig()})
    seen = _Seen()
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread((Path(folder) / "sitrep.yml").write_text, _CONFIGURATION)
        database = Path(folder) / "storm.db"
        async with Workspace(config) as crowded, AsyncExitStack() as stack:
            _count_refusals(crowded, seen)
            reporters = [await stack.enter_async_context(Person(crowded.url, str(each.id))) for each in people]
            settings = {"SITREP_CONFIG": folder, "DATABASE_URL": f"sqlite:///{database}"}
            started = await stack.enter_async_context(stage.sitrep(crowded, reporters[0], **settings))
            watching = asyncio.create_task(_watch(started.pid, seen))
            began = time.perf_counter()
            await asyncio.gather(*(_report(who, number, seen) for number, who in enumerate(reporters)))
            await asyncio.sleep(_AFTER_SECONDS)
            took = time.perf_counter() - began
            watching.cancel()
            seen.in_line = sum(_read_place(who) for who in reporters)
        figures = await asyncio.to_thread(_figures, database)
    return _lines(seen, figures, took)


def _person(name: str) -> PersonConfig:
    return PersonConfig(id=f"U0{name.upper()}", name=name, real_name=name.title(), email=f"{name}@example.com")


def _count_refusals(crowded: Workspace, seen: _Seen) -> None:
    take = crowded.core.limiter.take

    def counted(app_id: str, method: str, channel_id: str | None = None) -> None:
        try:
            take(app_id, method, channel_id)
        except RateLimited:
            seen.limited.append(method)
            raise

    crowded.core.limiter.take = counted  # type: ignore[method-assign]


async def _watch(pid: int, seen: _Seen) -> None:
    while True:
        seen.memory_mb = max(seen.memory_mb, psutil.Process(pid).memory_info().rss / 1e6)
        await asyncio.sleep(0.5)


async def _report(who: Person, first: int, seen: _Seen) -> None:
    """Declare every twentieth incident, each at its time."""
    began = time.perf_counter()
    for number in range(first, INCIDENTS, REPORTERS):
        await asyncio.sleep(max(0.0, began + number * WITHIN_SECONDS / INCIDENTS - time.perf_counter()))
        title = f"{_WHAT[number % 10]} {_HOW[number // 10]}".capitalize()
        asked = time.perf_counter()
        await who.command("/incident", title)
        view = await who.wait_for_view(lambda each, title=title: title in str(each), timeout=30)  # type: ignore[misc]
        seen.opened.append(time.perf_counter() - asked)
        severity = SEVERITIES[number % 10]
        if severity != "high":
            await who.click_in_view(view, f"severity_{severity}")
            chosen = f"✓ {severity.capitalize()}"
            view = await who.wait_for_view(lambda each, chosen=chosen: chosen in str(each), timeout=30)  # type: ignore[misc]
        asked = time.perf_counter()
        answer = await who.submit(view)
        seen.sent.append(time.perf_counter() - asked)
        if "Looks like" in str(answer) or "duplicate" in str(answer).lower():
            await who.submit(await who.wait_for_view())
        last = number + REPORTERS >= INCIDENTS
        if not last:
            await who.close(await who.wait_for_view(), whole_stack=True)


def _read_place(who: Person) -> bool:
    return any("in line for a channel" in str(view) or "is open" in str(view) for view in who.screen.views)


def _figures(database: Path) -> dict[str, Any]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        pages = connection.execute("SELECT state, due_at, sent_at FROM outbox WHERE lane = 0").fetchall()
        done = connection.execute("SELECT count(*) FROM outbox WHERE state = 'done'").fetchone()[0]
        declared = connection.execute("SELECT count(*) FROM incident").fetchone()[0]
        rooms = connection.execute(
            "SELECT severity, count(*), sum(channel != '') FROM incident GROUP BY severity"
        ).fetchall()
    finally:
        connection.close()
    late = [
        (datetime.fromisoformat(sent) - datetime.fromisoformat(due)).total_seconds() for _, due, sent in pages if sent
    ]
    return {
        "declared": declared,
        "pages": len(pages),
        "unsent": sum(state not in ("done", "dropped", "superseded") for state, _, _ in pages),
        "oldest": max(late, default=0.0),
        "done": done,
        "rooms": {severity: (made, count) for severity, count, made in rooms},
    }


def _lines(seen: _Seen, figures: dict[str, Any], took: float) -> list[Line]:
    made = sum(count for count, _ in figures["rooms"].values())
    return [
        Line(f"storm: of {INCIDENTS} incidents not recorded", float(INCIDENTS - figures["declared"]), "", 0.0),
        Line(f"storm: oldest of {figures['pages']} pages", figures["oldest"], "s", 10.0),
        Line("storm: pages not sent", float(figures["unsent"]), "", 0.0),
        Line(f"storm: 429s {', '.join(sorted(set(seen.limited)))}".strip(), float(len(seen.limited)), "", 0.0),
        Line("storm: declare modal opened, p99", percentile(seen.opened, 0.99), "s", 3.0),
        Line("storm: declare modal answered, p99", percentile(seen.sent, 0.99), "s", 3.0),
        Line("storm: reporters not told their place", float(REPORTERS - seen.in_line), "", 0.0),
        Line("storm: seconds a notice", took / max(1, figures["done"]), "s", 1.0),
        Line(f"storm: seconds a channel ({made})", took / max(1, made), "s", 3.0),
        Line("storm: memory of sitrep serve", seen.memory_mb, "MB", 300.0),
    ]
