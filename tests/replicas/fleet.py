"""Three `sitrep serve` on one PostgreSQL, in one local workspace, and what arrives there."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.workspace.config import AppConfig, ChannelConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.contents.model import Message
from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from bot.workspace.server import Workspace
from tests.integration.agents.shop import Shop
from tests.integration.delivery.conftest import TOKEN, manifest
from tests.processes import Gate, Sitrep, database_on, slack_variables

#: Audience -> within how many seconds it hears of a critical incident; each has a person of its own.
PROMISES = {
    "team_lead": 0,
    "product_manager": 0,
    "engineering_manager": 1,
    "cto": 2,
    "ceo": 3,
    "customer_success": 4,
    "business_stakeholders": 5,
    "security_team": 6,
    "legal_and_compliance": 7,
    "software_architect": 8,
    "system_architects": 9,
    "vendor_management": 10,
}
AUDIENCES = ("on_call_engineer", *PROMISES)
#: Audience -> the Slack id of its person.
PEOPLE = {audience: f"U{number:02}{audience.upper().replace('_', '')[:8]}" for number, audience in enumerate(AUDIENCES)}
SECRET = "secret"  #: with which Slack signs what it sends over HTTP
REPORTERS = ("U91DEE", "U92ELI", "U93FAY")
_NOT_TAKEN = (SlackError, TimeoutError, httpx.HTTPError)
_PAGING = {severity: {"levels": ["on_call_engineer"], "every": "10m"} for severity in ("critical", "high", "medium")}


def write_configuration(folder: Path, shop: Shop) -> Path:
    """Write `sitrep.yml` and a matrix whose promises fall due within seconds; returns the folder."""
    folder.mkdir()
    service = shop.service()
    production = service.production
    described = {
        "title": "Shop",
        "repository": str(shop.repository),
        "logs": [str(shop.logs)],
        "deploys": str(shop.deploys),
        "tests": {"command": list(service.tests.command if service.tests else ())},
        "production": {
            "deploy": list(production.deploy),
            "rollback": list(production.rollback),
            "watch": "1s",
        },
    }
    people = {
        f"the_{name}": {"name": name, "slack": slack, "email": f"{name}@example.com"} for name, slack in PEOPLE.items()
    }
    matrix: dict[str, list[str]] = {}
    for audience, seconds in PROMISES.items():
        matrix.setdefault(f"within_{seconds}s" if seconds else "immediate", []).append(audience)
    files = {
        "sitrep": {
            "services": {"shop": described},
            "people": people,
            "audiences": {audience: [f"the_{audience}"] for audience in AUDIENCES},
            "approvers": {"deploy": ["team_lead"], "choose_fix": ["team_lead"]},
            "sandbox": {"mode": "none"},
        },
        "communication_matrix": {
            "communication_matrix": {
                "critical_incident": matrix,
                "high_severity": {"immediate": ["team_lead"]},
                "regular_updates": {
                    "frequency": ["every_30_minutes_critical", "every_2_hours_high"],
                    "channels": ["slack_incident_channel", "email_stakeholders"],
                    "format": "structured_status_update",
                    "draft_ahead": "5m",
                    "overdue_after": "5m",
                },
            }
        },
        "paging": {"paging": _PAGING},
    }
    yaml = YAML()
    for name, content in files.items():
        with (folder / f"{name}.yml").open("w") as file:
            yaml.dump(content, file)
    return folder


@dataclass
class Fleet:
    """The replicas, the database behind them, the workspace before them, and the people in it."""

    workspace: Workspace
    url: str
    database: AsyncEngine
    folder: Path
    variables: dict[str, str]
    stack: AsyncExitStack
    replicas: dict[str, Sitrep] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    declared: int = 0

    async def launch(self, *names: str, **options: Any) -> None:
        """Start replicas side by side and wait until they serve."""
        for name in names:
            gate = await self.stack.enter_async_context(Gate(self.url))
            replica = Sitrep(self.folder, {**self.variables, "DATABASE_URL": gate.url}, name=name, **options)
            await self.stack.enter_async_context(replica)
            self.replicas[name], self.gates[name] = replica, gate
        await asyncio.gather(*(self.replicas[name].ready() for name in names))

    async def person(self, slack: str) -> Person:
        """Return the person, at the screen."""
        if slack not in self.people:
            self.people[slack] = await self.stack.enter_async_context(Person(self.workspace.url, slack))
        return self.people[slack]

    async def stop(self, *names: str) -> None:
        """End replicas as a deploy does; each must end of itself."""
        codes = await asyncio.gather(*(self.replicas[name].stop() for name in names))
        assert set(codes) == {0}, [self.replicas[name].log[-2000:] for name in names]

    async def declare(self, title: str, reporter: str = REPORTERS[0]) -> None:
        """Declare a critical incident through the modal, again when Slack says that it was not taken.

        Each payload goes to whichever replica's turn it is, one that is frozen or cut off included.
        """
        person = await self.person(reporter)
        while not await self.rows("SELECT 1 FROM incident WHERE title = :title", title=title):
            for view in list(person.screen.views):
                with contextlib.suppress(*_NOT_TAKEN):
                    await person.close(view)
            with contextlib.suppress(*_NOT_TAKEN):
                await self._declare_once(person, title)

    async def _declare_once(self, person: Person, title: str) -> None:
        await person.command("/incident", f"declare {title}")
        modal = await person.wait_for_view(lambda view: view["callback_id"] == "declare", 3)
        await person.click_in_view(modal, "severity_critical")
        modal = await person.wait_for_view(lambda view: "✓ Critical" in json.dumps(view, ensure_ascii=False), 3)
        for _ in range(2):  # a possible duplicate is shown first: it is another one, declare
            with contextlib.suppress(SlackError):
                answer = await person.submit(modal, {"title": title, "service": "shop"})
                if (answer.get("view") or {}).get("callback_id") != "declare":
                    return

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return what the database holds, asked past all gates."""
        async with self.database.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]

    async def until(self, query: str, test: Callable[[list[dict[str, Any]]], bool], seconds: float = 60) -> Any:
        """Wait until what the database holds passes `test`."""
        rows: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(seconds):
                while not test(rows := await self.rows(query)):  # noqa: ASYNC110 - other processes' rows tell nobody
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{query}: still {rows}") from None
        return rows

    def _messages(self) -> Iterator[tuple[str, Message]]:
        for channel in self.workspace.core.team.channels.values():
            for message in channel.messages.values():
                if key := (message.metadata or {}).get("event_payload", {}).get("key"):
                    yield key, message

    def posts(self) -> Counter[str]:
        """Return how often each notice stands in the workspace, by its key."""
        return Counter(key for key, _ in self._messages())

    async def settled(self, seconds: float = 60) -> None:
        """Wait until nothing is on its way and no timer of the next minutes is pending."""
        await self.until(
            "SELECT key, state, action, error FROM outbox WHERE state IN ('waiting', 'pending', 'sending')",
            lambda rows: not rows,
            seconds,
        )

    async def promises_fired(self, seconds: float = 90) -> None:
        """Wait until every promise of the matrix has been fired."""
        await self.until("SELECT key, due_at FROM timer WHERE kind = 'matrix' AND state = 'pending'", _none, seconds)

    async def promised(self) -> dict[str, float]:
        """Return what the matrix owes, and when (seconds since 1970), by key."""
        incidents = await self.rows("SELECT id, declared_at FROM incident")
        return {
            f"inc-{row['id']}:matrix:{f'within_{seconds}s' if seconds else 'immediate'}:{PEOPLE[audience]}": row[
                "declared_at"
            ].timestamp()
            + seconds
            for row in incidents
            for audience, seconds in PROMISES.items()
        }

    async def lateness(self) -> list[float]:
        """Return by how many seconds each promised notice stood in the workspace late, shortest first."""
        promised = await self.promised()
        return sorted(float(m.ts) - promised[key] for key, m in self._messages() if key in promised)

    async def reckon(self) -> "Reckoning":
        """Compare what arrived in the workspace with what the policies owe and what the database says was sent."""
        posts = self.posts()
        incidents = await self.rows("SELECT id, title FROM incident ORDER BY id")
        posted = "SELECT key FROM outbox WHERE road = 'slack' AND action IN ('post', 'direct') AND state = 'done'"
        sent = {row["key"] for row in await self.rows(posted)}
        names = Counter(channel.name for channel in self.workspace.core.team.channels.values())
        rooms = [name for name in names if name.startswith("inc-")]
        failed = await self.rows("SELECT key, error FROM outbox WHERE state = 'failed'")
        return Reckoning(
            incidents=len(incidents),
            rooms=len(rooms),
            lost=sorted((sent | set(await self.promised())) - set(posts)),
            doubled=sorted(key for key, times in posts.items() if times > 1),
            failed=[f"{row['key']}: {row['error']}" for row in failed],
        )


@dataclass(frozen=True)
class Reckoning:
    """What came of it."""

    incidents: int
    rooms: int
    lost: list[str]
    doubled: list[str]
    failed: list[str]

    @property
    def is_even(self) -> bool:
        """Whether everything owed arrived, once."""
        return not (self.lost or self.doubled or self.failed) and self.rooms == self.incidents


def _none(rows: list[dict[str, Any]]) -> bool:
    return not rows


@asynccontextmanager
async def declaring(ships: Fleet, every_seconds: float, *, apart_seconds: float = 0.0) -> AsyncIterator[None]:
    """Have several people declare incidents, again and again, meanwhile; each begins so long after the one before."""

    async def declare(reporter: str) -> None:
        await asyncio.sleep(apart_seconds * REPORTERS.index(reporter))
        for _ in range(1000):
            ships.declared += 1
            await ships.declare(f"Checkout returns {500 + ships.declared}s", reporter)
            await asyncio.sleep(every_seconds)

    work = [asyncio.create_task(declare(reporter)) for reporter in REPORTERS]
    try:
        yield
    finally:
        for each in work:
            each.cancel()
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


@asynccontextmanager
async def fleet(postgres: str, folder: Path, *, request_url: str | None = None) -> AsyncIterator[Fleet]:
    """Yield a workspace and a database, with no replica yet; with `request_url` Slack's payloads go there."""
    shop = Shop(folder)
    shop.broken()
    app = AppConfig(
        name="Sitrep",
        bot_token=TOKEN,
        app_token="xapp-sitrep",
        signing_secret=SECRET,
        manifest=manifest(),
        request_url=request_url,
    )
    config = WorkspaceConfig(
        people=[
            PersonConfig(id=slack, name=name, real_name=name.title(), email=f"{name}@example.com")
            for name, slack in {**PEOPLE, **{slack.lower(): slack for slack in REPORTERS}}.items()
        ],
        apps=[app],
        channels=[ChannelConfig(name="general")],
        limits=LimitConfig(enabled=False),
    )
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database_on(postgres))
        database = create_async_engine(url)
        stack.push_async_callback(database.dispose)
        workspace = await stack.enter_async_context(Workspace(config))
        variables = slack_variables(
            workspace.api_url,
            SITREP_CONFIG=write_configuration(folder / "config", shop),
            SITREP_DATA=folder / "data",  # shared, as the repository is
            SLACK_SIGNING_SECRET=SECRET,
        )
        yield Fleet(workspace, url, database, folder, variables, stack)
