"""The pages that an incident's channel links to: the shop's runbook as it stands, and a war room to show the link."""

from pathlib import Path

from aiohttp import web

_RUNBOOK = "docs/runbook.md"
_WAR_ROOM = """This link stands for the call that everybody of an incident joins.

The demo has no calls. In your company it is the address of a permanent meeting:
services.<name>.war_room in sitrep.yml, and every incident's channel links to it.
"""


class Pages:
    """Serves the pages on loopback from `start` until `stop`."""

    def __init__(self, repository: Path) -> None:
        self._runbook = repository / _RUNBOOK
        self._runner: web.AppRunner | None = None
        self._address = ""

    @property
    def runbook(self) -> str:
        """Return the runbook's address."""
        return f"{self._address}/{_RUNBOOK}"

    @property
    def war_room(self) -> str:
        """Return the war room's address."""
        return f"{self._address}/war-room"

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get(f"/{_RUNBOOK}", self._show_runbook)
        app.router.add_get("/war-room", self._show_war_room)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _show_runbook(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.FileResponse(self._runbook, headers={"Content-Type": "text/plain; charset=utf-8"})

    async def _show_war_room(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text=_WAR_ROOM)
