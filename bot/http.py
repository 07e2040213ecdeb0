"""What the process serves: health, readiness and metrics, and Slack's requests where there is no Socket Mode."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.readiness import State
from bot.settings import Address
from incidents.errors import SitrepError

_MAX_BODY = 1024 * 1024  # Slack's largest payloads, views, are 250 kB
_DRAIN_SECONDS = 4  # an answer that takes longer is not waited for by Slack, either

#: Answers how the process is.
Readiness = Callable[[], Awaitable[State]]


def probes(readiness: Readiness, gauges: Callable[[], Awaitable[None]]) -> list[BaseRoute]:
    """Return /healthz, /readyz and /metrics; `gauges` brings what is measured on demand up to date."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        found = await readiness()
        checks = {name: trouble or "ok" for name, trouble in found.checks.items()}
        answer = {"ready": found.ready, "checks": checks, "measures": found.measures}
        return JSONResponse(answer, status_code=200 if found.ready else 503)

    async def metrics(_: Request) -> Response:
        await gauges()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def slack_events(app: AsyncApp) -> BaseRoute:
    """Return /slack/events, which checks each request's signature before anything else."""
    slack = AsyncSlackRequestHandler(app)

    async def receive(request: Request) -> Response:
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        # Bolt answers 500 to a time that is no number and to a signature that is no ASCII; both are forgeries.
        if not (timestamp.isascii() and timestamp.isdigit() and signature.isascii()):
            return PlainTextResponse("the request is not signed\n", status_code=401)
        if int(request.headers.get("content-length") or 0) > _MAX_BODY or len(await request.body()) > _MAX_BODY:
            return PlainTextResponse("the request is too large\n", status_code=413)
        try:
            return await slack.handle(request)
        except UnicodeDecodeError:
            return PlainTextResponse("the request is not UTF-8\n", status_code=400)

    return Route("/slack/events", receive, methods=["POST"])


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: bot.serve decides when to stop, and in which order."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


class Listening:
    """Routes served at one address."""

    trouble = ""  #: a server that listens has none

    def __init__(self, address: Address, name: str, routes: Sequence[BaseRoute]) -> None:
        self.address = address
        self._name = name  #: of what chose the address, for the error message
        self._routes = routes
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and return when requests are answered.

        Raises:
            SitrepError: the address cannot be listened at.
        """
        listener = self._bind()
        self.address = Address(self.address.host, int(listener.getsockname()[1]))
        config = uvicorn.Config(
            Starlette(routes=list(self._routes)),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        await self._server.listening.wait()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.address.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(self.address)
        except OSError as error:
            listener.close()
            raise SitrepError(
                f"{self._name}: nothing can listen at {self.address} ({error.strerror}).",
                remedy="Stop what listens there, or set another HOST:PORT.",
            ) from error
        return listener

    async def stop(self) -> None:
        """Answer what is being answered and stop."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
