"""Three `sitrep serve` on one PostgreSQL, in one local workspace, and what arrives there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.workspace.config import AppConfig, ChannelConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from bot.workspace.server import Workspace
from tests.integration.agents.shop import Shop
from tests.integration.delivery.conftest import TOKEN, manifest
from tests.processes import Gate, Sitrep, database_on, slack_variables
from tests.replicas import reckoning
from tests.replicas.reckoning import AUDIENCES, ON_CALL, PEOPLE, PROMISES, Reckoning
from tests.torture import arrivals, timeline, town
from tests.torture.arrivals import Received
from tests.torture.timeline import Incident

SECRET = "secret"  #: with which Slack signs what it sends over HTTP
REPORTERS = ("U91DEE", "U92ELI", "U93FAY")
_NOT_TAKEN = (SlackError, TimeoutError, httpx.HTTPError)
_PAGING = {severity: {"levels": [ON_CALL], "every": "10m"} for severity in ("critical", "high", "medium")}


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

    async def settled(self, seconds: float = 60) -> None:
        """Wait until no agent is at work and nothing is on its way."""
        await self.until("SELECT name, state, owner FROM step WHERE state IN ('ready', 'running')", _none, seconds)
        await self.until(
            "SELECT key, state, action, error FROM outbox WHERE state IN ('waiting', 'pending', 'sending')",
            lambda rows: not rows,
            seconds,
        )

    async def promises_fired(self, seconds: float = 90) -> None:
        """Wait until every promise of the matrix has been fired."""
        await self.until("SELECT key, due_at FROM timer WHERE kind = 'matrix' AND state = 'pending'", _none, seconds)

    async def incidents(self) -> list[Incident]:
        """Return the incidents with their timelines, oldest first."""
        rows = await self.rows("SELECT * FROM incident ORDER BY id")
        events = await self.rows("SELECT * FROM event ORDER BY id")
        return timeline.incidents(rows, events, await self.rows(town.STEPS))

    async def lateness(self) -> list[float]:
        """Return by how many seconds each promised notice stood in the workspace late, shortest first."""
        arrived = self.received().arrivals
        promised = [debt for each in await self.incidents() for debt in reckoning.promised(each)]
        return sorted(at - debt.due for debt in promised for at in arrived.get((debt.place, debt.key), ()))

    def received(self) -> Received:
        """Return what stands in the workspace."""
        return arrivals.in_slack(self.workspace.core, PEOPLE.values())

    async def reckon(self) -> Reckoning:
        """Compare what arrived in the workspace with what is owed and what the database says was sent."""
        posted = "SELECT key FROM outbox WHERE road = 'slack' AND action IN ('post', 'direct') AND state = 'done'"
        given_up = (
            "SELECT key AS what, error FROM outbox WHERE state = 'failed'"
            " UNION ALL SELECT 'step ' || name, error FROM step WHERE state = 'failed'"
        )
        return reckoning.compare(
            await self.incidents(),
            self.received(),
            sent={row["key"] for row in await self.rows(posted)},
            failed=[f"{row['what']}: {row['error']}" for row in await self.rows(given_up)],
            steps=await self.rows(town.STEPS),
        )


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
