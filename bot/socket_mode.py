"""Socket Mode: taking payloads in over a websocket, and letting go of it without losing one."""

import asyncio
import contextlib
import time

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot import slack_errors
from incidents.errors import ConfigurationError

#: https://docs.slack.dev/apis/events-api/using-socket-mode: Slack pings often; four missed pings count as a lost line.
_PING_SECONDS = 5.0
_WATCH_SECONDS = 2.0
_STUCK_SECONDS = 20.0  # the SDK tries one address for ever; after this it gets a fresh one
_DIAL_SECONDS = 10.0  # a proxy whose far side is gone takes a dial and never answers it; the SDK waits for 300 s
_DRAIN_SECONDS = 4.0  # an ack is worth nothing to Slack after 3 s

log = structlog.get_logger(__name__)


class SocketMode:
    """One websocket, kept open."""

    def __init__(self, app: AsyncApp, client: AsyncWebClient, app_token: str) -> None:
        self._app = app
        self._client = client
        self._app_token = app_token
        self._handler: _Handler | None = None
        self._watching: asyncio.Task[None] | None = None
        self._lost_at: float | None = None

    @property
    def trouble(self) -> str:
        """Return why payloads do not arrive now, or an empty string."""
        if self._handler is None:
            return "Socket Mode is not connected yet."
        return "" if self._lost_at is None else "The line of Socket Mode is down; it is being dialled."

    async def start(self) -> None:
        """Connect, and return when payloads arrive.

        Raises:
            ConfigurationError: Slack does not take the app-level token.
            slack_errors.TROUBLE: Slack is out of reach.
        """
        try:
            answer = await self._client.apps_connections_open(app_token=self._app_token)
        except SlackApiError as error:
            refusal = slack_errors.read(error, "apps.connections.open")
            if refusal is not None and refusal.verdict in (slack_errors.Verdict.SHUT_OUT, slack_errors.Verdict.REFUSED):
                raise ConfigurationError(
                    [
                        f"SLACK_APP_TOKEN: Slack does not take it ({refusal.error}). Make an app-level token with the "
                        "scope connections:write in the app's settings, and switch Socket Mode on there."
                    ]
                ) from error
            raise
        self._handler = _Handler(self._app, self._app_token, self._client)
        self._handler.client.wss_uri = str(answer["url"])
        # Before the first dial: nobody else gets a fresh address for it when this one has run out.
        self._watching = asyncio.create_task(self._watch(self._handler.client), name="socket mode watch")
        await self._handler.connect_async()

    async def _watch(self, client: SocketModeClient) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if await client.is_connected():
                if self._lost_at is not None:
                    log.info("Socket Mode is connected")
                self._lost_at = None
                continue
            now = time.monotonic()
            if self._lost_at is None:
                log.warning("Socket Mode has no line")
                self._lost_at = now
            elif now - self._lost_at > _STUCK_SECONDS:
                # An address is good for one connection and a short while; without this the SDK dials a dead one.
                client.wss_uri = None
                self._lost_at = now

    async def stop(self) -> None:
        """Take nothing new in, finish and ack what was, hang up; what was not acked Slack gives to somebody else."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        if self._handler is not None:
            await self._handler.drain(_DRAIN_SECONDS)
            await self._handler.close_async()  # type: ignore[no-untyped-call]


class _Handler(AsyncSocketModeHandler):
    """Bolt's handler, which knows what it has in hand."""

    def __init__(self, app: AsyncApp, app_token: str, client: AsyncWebClient) -> None:
        super().__init__(app, app_token, logger=app.logger, web_client=client, ping_interval=_PING_SECONDS)
        self._draining = False
        self._in_hand: set[asyncio.Task[object]] = set()

    async def connect_async(self) -> None:
        """Connect; a dial that nobody answers is given up and made again."""
        # This session only dials: an open socket is bound by its pings, and the Web API has a session of its own.
        await self.client.aiohttp_client_session.close()
        self.client.aiohttp_client_session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_DIAL_SECONDS))
        await super().connect_async()  # type: ignore[no-untyped-call]

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Dispatch and ack one payload."""
        task = asyncio.current_task()
        assert task is not None, "the SDK starts a task for each payload"  # noqa: S101 - a fault of the SDK
        if self._draining:
            return
        self._in_hand.add(task)
        try:
            await super().handle(client, req)
        finally:
            self._in_hand.discard(task)

    async def drain(self, timeout_seconds: float) -> None:
        """Take up nothing more and wait until everything in hand is acked."""
        self._draining = True
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=timeout_seconds)
