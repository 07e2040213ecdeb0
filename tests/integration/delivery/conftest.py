"""A real workspace, a real SQLite file and a deliverer between them."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from bot.delivery.deliverer import Deliverer
from bot.slack_client import SlackLine
from bot.views.message import Message
from bot.workspace.config import AppConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.rules.faults import Fault
from bot.workspace.server import Workspace
from incidents import outbox, records, room
from incidents.catalog import Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.notices import Action, Lane, Notice
from incidents.store import Store
from tests import installation

TOKEN = "xoxb-sitrep"
MANIFEST = Path(__file__).parents[3] / "manifest.yml"


class RunningClock:
    """The machine's time, moved forward by tests that will not wait."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


@cache
def manifest() -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(MANIFEST))


def configuration(**changes: Any) -> WorkspaceConfig:
    fields: dict[str, Any] = {
        "people": [
            PersonConfig(id="U0AVA", name="ava", real_name="Ava Stone", email="ava@example.com"),
            PersonConfig(id="U0BEN", name="ben", real_name="Ben Okafor", email="ben@example.com"),
        ],
        "apps": [
            AppConfig(
                name="Sitrep", bot_token=TOKEN, app_token="xapp-sitrep", signing_secret="secret", manifest=manifest()
            )
        ],
    }
    return WorkspaceConfig(**{"delivery": installation.PATIENT, **fields, **changes})


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with Workspace(configuration(limits=LimitConfig(enabled=False))) as running:
        yield running


@pytest.fixture
async def ctx(tmp_path: Path) -> AsyncIterator[Context]:
    clock = RunningClock()
    store = Store(installation.sqlite_database(tmp_path), clock)
    yield Context(store, clock, installation.library(), Settings())
    await store.close()
    await database_threads_end()


async def database_threads_end() -> None:
    """Wait for the connections of tasks that a test cut off: their threads must not outlive its event loop."""
    gc.collect()
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


async def plain(session: AsyncSession, ctx: Context, row: records.Outbox) -> Message:
    """Draw whatever text the row carries."""
    del session, ctx
    return Message(str(row.params.get("text", row.key)), row.params.get("blocks", []))


@dataclass
class Post:
    """A workspace, a database, and what is put on its way between them."""

    workspace: Workspace
    ctx: Context
    client: Any
    deliverers: list[Deliverer] = field(default_factory=list)

    @property
    def clock(self) -> RunningClock:
        assert isinstance(self.ctx.clock, RunningClock)
        return self.ctx.clock

    async def incident(self, **changes: Any) -> records.Incident:
        async with self.ctx.store.transaction() as tx:
            fields = {
                "title": "Checkout returns 500s",
                "severity": Severity.CRITICAL,
                "reporter": "U0AVA",
                "declared_at": tx.now,
            }
            incident = records.Incident(**{**fields, **changes})
            tx.session.add(incident)
            await tx.session.flush()
        return incident

    async def put(self, incident: records.Incident | None, *notices: Notice) -> None:
        async with self.ctx.store.transaction() as tx:
            await outbox.put(tx, incident.id if incident else None, *notices)

    async def row(self, key: str) -> records.Outbox:
        async with self.ctx.store.read() as session:
            return (await session.scalars(select(records.Outbox).where(records.Outbox.key == key))).one()

    async def wait(self, key: str, *states: str, timeout: float = 30) -> records.Outbox:
        """Wait until the row is in one of `states` (done)."""
        async with asyncio.timeout(timeout):
            while True:
                row = await self.row(key)
                if row.state in (states or ("done",)):
                    return row
                await asyncio.sleep(0.01)

    async def given_back(self, key: str, timeout: float = 30) -> records.Outbox:
        """Wait until the row was tried and waits for another try."""
        async with asyncio.timeout(timeout):
            while True:
                row = await self.row(key)
                if row.state == "pending" and row.attempts:
                    return row
                await asyncio.sleep(0.01)

    async def until(self, test: Callable[[], bool], timeout: float = 30) -> None:
        async with asyncio.timeout(timeout):
            while not test():  # noqa: ASYNC110 - the workspace tells nobody
                await asyncio.sleep(0.01)

    async def events(self, incident: records.Incident) -> list[records.Event]:
        async with self.ctx.store.read() as session:
            found = await session.scalars(
                select(records.Event).where(records.Event.incident_id == incident.id).order_by(col(records.Event.id))
            )
            return list(found.all())

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.workspace.request_faults(*(Fault(**fault) for fault in faults))

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        return [call for call in self.workspace.core.calls.entries() if method in ("", call["method"])]

    async def history(self, channel: str) -> list[dict[str, Any]]:
        answer = await self.client.conversations_history(channel=channel, include_all_metadata=True)
        return list(reversed(answer["messages"]))

    async def texts(self, channel: str) -> list[str]:
        return [message["text"] for message in await self.history(channel) if not message.get("subtype")]

    def deliverer(self, **options: Any) -> Deliverer:
        made = Deliverer(self.ctx, self.client, options.pop("draw", plain), **options)
        self.deliverers.append(made)
        return made

    async def room(self, **changes: Any) -> records.Incident:
        """An incident whose channel is there."""
        answer = await self.client.conversations_create(name=f"room-{len(self.calls())}")
        return await self.incident(channel=answer["channel"]["id"], channel_name=answer["channel"]["name"], **changes)


@asynccontextmanager
async def posting(workspace: Workspace, ctx: Context) -> AsyncIterator[Post]:
    async with SlackLine(TOKEN, workspace.api_url) as line:
        post = Post(workspace, ctx, line.client)
        try:
            yield post
        finally:
            for deliverer in post.deliverers:
                await deliverer.stop()


@pytest.fixture
async def post(workspace: Workspace, ctx: Context) -> AsyncIterator[Post]:
    async with posting(workspace, ctx) as made:
        yield made


def opening(incident: records.Incident, **params: Any) -> tuple[Notice, ...]:
    """What a declared incident puts on its way: room, reporter and card."""
    key = f"{incident.key}:room"
    return (
        Notice(
            key=key,
            lane=Lane.ROOM,
            action=Action.CREATE_CHANNEL,
            params={"name": room.channel_name(incident), "private": incident.private, **params},
        ),
        Notice(
            key=f"{incident.key}:invite:reporter",
            lane=Lane.ROOM,
            action=Action.INVITE,
            target="channel",
            params={"people": [incident.reporter]},
            after=key,
        ),
        Notice(
            key=f"{incident.key}:card",
            lane=Lane.ROOM,
            action=Action.POST,
            target="channel",
            surface="live_card",
            after=key,
        ),
    )


def note(key: str, **changes: Any) -> Notice:
    """A post into the incident's channel."""
    fields: dict[str, Any] = {"lane": Lane.CHATTER, "action": Action.POST, "target": "channel", "surface": "note"}
    return Notice(key=key, **{**fields, **changes})
