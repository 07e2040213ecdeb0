"""A company with Sitrep in it: the real app, store, deliverer and engine over the local workspace.

Only the agents are played: their outputs are written here, so that a scenario knows what they find.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML
from sqlmodel import select

from bot.app import App, create_app
from bot.delivery.deliverer import Deliverer
from bot.slack_client import SlackLine
from bot.socket_mode import SocketMode
from bot.surfaces import Surfaces
from bot.workspace.config import AppConfig, ChannelConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from escalation import planning
from escalation.scheduler import AlarmClock
from escalation.timers import Timers
from incidents import outbox_queries, records
from incidents.agents import outputs
from incidents.agents.base import Runner, StepRequest, StepResult
from incidents.agents.outputs import MODELS
from incidents.catalog import Approvers, Environment, Service, Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.errors import StepFailed
from incidents.postmortem_posting import Writer
from incidents.response.dispatch import LocalDispatcher
from incidents.response.engine import Engine
from incidents.response.expiry import Expiry
from incidents.response.mitigating import Offering
from incidents.response.reactors import Progress
from incidents.response.threads import Threads
from incidents.room import Room
from incidents.store import Store
from incidents.tools.evidence import EvidenceKind, capture
from tests import installation
from tests.unit.views import samples

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
PEOPLE = {
    "ana": "U01ANA", "bo": "U02BO", "cy": "U03CY", "dee": "U05DEE", "eli": "U06ELI", "fay": "U07FAY", "gil": "U08GIL"
}  # fmt: skip
AUDIENCES = {
    "on_call_engineer": ("ana",),
    "team_lead": ("bo",),
    "product_manager": ("cy",),
    "engineering_manager": ("eli",),
    "cto": ("fay",),
    "ceo": ("gil",),
    "customer_success": ("cy",),
    "security_team": ("bo",),
    "legal_and_compliance": ("eli",),
    "business_stakeholders": ("cy",),
}
TITLE = "Checkout returns 500s"


class PlayedAgents:
    """Agents whose findings are known beforehand; a step named in `fails` fails once."""

    name = "playbook"

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.asked: list[StepRequest] = []
        self._found = {type(each): each for each in samples.every_output("`KeyError` in `pricing.py:88`")}

    async def run(self, request: StepRequest) -> StepResult:
        self.asked.append(request)
        if request.step.name in self.fails:
            self.fails.discard(request.step.name)
            raise StepFailed("The log cannot be read.", remedy="Check the path in sitrep.yml.")
        model = MODELS[request.step.prompt.removesuffix(".md")]
        seen = capture(
            EvidenceKind.LOG, "app.log", "KeyError: 'currency'", summary="412 tracebacks", captured_at=datetime.now(UTC)
        )
        return StepResult(self._finding(model), f"{request.step.title}: done", (seen,), "playbook")

    def _finding(self, model: type[outputs.Output]) -> BaseModel:
        found = self._found[model].model_copy(deep=True)
        if isinstance(found, outputs.TriageOutput):
            found.severity_classification.severity = "critical"
        if isinstance(found, outputs.SecurityOutput):
            found.security_impact_assessment.suspected = False
        if isinstance(found, outputs.HotfixOutput):
            found.minimal_test_suite.newly_failing = []
            found.minimal_test_suite.after = samples.tests_run("pytest").model_copy(update={"failed": 0})
        if isinstance(found, outputs.TestingOutput):
            found.deployment_readiness_confirmation.ready = True
            assert found.deployment_readiness_confirmation.staging is not None
            found.deployment_readiness_confirmation.staging.healthy = True
        return found


@dataclass
class Office:
    """Everything that runs, and the people at their screens."""

    workspace: Workspace
    ctx: Context
    app: App
    agents: PlayedAgents
    people: dict[str, Person] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Person:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    async def declare(self, who: Person, title: str = TITLE, *, severity: str = "critical", **values: Any) -> str:
        """Declare through the modal; returns the channel's id once its card is there."""
        await who.command("/incident", title)
        modal = await who.wait_for_view()
        await who.click_in_view(modal, f"severity_{severity}")
        modal = await who.wait_for_view(lambda view: f"✓ {severity.capitalize()}" in text_of(view))
        await who.submit(modal, {"service": "checkout", **values})
        linked = await who.wait_for_view(lambda view: "Go to" in text_of(view))
        channel = text_of(linked).partition("<#")[2].partition(">")[0]
        await who.wait_for_message(channel, lambda row: "Commander" in text_of(row))
        await who.close(linked)
        if severity == "critical":  # the matrix brings those who hear at once into the channel
            await eventually(lambda: self.are_in(channel, "ana", "bo"))
        return channel

    async def are_in(self, channel: str, *handles: str) -> bool:
        """Return whether these people are in the channel."""
        members = (await self.dee.api("conversations.members", channel=channel))["members"]
        return {PEOPLE[handle] for handle in handles} <= set(members)

    async def direct(self, who: Person) -> str:
        """Return the id of somebody's conversation with the bot."""
        bot = next(id_ for name, id_ in who.user_ids.items() if name.lower() == "sitrep")
        return await who.open_dm(bot)

    async def is_stored(self, key: str) -> bool:
        """Return whether what came of the notice `key` is stored; people see it a moment before."""
        async with self.ctx.store.read() as session:
            return await outbox_queries.result_of(session, key) is not None

    async def has_no_press_under_way(self) -> bool:
        """Return whether all that people pressed and typed is worked off, with what Slack was to be asked again."""
        return not [task for task in asyncio.all_tasks() if "_in_turn" in str(task.get_coro())]

    async def forget_answer(self, key: str) -> None:
        """Put the notice `key` back to where it was before Slack's answer was stored: posted, and not known to be."""
        async with self.ctx.store.transaction() as tx:
            row = await tx.session.scalar(select(records.Outbox).where(records.Outbox.key == key))
            assert row is not None
            assert row.state == "done"
            row.state, row.result, row.lease_until = "sending", {}, tx.now + timedelta(minutes=1)

    async def incident(self) -> records.Incident:
        """Return the newest incident's row."""
        async with self.ctx.store.read() as session:
            rows = await session.execute(records.Incident.__table__.select().order_by(records.Incident.id.desc()))
            newest = rows.first()
            found = await session.get(records.Incident, newest.id)
            assert found is not None
            return found


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """Return what `look` finds, asking again until it finds something."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.05)
    return found


async def pressed_twice(person: Person, channel: str, card: dict[str, Any], label: str) -> None:
    """Press a button as people do whose screen does not answer at once."""
    await asyncio.gather(person.click(channel, card, label), person.click(channel, card, label))


def text_of(shown: Any) -> str:
    """Return everything that a message or a view shows, as one text."""
    return json.dumps(shown, ensure_ascii=False)


def has_button(label: str) -> Callable[[dict[str, Any]], bool]:
    """Return a test for messages with a button of this label."""
    return lambda row: f'"text": "{label}"' in text_of(row.get("blocks", []))


def settings() -> Settings:
    """Return the company's settings: the demo's people, two services without a repository."""
    members = {
        handle: {"key": handle, "name": handle.capitalize(), "slack": slack, "email": f"{handle}@example.com"}
        for handle, slack in PEOPLE.items()
    }
    return Settings(
        people=members,
        audiences=AUDIENCES,
        services={
            "checkout": Service(
                key="checkout",
                title="Checkout",
                runbook="https://example.com/runbook",
                production=Environment(health="https://example.com/health"),
            ),
            "invoices": Service(key="invoices", title="Invoices"),
        },
        approvers=Approvers(deploy=("bo",)),
    )


@asynccontextmanager
async def opened(tmp_path: Path, *handles: str, runner: Runner | None = None, **changed: Any) -> AsyncIterator[Office]:
    """Open the office with these people at their screens; `changed` are keys of its `sitrep.yml`.

    With a `runner` its agents carry the steps out, in place of the played ones.
    """
    manifest = YAML(typ="safe").load(MANIFEST)
    sitrep = AppConfig(
        name="Sitrep", bot_token="xoxb-sitrep", app_token="xapp-sitrep", signing_secret="secret", manifest=manifest
    )
    config = WorkspaceConfig(
        people=[
            PersonConfig(id=id_, name=handle, real_name=handle.capitalize(), email=f"{handle}@example.com")
            for handle, id_ in PEOPLE.items()
        ],
        apps=[sitrep],
        channels=[ChannelConfig(name="general"), ChannelConfig(name="random")],
        limits=LimitConfig(enabled=False),
        delivery=installation.PATIENT,
    )
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(Workspace(config))
        line = await stack.enter_async_context(SlackLine("xoxb-sitrep", workspace.api_url))
        store = Store(installation.sqlite_database(tmp_path), SystemClock())
        stack.push_async_callback(store.close)
        ctx = Context(store, SystemClock(), installation.library(), settings().model_copy(update=changed))
        timers, agents = Timers(), PlayedAgents()
        Room(ctx).register()
        planning.register(store, timers, ctx)
        Progress(ctx).register()
        Threads(ctx).register()
        Writer(ctx).register()
        Offering(ctx).register()
        Expiry(ctx).register()
        app = create_app(ctx, line)
        app.desk.patience_seconds = installation.PATIENT.ack_seconds
        await app.desk.identity.learn()
        deliverer = Deliverer(ctx, line.client, Surfaces(app.desk.identity.url).draw)
        alarms = AlarmClock(store, timers)
        steps = LocalDispatcher(Engine(ctx, runner or agents, tmp_path / "work", "office"), store)
        intake = SocketMode(app, line.client, "xapp-sitrep")
        # They end as in the product: nothing new is taken in, what is under way ends, the database closes last.
        for end in (app.drain, deliverer.stop, alarms.stop, steps.stop, intake.stop):
            stack.push_async_callback(end)
        await intake.start()
        deliverer.start()
        await alarms.start()
        await steps.start()
        office = Office(workspace, ctx, app, agents)
        for handle in handles:
            office.people[handle] = await stack.enter_async_context(Person(workspace.url, PEOPLE[handle]))
        yield office
