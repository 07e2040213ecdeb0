"""The process: what `sitrep serve` starts, in which order, and how it stops."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from bot import bootstrap, gauges, heartbeat, housekeeping, http, logs, readiness, slack_errors, sole, vigil
from bot.settings import Address, Settings, reach_directly
from bot.slack_client import SlackLine
from bot.slack_errors import Refusal, Verdict
from bot.socket_mode import SocketMode
from incidents import store_errors
from incidents.clock import SystemClock
from incidents.errors import ConfigurationError, SitrepError

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 15.0  # between tries to reach Slack at start

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Intake(Protocol):
    """Where Slack's payloads come in."""

    @property
    def trouble(self) -> str:
        """Return why payloads do not arrive now, or an empty string."""
        ...

    async def start(self) -> None:
        """Begin to take payloads in."""
        ...

    async def stop(self) -> None:
        """Take nothing new in and finish what was."""
        ...


#: Objects made until the young are looked through. What a click makes is gone by then; at 700, the default, it is taken
#: for old, and full collections come the sooner.
_YOUNG_OBJECTS = 10_000


def settle() -> None:
    """Take what is loaded for lasting, so that no collection looks at it again.

    A full collection over the 160,000 objects of the imports took 0.6 s on a busy machine; no click is acked in it.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


class Process:
    """One `sitrep serve`."""

    def __init__(self, env: Settings, events_at: Address | None, on_ready: Callable[[], None] = lambda: None) -> None:
        self._env = env
        self._events_at = events_at
        self._on_ready = on_ready  #: called once, when it takes in what Slack sends
        self._stopping = asyncio.Event()
        self._running: bootstrap.Running | None = None
        self._readiness: readiness.Readiness | None = None
        self._intake: Intake | None = None
        self._starting = "Sitrep is starting."

    def stop(self) -> None:
        """Ask the process to stop; it finishes what it has in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`.

        Raises:
            SitrepError: it cannot start; says what to do.
        """
        check_tokens(self._env, self._events_at)
        make_folders(self._env)
        async with AsyncExitStack() as stack:
            stack.enter_context(sole.held(self._env.database_url))
            probes = http.Listening(self._env.http, "SITREP_HTTP", http.probes(self._state, self._measure))
            await probes.start()
            stack.push_async_callback(probes.stop)
            log.info("serving health, readiness and metrics", at=f"http://{probes.address}")
            line = SlackLine(self._env.slack_bot_token.get_secret_value(), self._env.slack_api_url)
            await stack.enter_async_context(line)
            if await self._until_reached(lambda: self._build(stack, line)) and await self._until_reached(self._take_in):
                self._starting = ""
                self._on_ready()
                log.info("Sitrep is ready", by="HTTP" if self._events_at else "Socket Mode")
                await self._stopping.wait()
            self._starting = "Sitrep is stopping."
            log.info("stopping: finishing what is under way")

    async def _build(self, stack: AsyncExitStack, line: SlackLine) -> None:
        running = await bootstrap.build(self._env, SystemClock(), line)
        stack.push_async_callback(running.stop)
        await running.start()
        self._running = running
        self._readiness = readiness.Readiness(running, self._env.data)
        stack.push_async_callback(self._readiness.close)
        watch = vigil.Vigil(running.ctx, running.roads, lambda: running.deliverer.trouble)
        self._beside(stack, housekeeping.keep(running.ctx, self._stopping), "housekeeping")
        self._beside(stack, watch.keep(self._stopping), "vigil")
        self._beside(stack, running.clock.keep(running.ctx.store.engine, self._stopping), "clock")
        if url := self._env.heartbeat_url.get_secret_value():
            heart = heartbeat.Heart(url, self._env.heartbeat_every, self._checks)
            self._beside(stack, heart.keep(self._stopping), "heartbeat")
        if self._events_at is None:
            self._intake = SocketMode(running.app, line.client, self._env.slack_app_token.get_secret_value())
        else:
            self._intake = http.Listening(self._events_at, "--http", [http.slack_events(running.app)])
        stack.push_async_callback(self._intake.stop)

    def _beside(self, stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
        """Let `work` run until the process stops; it looks at `_stopping` itself."""
        task = asyncio.create_task(work, name=name)

        async def ended() -> None:
            self._stopping.set()  # it was not, where the start failed
            await task

        stack.push_async_callback(ended)

    async def _take_in(self) -> None:
        """Let the intake start; it is given up when the process is asked to stop meanwhile."""
        assert self._intake is not None, "it was built"  # noqa: S101 - a fault of ours
        # It may dial for hours. It writes nothing to the database: cutting it off leaves no transaction open.
        starting = asyncio.create_task(self._intake.start(), name="intake")
        stopping = asyncio.create_task(self._stopping.wait(), name="stop while the intake starts")
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.wait({starting, stopping})

    async def _until_reached(self, start: Callable[[], Awaitable[None]]) -> bool:
        """Start something that needs Slack, however long Slack is away; returns False when asked to stop meanwhile."""
        wait_seconds = _FIRST_WAIT_SECONDS
        while not self._stopping.is_set():
            pause_seconds = wait_seconds
            try:
                await start()
            except slack_errors.TROUBLE as failure:
                refusal = slack_errors.read(failure)
                if refusal is None:
                    raise
                self._starting = str(_worth_waiting(refusal))
                pause_seconds = max(wait_seconds, refusal.retry_after_seconds or 0.0)
                log.warning("waiting for Slack", why=self._starting, next_try_seconds=pause_seconds)
            except DBAPIError as failure:
                raise store_errors.explain(failure) or failure from failure
            else:
                return not self._stopping.is_set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_seconds)
            wait_seconds = min(wait_seconds * 2, _LONGEST_WAIT_SECONDS)
        return False

    async def _state(self) -> readiness.State:
        if self._readiness is None or self._intake is None or self._starting:
            down = self._intake.trouble if self._intake is not None else ""
            return readiness.State({heartbeat.START: f"{self._starting} {down}".strip()})
        return await self._readiness.state(self._intake.trouble)

    async def _checks(self) -> dict[str, str]:
        return (await self._state()).checks

    async def _measure(self) -> None:
        state = await self._state()
        gauges.READY.set(state.ready)
        if self._running is None:
            return
        gauges.SWEEP.set(self._running.alarms.sweep_age_seconds)
        # Whoever watches hears that the database is away: a scrape that failed would only say that of itself. And while
        # it is being closed, nobody begins to ask it.
        if state.checks.get("database") or self._stopping.is_set():
            gauges.forget()
            return
        try:
            await gauges.refresh(self._running.ctx)
        except store_errors.TROUBLE:
            gauges.forget()


def check_tokens(env: Settings, events_at: Address | None) -> None:
    """Return when everything is set that serving needs.

    Raises:
        ConfigurationError: names what is missing.
    """
    mistakes = []
    if not env.slack_bot_token.get_secret_value():
        mistakes.append("SLACK_BOT_TOKEN: not set. Set it to the app's bot token (xoxb-…), or try `sitrep demo`.")
    if events_at is None and not env.slack_app_token.get_secret_value():
        mistakes.append(
            "SLACK_APP_TOKEN: not set. Set it to the app-level token (xapp-…) for Socket Mode, or start with "
            "--http HOST:PORT and SLACK_SIGNING_SECRET."
        )
    if events_at is not None and not env.slack_signing_secret.get_secret_value():
        mistakes.append("SLACK_SIGNING_SECRET: not set. --http needs it to know Slack's requests from forged ones.")
    if mistakes:
        raise ConfigurationError(mistakes)


def make_folders(env: Settings) -> None:
    """Make the data folder, and the one that the SQLite file lies in.

    Raises:
        SitrepError: they cannot be made.
    """
    file = make_url(env.database_url).database if env.database_url.startswith("sqlite") else None
    for folder in {env.data, Path(file).parent if file else env.data}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SitrepError(
                f"The folder {folder} cannot be made ({error.strerror}).",
                remedy="Let Sitrep's user write there, or set SITREP_DATA to another folder.",
            ) from error


def _worth_waiting(refusal: Refusal) -> Refusal:
    if refusal.verdict is Verdict.SHUT_OUT:
        raise ConfigurationError([f"SLACK_BOT_TOKEN: {refusal}"])
    if refusal.verdict is Verdict.REFUSED:
        raise SitrepError(refusal.message, remedy=refusal.remedy)
    return refusal


async def serve(env: Settings, events_at: Address | None) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once.

    Raises:
        SitrepError: it cannot start; says what to do.
    """
    settle()
    gc.enable()
    logs.configure(env.log, env.secrets)
    reach_directly(env.slack_api_url)
    process = Process(env, events_at, on_ready=settle)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        process.stop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop)
    await process.run()
