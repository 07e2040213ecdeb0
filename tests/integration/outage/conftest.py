"""One installation with its policies and real deliverer, a workspace to misbehave, a mail server and a webhook."""

import asyncio
import email
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_httpserver import HTTPServer
from ruamel.yaml import YAML
from sqlmodel import col, select

from bot.delivery.deliverer import Deliverer
from bot.delivery.outside import MailRoad, WebhookRoad
from bot.slack_client import SlackLine
from bot.surfaces import draw
from bot.workspace.config import AppConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.rules.faults import Fault
from bot.workspace.server import Workspace
from escalation import planning, timers
from escalation.roads import Mailer, Webhook
from escalation.timers import Timers
from incidents import migrations, records
from incidents.catalog import Person, Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.notices import Road
from incidents.room import Room
from incidents.service import declare
from incidents.service.declare import Declaration
from incidents.store import OUTBOX, Store
from tests import installation

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
TOKEN = "xoxb-sitrep"
NAMES = ("rep", "ana", "bo", "cy", "dee", "eli", "flo", "gus")
AUDIENCES = {
    "on_call_engineer": ("ana",),
    "team_lead": ("bo",),
    "product_manager": ("cy",),
    "engineering_manager": ("dee",),
    "cto": ("eli",),
    "ceo": ("flo",),
    "customer_success": ("gus",),
}
SETTINGS = Settings(
    people={
        name: Person(key=name, name=name.capitalize(), slack=f"U0{name.upper()}", email=f"{name}@example.com")
        for name in NAMES
    },
    audiences=AUDIENCES,
)
MINUTE = timedelta(minutes=1)


def configuration() -> WorkspaceConfig:
    manifest = YAML(typ="safe", pure=True).load(MANIFEST)
    app = AppConfig(name="Sitrep", bot_token=TOKEN, app_token="xapp-s", signing_secret="s", manifest=manifest)
    people = [
        PersonConfig(id=f"U0{name.upper()}", name=name, real_name=name, email=f"{name}@example.com") for name in NAMES
    ]
    return WorkspaceConfig(people=people, apps=[app], limits=LimitConfig(enabled=False))


class RunningClock:
    """The machine's time, and by how much a test has moved it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Mailbox:
    """Keeps what arrives."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, EmailMessage]] = []
        self.refusing = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusing:
            return self.refusing
        content = envelope.content
        assert isinstance(content, bytes)
        letter = email.message_from_bytes(content, policy=default)
        self.letters += [(to, letter) for to in envelope.rcpt_tos]  # type: ignore[misc]
        return "250 OK"

    def to(self, name: str, about: str = "") -> list[str]:
        subjects = [str(letter["Subject"]) for to, letter in self.letters if to == f"{name}@example.com"]
        return [subject for subject in subjects if about in subject]

    @property
    def twice(self) -> list[str]:
        """Return the ids of the letters that came more than once."""
        found = Counter(str(letter["Message-ID"]) for _, letter in self.letters)
        return [letter for letter, count in found.items() if count > 1]


@dataclass
class House:
    """Everything between a decision and whoever hears of it."""

    workspace: Workspace
    ctx: Context
    clock: RunningClock
    timers: Timers
    client: Any
    deliverer: Deliverer
    mailbox: Mailbox
    roads: dict[Road, Any] = field(default_factory=dict)

    async def declare(self, severity: Severity = Severity.CRITICAL, **more: Any) -> records.Incident:
        said = Declaration(title="Checkout returns 500s", severity=severity, reporter="U0REP", **more)
        async with self.ctx.store.transaction() as tx:
            return await declare.declare(tx, self.ctx, said)

    async def faults(self, *faults: dict[str, Any]) -> None:
        await self.workspace.request_faults(*(Fault(**fault) for fault in faults))

    async def slack_goes(self, **fault: Any) -> None:
        """Let every call fail."""
        await self.faults({"method": "*", "kind": "5xx", **fault})

    async def slack_is_missed(self, *others: Deliverer) -> None:
        """Wait until everybody has noticed; tries that wait for their seconds are made at once."""
        async with asyncio.timeout(15):
            while not all(each.trouble for each in (self.deliverer, *others)):
                await self.pass_time(timedelta(seconds=1))
                await asyncio.sleep(0.05)

    async def slack_returns(self) -> None:
        self.workspace.core.faults.clear()
        self.deliverer._outage.probe_at = 0.0  # seconds go by
        await self.until(lambda: not self.deliverer.trouble)

    async def pass_time(self, by: timedelta) -> None:
        """Move the clock, fire what is due then, and let delivery look."""
        self.clock.ahead += by
        while await timers.fire_due(self.ctx.store, self.timers):
            pass
        async with self.ctx.store.transaction() as tx:
            tx.wake(OUTBOX)

    async def rows(self, part: str = "") -> list[records.Outbox]:
        async with self.ctx.store.read() as session:
            found = await session.scalars(select(records.Outbox).order_by(col(records.Outbox.id)))
            return [row for row in found.all() if part in row.key]

    async def row(self, key: str) -> records.Outbox:
        async with self.ctx.store.read() as session:
            return (await session.scalars(select(records.Outbox).where(records.Outbox.key == key))).one()

    async def settled(self, *states: str, part: str = "") -> list[records.Outbox]:
        """Wait until every row is at its end, or in one of `states`."""
        ends = {"done", "failed", "dropped", "superseded", *states}

        async def test() -> bool:
            return all(row.state in ends for row in await self.rows(part))

        await self.eventually(test)
        return await self.rows(part)

    async def until(self, test: Callable[[], bool], timeout: float = 15) -> None:
        async with asyncio.timeout(timeout):
            while not test():  # noqa: ASYNC110 - the workspace tells nobody
                await asyncio.sleep(0.01)

    async def eventually(self, test: Callable[[], Awaitable[bool]], timeout: float = 20) -> None:
        async with asyncio.timeout(timeout):
            while not await test():  # noqa: ASYNC110 - rows tell nobody
                await asyncio.sleep(0.02)

    async def events(self, kind: EventKind) -> list[records.Event]:
        async with self.ctx.store.read() as session:
            found = await session.scalars(
                select(records.Event).where(records.Event.kind == kind).order_by(col(records.Event.id))
            )
            return list(found.all())

    async def history(self, channel: str) -> list[dict[str, Any]]:
        answer = await self.client.conversations_history(channel=channel, include_all_metadata=True, limit=200)
        return [message for message in reversed(answer["messages"]) if not message.get("subtype")]

    async def direct(self, name: str) -> list[dict[str, Any]]:
        """Return the messages that somebody got directly."""
        answer = await self.client.conversations_open(users=f"U0{name.upper()}")
        return await self.history(answer["channel"]["id"])

    def posted(self) -> Counter[str]:
        """Return how often each key was posted."""
        found: Counter[str] = Counter()
        for channel in self.workspace.core.team.channels.values():
            for message in channel.messages.values():
                if key := (message.metadata or {}).get("event_payload", {}).get("key"):
                    found[str(key)] += 1
        return found


@asynccontextmanager
async def living(path: Path, **changes: Any) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        box = Mailbox()
        loop = asyncio.get_running_loop()
        mail = await loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
        stack.push_async_callback(mail.wait_closed)
        stack.callback(mail.close)
        clock = RunningClock()
        store = Store(changes.get("url") or installation.sqlite_database(path), clock)
        stack.push_async_callback(store.close)
        await migrations.upgrade(store)
        ctx = Context(store, clock, installation.library(), SETTINGS.model_copy(update=changes.pop("settings", {})))
        hook: HTTPServer | None = changes.get("hook")
        roads: dict[Road, Any] = {}
        if changes.get("letters", True):
            roads[Road.EMAIL] = MailRoad(ctx, Mailer(f"smtp://127.0.0.1:{mail.sockets[0].getsockname()[1]}"))
        if hook is not None:
            away = await stack.enter_async_context(httpx.AsyncClient())
            hook.expect_request("/sitrep").respond_with_data("")
            roads[Road.WEBHOOK] = WebhookRoad(ctx, Webhook(hook.url_for("/sitrep"), away))
        clocks = Timers()
        Room(ctx).register()
        planning.register(store, clocks, ctx, roads=frozenset({Road.SLACK, *changes.get("planned", ())}))
        workspace = await stack.enter_async_context(Workspace(configuration()))
        line = await stack.enter_async_context(SlackLine(TOKEN, workspace.api_url))
        deliverer = Deliverer(ctx, line.client, draw, others=roads)
        stack.push_async_callback(deliverer.stop)
        deliverer.start()
        yield House(workspace, ctx, clock, clocks, line.client, deliverer, box, roads)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with living(tmp_path) as built:
        yield built
