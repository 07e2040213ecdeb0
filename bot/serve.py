"""The process: starts everything, connects to Slack, and ends in order on SIGTERM."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError

from bot import bootstrap, logs
from bot.http import Health, Listening, operations, slack_events
from bot.settings import Address, Settings
from bot.slack_client import SlackLine
from incidents.clock import SystemClock
from incidents.errors import SitrepError

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)  # between tries while Slack is out of reach; the last one repeats

#: Slack's words for a token that no repetition makes good.
_TOKEN_ERRORS = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})


async def run(env: Settings, http: Address | None) -> None:
    """Serve until SIGTERM or SIGINT; over Socket Mode, or over HTTP at `http`.

    Raises:
        SitrepError: it cannot start, and why; one sentence and its remedy.
    """
    logs.set_up(env.log, env.secrets)
    _check(env, http)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    health = Health()
    line = SlackLine(env.slack_bot_token.get_secret_value(), env.slack_api_url)
    async with Listening(operations(health), env.http), line:
        starting = asyncio.create_task(_serve(env, http, line, health, stopped))
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done() and health.running is None:
            starting.cancel()
        ended.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting


def _check(env: Settings, http: Address | None) -> None:
    if not env.slack_bot_token:
        raise SitrepError("SLACK_BOT_TOKEN is not set.", remedy="Install the app and copy its bot token (xoxb-…).")
    if http is None and not env.slack_app_token:
        raise SitrepError(
            "SLACK_APP_TOKEN is not set.", remedy="Make an app-level token (xapp-…), or serve over --http HOST:PORT."
        )
    if http is not None and not env.slack_signing_secret:
        raise SitrepError("SLACK_SIGNING_SECRET is not set.", remedy="Copy it from the app's Basic Information page.")


async def _serve(env: Settings, http: Address | None, line: SlackLine, health: Health, stopped: asyncio.Event) -> None:
    running = await _built(env, line, health)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(running.stop)
        await running.start()
        if http is None:
            await stack.enter_async_context(_socket(env, running, health))
        else:
            await stack.enter_async_context(Listening(slack_events(running), http))
            health.connected = True
        health.running = running
        log.info("serving", over="Socket Mode" if http is None else f"http://{http}/slack/events", health=str(env.http))
        await stopped.wait()
        log.info("stopping")
        health.connected = False


async def _built(env: Settings, line: SlackLine, health: Health) -> bootstrap.Running:
    """Build the installation, and wait for Slack where it is out of reach."""
    attempt = 0
    while True:
        try:
            return await bootstrap.build(env, SystemClock(), line)
        except SlackApiError as error:
            code = str(error.response.get("error"))
            if code in _TOKEN_ERRORS:
                raise SitrepError(
                    f"Slack refuses the bot token ({code}).", remedy="Install the app again and set SLACK_BOT_TOKEN."
                ) from error
            reason = code
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = type(error).__name__
        wait = _AGAIN_SECONDS[min(attempt, len(_AGAIN_SECONDS) - 1)]
        health.waiting_for = f"Slack cannot be reached ({reason})"
        log.warning("slack_unreachable", reason=reason, url=line.api_url, again_in_seconds=wait)
        await asyncio.sleep(wait)
        attempt += 1


@asynccontextmanager
async def _socket(env: Settings, running: bootstrap.Running, health: Health) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(running.app, env.slack_app_token.get_secret_value())
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    except SlackApiError as error:
        raise SitrepError(
            f"Slack refuses the app-level token ({error.response.get('error')}).",
            remedy="Make one with connections:write and set SLACK_APP_TOKEN.",
        ) from error
    watching = asyncio.create_task(_watch(handler, health))
    try:
        yield
    finally:
        watching.cancel()
        await handler.close_async()  # type: ignore[no-untyped-call]  # likewise


async def _watch(handler: AsyncSocketModeHandler, health: Health) -> None:
    while True:
        health.connected = await handler.client.is_connected()
        await asyncio.sleep(1)
