"""The running workspace: its HTTP and websocket routes on loopback."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from bot.workspace.apps import answering, link
from bot.workspace.client import api as client_api
from bot.workspace.client import avatars, control, notices
from bot.workspace.clock import Now, wall_clock
from bot.workspace.config import WorkspaceConfig
from bot.workspace.contents.scheduling import Scheduler
from bot.workspace.core import Core, assemble
from bot.workspace.rules.dropping import cutter
from bot.workspace.rules.faults import Fault
from bot.workspace.rules.guard import LoopbackOnly
from bot.workspace.web_api import transfers
from bot.workspace.web_api.endpoint import web_api

PAGE = Path(__file__).parent / "page"


def create_app(core: Core) -> Starlette:
    """Return the workspace as an ASGI application."""
    routes: list[BaseRoute] = [
        Route("/api/{method}", web_api, methods=["GET", "POST"]),
        WebSocketRoute("/link/", link.connect),
        Route("/hooks/{token}", answering.respond, methods=["POST"]),
        *client_api.routes(),
        WebSocketRoute("/client/ws", notices.connect),
        Route("/avatars/{user_id}.svg", avatars.avatar),
        Route("/upload/v1/{token}", transfers.upload, methods=["POST"]),
        Route("/files/{file_id}/{name:path}", transfers.download),
        Route("/docs/{team}/{canvas}", _page),
        Route("/archives/{channel}", _page),
        Route("/archives/{channel}/{message}", _page),
        Route("/", _page),
    ]
    if PAGE.is_dir():
        routes.append(Mount("/static", _PageFiles(directory=PAGE)))
    app = Starlette(routes=routes, middleware=[Middleware(LoopbackOnly)])
    app.state.core = core
    return app


async def _page(_request: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers=_FRESH)


# Browsers ask each time whether a file changed; else an upgrade would mix old modules with new ones.
_FRESH = {"cache-control": "no-cache"}


class _PageFiles(StaticFiles):
    """The page's modules and styles."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the file, or that it has not changed."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(_FRESH)
        return response


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone; who runs it decides when it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.leaving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen and say so."""
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield

    async def main_loop(self) -> None:
        """Wait to be told to stop, without the library's ten ticks a second."""
        await self.on_tick(0)
        await self.leaving.wait()


class Workspace:
    """A workspace listening on loopback: `async with Workspace(config) as workspace: workspace.api_url`."""

    def __init__(self, config: WorkspaceConfig, *, port: int = 0, now: Now = wall_clock) -> None:
        self.core = assemble(config, now)
        self._port = port
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._scheduling: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The page's address, without a slash at its end."""
        return self.core.base_url

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL must be set to."""
        return f"{self.core.base_url}/api/"

    async def start(self) -> None:
        """Listen, and return when requests are answered.

        Raises:
            OSError: when the port is taken.
        """
        # Named TCP so that asyncio sets TCP_NODELAY; without it every second answer comes 40 ms late.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self._port))
        self.core.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        app = create_app(self.core)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            date_header=False,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        server = self._server
        app.state.cut = cutter(lambda: iter(server.server_state.connections))
        self._scheduling = asyncio.create_task(Scheduler(self.core).run())
        self._serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        await server.listening.wait()

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self.core.delivery.close()
        if self._scheduling is not None:
            self._scheduling.cancel()
            await asyncio.wait({self._scheduling})
        if self._server is not None and self._serving is not None:
            self._server.leaving.set()
            await self._serving
        if self._socket is not None:
            self._socket.close()

    async def request_faults(self, *faults: Fault) -> None:
        """Let things go wrong."""
        await control.request_faults(self.core, list(faults))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
