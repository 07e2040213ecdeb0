"""The composition root: builds one installation and says who listens to which event."""

import asyncio
import dataclasses
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from bot import directory, gauges, slack_errors
from bot.app import App, create_app
from bot.delivery import outside
from bot.delivery import roads as delivery
from bot.delivery.deliverer import Deliverer
from bot.settings import Settings, handed_on
from bot.slack_client import SlackLine
from bot.surfaces import Surfaces
from escalation import planning, roads
from escalation.scheduler import AlarmClock
from escalation.timers import Timers
from incidents import loading, migrations
from incidents.agents.base import Runner
from incidents.agents.command import CommandRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.routing import ByPrompt, ByProvider
from incidents.clock import Clock
from incidents.context import Context
from incidents.notices import Road
from incidents.postmortem_posting import Writer
from incidents.response.dispatch import Dispatcher, LocalDispatcher
from incidents.response.engine import Engine
from incidents.response.expiry import Expiry
from incidents.response.mitigating import Offering
from incidents.response.reactors import Progress
from incidents.response.threads import Threads
from incidents.room import Room
from incidents.service import queries
from incidents.shared_clock import SharedClock
from incidents.stages import Provider
from incidents.store import Store
from incidents.tools.github import GitHub

log = structlog.get_logger(__name__)


@dataclass
class Running:
    """One installation, ready to be started."""

    ctx: Context
    clock: SharedClock
    app: App
    deliverer: Deliverer
    alarms: AlarmClock
    roads: frozenset[Road]  #: those that are configured
    steps: Dispatcher
    closing: AsyncExitStack

    async def start(self) -> None:
        """Begin to deliver, to ring and to carry out steps."""
        self.deliverer.start()
        await self.alarms.start()
        await self.steps.start()

    async def stop(self) -> None:
        """Take up nothing new, finish what is on its way, give back the rest."""
        await self.steps.stop()
        await self.alarms.stop()
        await self.deliverer.stop()
        await self.app.drain()
        await self.closing.aclose()
        await self.ctx.store.close()


async def build(env: Settings, clock: Clock, line: SlackLine) -> Running:
    """Build an installation from the environment, its configuration folder and its database.

    Raises:
        ConfigurationError: the configuration has mistakes; all of them at once.
        SitrepError: the database cannot be used; says what to do.
    """
    library, settings = loading.load(loading.templates_root(), env.config)
    shared = SharedClock(clock)
    store = Store(env.database_url, shared)
    try:
        if before := await migrations.upgrade(store):
            log.info("the database was upgraded", before=before, now=migrations.HEAD)
        await shared.compare(store.engine)
        settings = await directory.resolve(line.client, settings, store)
        return await _compose(env, line, shared, Context(store, shared, library, settings))
    except BaseException:
        await store.close()
        raise


async def _compose(env: Settings, line: SlackLine, clock: SharedClock, ctx: Context) -> Running:
    ways, closing = _outside(env, ctx)
    runner = _runner(env, ctx, closing)
    ctx = dataclasses.replace(ctx, providers=runner.names)
    timers = Timers()
    gauges.listen(ctx.store)
    listen(ctx, timers, frozenset({Road.SLACK, *ways}))
    app = create_app(ctx, line, signing_secret=env.slack_signing_secret.get_secret_value())
    identity = app.desk.identity
    try:
        await identity.learn()
    except slack_errors.TROUBLE as failure:
        if not directory.is_away(failure):
            raise
        # Timers ring and other roads are open all the same; whoever needs to know asks again.
        log.warning("Slack is away; starting without it", why=str(failure) or type(failure).__name__)

    owner = f"{socket.gethostname()}:{os.getpid()}"
    engine = Engine(ctx, runner, await _workdir(env.data), owner)
    draw = Surfaces(lambda: identity.workspace_url).draw
    return Running(
        ctx=ctx,
        clock=clock,
        app=app,
        deliverer=Deliverer(ctx, line.client, draw, others=ways),
        alarms=AlarmClock(ctx.store, timers),
        roads=frozenset({Road.SLACK, *ways}),
        steps=_dispatcher(engine, ctx.store),
        closing=closing,
    )


def _outside(env: Settings, ctx: Context) -> tuple[dict[Road, delivery.Road], AsyncExitStack]:
    """Return the roads beside Slack that are configured, and what must be closed after them."""
    ways: dict[Road, delivery.Road] = {}
    closing = AsyncExitStack()
    if url := env.smtp_url.get_secret_value():
        ways[Road.EMAIL] = outside.MailRoad(ctx, roads.Mailer(url))
    hook = env.webhook_url.get_secret_value()
    if hook or any(person.webhook for person in ctx.settings.people.values()):
        poster = httpx.AsyncClient()
        closing.push_async_callback(poster.aclose)
        ways[Road.WEBHOOK] = outside.WebhookRoad(ctx, roads.Webhook(hook, poster))
    if key := env.pager_routing_key.get_secret_value():
        client = httpx.AsyncClient()
        closing.push_async_callback(client.aclose)
        ways[Road.PAGER] = outside.PagerRoad(ctx, roads.Pager(env.pager_url, key, client))
    return ways, closing


def listen(ctx: Context, timers: Timers, roads_: frozenset[Road]) -> None:
    """Let everybody hear what they act on; the order is that of the reactions to one event."""
    Room(ctx).register()
    planning.register(ctx.store, timers, ctx, roads=roads_)
    Progress(ctx).register()
    Offering(ctx).register()
    Expiry(ctx).register()
    Threads(ctx).register()
    Writer(ctx).register()


def _runner(env: Settings, ctx: Context, closing: AsyncExitStack) -> ByProvider:
    writes = env.anthropic_api_key.get_secret_value() and ctx.settings.providers.anthropic.writes
    playbook = PlaybookRunner(
        ctx.clock,
        sandbox=ctx.settings.sandbox,
        github=_github(env, closing),
        writer="Claude" if writes else "",
    )
    usual = _claude(env, ctx, closing, playbook)
    others: dict[Provider, Runner] = {}
    if usual is not playbook:
        others |= {Provider.CLAUDE: usual, Provider.ANTHROPIC: usual}
    agent = ctx.settings.providers.command
    if agent.command:
        command = CommandRunner(
            playbook,
            agent,
            prompt_texts=ctx.library.prompts,
            settings=ctx.settings.sandbox,
            environment=handed_on(agent.environment),
        )
        others[Provider.COMMAND] = FallbackRunner(command, playbook, called="The command-line agent")
    return ByProvider(usual, playbook, others)


def _github(env: Settings, closing: AsyncExitStack) -> GitHub | None:
    if not env.github_token.get_secret_value():
        return None
    client = httpx.AsyncClient()
    closing.push_async_callback(client.aclose)
    return GitHub(env.github_api_url, env.github_token, client)


def _claude(env: Settings, ctx: Context, closing: AsyncExitStack, playbook: PlaybookRunner) -> Runner:
    """Return Claude over the playbook; without a key the playbook alone."""
    key = env.anthropic_api_key.get_secret_value()
    if not key:
        return playbook
    # Without a key the SDK stays out of memory: 40 MB and half a second that nobody would use.
    from incidents.agents import developer, investigator  # noqa: PLC0415
    from incidents.agents.budget import Budget  # noqa: PLC0415
    from incidents.agents.claude import ClaudeRunner  # noqa: PLC0415

    async def spent(incident: str) -> float:
        async with ctx.store.read() as session:
            return await queries.model_usd(session, (await queries.by_key(session, incident)).number)

    claude = ClaudeRunner(
        playbook,
        prompt_texts=ctx.library.prompts,
        api_key=key,
        budget=Budget(ctx.settings.model_budget_usd, spent),
        base_url=env.anthropic_base_url,
        models=ctx.settings.models,
    )
    closing.push_async_callback(claude.aclose)
    limits = ctx.settings.providers.anthropic
    looks = dict.fromkeys(investigator.PROMPTS, investigator.Investigator(claude, playbook))
    writes = dict.fromkeys(developer.PROMPTS if limits.writes else (), developer.Developer(claude, playbook, limits))
    return FallbackRunner(ByPrompt(claude, {**looks, **writes}), playbook)


def _dispatcher(engine: Engine, store: Store) -> Dispatcher:
    if not store.supports_skip_locked:
        return LocalDispatcher(engine, store)
    # On SQLite procrastinate stays out of memory.
    from incidents.response.queued import QueuedDispatcher  # noqa: PLC0415

    return QueuedDispatcher(engine, store)


async def _workdir(data: Path) -> Path:
    folder = data / "work"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    return folder
