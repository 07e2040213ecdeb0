"""A hundred incidents declared within a minute, by twenty people at their screens, with Slack's limits on.

Beside what nobody can beat: pages that leave as soon as Slack takes one a second to each person, twenty channels a
minute, and as many notices as fell due. What has to be none stands beside nothing.
"""

import asyncio
import json
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bot.workspace.config import LimitConfig, PersonConfig
from bot.workspace.driver import Person
from bot.workspace.rules import limits
from bot.workspace.rules.errors import RateLimited
from bot.workspace.server import Workspace
from incidents.definitions import Severity
from tests.benchmarks import pages, stage
from tests.benchmarks.pages import Page
from tests.benchmarks.report import Line

INCIDENTS, REPORTERS, WITHIN_SECONDS = 100, 20, 60.0
#: Of ten, as they come. One person's conversation takes one message a second: nobody is paged more often than that.
SEVERITIES = ("high", "medium", "low", "medium", "critical", "low", "medium", "high", "medium", "low")
_PLACE = re.compile(r"number (\d+) in line for a channel")
_MOVED = 20  # a place is said anew every half a minute: ten channels are made meanwhile, and others come between
_IDLE_SECONDS = 3.0
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
_AUDIENCES = {"on_call_engineer": "U0ONCALL", "assigned_engineer": "U0ASSIGNED", "team_lead": "U0LEAD"}

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
    idle_mb: float = 0.0  #: resident before the first incident
    memory_mb: float = 0.0
    told: int = 0  #: reporters who read how their incident stands
    pages: list[Line] = field(default_factory=list)  #: how those fared that are owed


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
            await asyncio.sleep(_IDLE_SECONDS)
            seen.idle_mb = _resident_mb(started.pid)
            watching = asyncio.create_task(_watch(started.pid, seen))
            await asyncio.gather(*(_report(who, number, seen) for number, who in enumerate(reporters)))
            await asyncio.sleep(_AFTER_SECONDS)
            watching.cancel()
            figures = await asyncio.to_thread(_figures, database)
            seen.pages = pages.lines(figures["owed"], pages.arrived(crowded.core), now=time.time())
            seen.told = sum(_reads_truly(who, figures["places"]) for who in reporters)
    return _lines(seen, figures)


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
        seen.memory_mb = max(seen.memory_mb, _resident_mb(pid))
        await asyncio.sleep(0.5)


def _resident_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss / 1e6)


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


def _reads_truly(who: Person, places: dict[str, int]) -> bool:
    """Whether the reporter's modal says that the channel is there, and it is, or at which place in line it stands."""
    said = str(who.screen.views[-1]) if who.screen.views else ""
    key = next((key for key in places if f"*{key}  " in said), None)
    if key is None:
        return False
    place = _PLACE.search(said)
    if place is None:
        return places[key] == 0 and "Go to" in said
    return abs(int(place[1]) - places[key]) <= _MOVED


def _figures(database: Path) -> dict[str, Any]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        gone = connection.execute("SELECT created_at, sent_at FROM outbox WHERE state = 'done'").fetchall()
        # What waits for a channel is not due.
        still = connection.execute("SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')").fetchone()[0]
        made = "SELECT sent_at FROM outbox WHERE action = 'create_channel' AND state = 'done'"
        rooms = connection.execute(made).fetchall()
        incidents = connection.execute("SELECT 'inc-' || id, severity, channel FROM incident ORDER BY id").fetchall()
        owed = list(_owed(connection))
    finally:
        connection.close()
    ranks = [severity.value for severity in Severity]  # the most severe go first, then the oldest
    waiting = sorted((each for each in incidents if not each[2]), key=lambda each: ranks.index(each[1]))
    began = min(_time(created) for created, _ in gone)
    return {
        "declared": len(incidents),
        "owed": owed,
        "done": len(gone),
        "due": len(gone) + still,
        "sending_seconds": max(_time(sent) for _, sent in gone) - began,
        "rooms": len(rooms),
        "room_seconds": max(_time(sent) for (sent,) in rooms) - began,
        "places": dict.fromkeys((key for key, _, _ in incidents), 0)
        | {key: place for place, (key, _, _) in enumerate(waiting, 1)},
    }


def _owed(connection: sqlite3.Connection) -> Iterator[Page]:
    """Yield the pages that are owed, from what was declared and found out; the outbox is not asked."""
    for key, severity, declared in connection.execute("SELECT 'inc-' || id, severity, declared_at FROM incident"):
        yield from pages.of_first_level(key, severity, _time(declared), _AUDIENCES)
    escalated = "SELECT 'inc-' || incident_id, at, data FROM event WHERE kind = 'escalated'"
    for key, at, stored in connection.execute(escalated):
        data = json.loads(stored)
        yield from pages.of_escalation(key, data["trigger"], data.get("people", ()), _time(at))


def _time(stored: str) -> float:
    moment = datetime.fromisoformat(stored)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _lines(seen: _Seen, figures: dict[str, Any]) -> list[Line]:
    made, seconds = figures["rooms"], figures["sending_seconds"]
    sent, due = figures["done"] / seconds, figures["due"] / seconds
    each, at_slacks = figures["room_seconds"] / made, 60 / limits.PER_MINUTE["Tier2"]
    return [
        Line(f"storm: of {INCIDENTS} incidents not recorded", float(INCIDENTS - figures["declared"]), "", 0.0),
        *seen.pages,
        Line(f"storm: 429s {', '.join(sorted(set(seen.limited)))}".strip(), float(len(seen.limited)), "", 0.0),
        _slowest("storm: declare modal opened, slowest", seen.opened),
        _slowest("storm: declare modal answered, slowest", seen.sent),
        Line("storm: reporters not told where they stand", float(REPORTERS - seen.told), "", 0.0),
        Line("storm: notices a second until the last", sent, "/s", None, due, "fallen due in that time"),
        Line(f"storm: seconds a channel ({made})", each, "s", 1.0, at_slacks, "Slack: 20 a minute"),
        Line("storm: memory of sitrep serve", seen.memory_mb, "MB", 300.0, seen.idle_mb, "idle before it", "value"),
    ]


def _slowest(what: str, seconds: Sequence[float]) -> Line:
    return Line(what, max(seconds), "s", 3.0, statistics.median(seconds), f"median of {len(seconds)}", "value")
