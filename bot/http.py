"""What Sitrep answers over HTTP: its health, its figures, and Slack's requests where Socket Mode is not used."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.bootstrap import Running
from bot.settings import Address
from incidents.errors import SitrepError


class Health:
    """Whether this process can do its work; told by the parts as they come and go."""

    def __init__(self) -> None:
        self.running: Running | None = None
        self.connected = False  #: payloads from Slack arrive
        self.waiting_for = "starting"  #: what keeps it from being ready, in words

    async def troubles(self) -> dict[str, str]:
        """Return what is out of order, by part; empty means ready."""
        if self.running is None:
            return {"start": self.waiting_for}
        found = {}
        try:
            async with self.running.ctx.store.read() as session:
                await session.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError) as error:
            found["database"] = type(error).__name__
        if not self.connected:
            found["slack"] = "not connected"
        if self.running.deliverer.trouble:
            found["delivery"] = self.running.deliverer.trouble
        return found


def operations(health: Health) -> Starlette:
    """Return `/healthz` (alive), `/readyz` (able to work) and `/metrics` (Prometheus)."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_: Request) -> Response:
        troubles = await health.troubles()
        status = 503 if troubles else 200
        return JSONResponse({"status": "not ready" if troubles else "ready", "troubles": troubles}, status)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)])


def slack_events(running: Running) -> Starlette:
    """Return `/slack/events`, which checks Slack's signature before anything else."""
    handler = AsyncSlackRequestHandler(running.app)

    async def receive(request: Request) -> Response:
        return await handler.handle(request)

    return Starlette(routes=[Route("/slack/events", receive, methods=["POST"])])


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class Listening:
    """One ASGI application at one address: `async with Listening(app, address)`."""

    def __init__(self, app: Starlette, address: Address) -> None:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2, ws="none"
        )
        self._server = _Server(config)
        self._address = address
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Listening":
        # Named TCP so that asyncio sets TCP_NODELAY; without it every second answer comes 40 ms late.
        family = socket.AF_INET6 if ":" in self._address.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._address.host, self._address.port))
        except OSError as error:
            listener.close()
            raise SitrepError(
                f"Sitrep cannot listen at {self._address}: {error.strerror}.",
                remedy="Set another address with SITREP_HTTP=HOST:PORT, or --http HOST:PORT.",
            ) from error
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
