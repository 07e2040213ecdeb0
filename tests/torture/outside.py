"""A mail server, a pager and a webhook on loopback that remember what they took, and can end a caller in mid-call."""

import email
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from aiosmtpd.controller import Controller

from tests.processes import free_port
from tests.torture.points import WEBHOOK_PATH, Kill, Point


@dataclass(frozen=True)
class Letter:
    """One letter that was taken; a repeat has the same Message-ID, by which mailboxes show it once."""

    message_id: str
    to: str
    subject: str
    at: float


@dataclass(frozen=True)
class Ring:
    """One event that the pager took; it rings once for a `dedup_key`."""

    action: str
    dedup_key: str
    at: float


@dataclass(frozen=True)
class Posted:
    """One notice that the webhook took; a repeat has the same `key`, by which gateways show it once."""

    key: str
    to: str
    at: float


@dataclass
class Executioner:
    """Kills the caller of a server, before or after the server took what it sent."""

    road: str
    kill: Kill | None = None
    pid: int = 0
    _left: int = field(default=0, init=False)

    def aim(self, kill: Kill, pid: int) -> None:
        """Strike the process `pid` when a call of this road reaches the kill's point."""
        self.kill, self.pid, self._left = kill, pid, kill.nth

    def strike(self, point: Point) -> bool:
        """Kill if this is the point; whether it was."""
        kill = self.kill
        if kill is None or kill.point is not point or self.road not in kill.what:
            return False
        self._left -= 1
        if self._left:
            return False
        self.kill = None
        os.kill(self.pid, signal.SIGKILL)
        return True


class MailServer:
    """Takes every letter: `async with MailServer(now) as mail: mail.url`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.letters: list[Letter] = []
        self.executioner = Executioner("mail")
        self._now = now
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    @property
    def url(self) -> str:
        """What SMTP_URL is set to."""
        return f"smtp://127.0.0.1:{self._controller.port}?from=sitrep@example.com"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.executioner.strike(Point.SENT):
            return "451 the line broke"  # the whole letter had not come: it is not kept
        message = email.message_from_bytes(envelope.content)
        for to in envelope.rcpt_tos:
            self.letters.append(Letter(str(message["Message-ID"]), to, str(message["Subject"]), self._now()))
        self.executioner.strike(Point.ACCEPTED)
        return "250 taken"

    async def __aenter__(self) -> Self:
        self._controller.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._controller.stop()


class _Receiver:
    """An HTTP server on loopback that takes what is posted to one path of it."""

    def __init__(self, name: str, path: str, now: Callable[[], float]) -> None:
        self.executioner = Executioner(name)
        self._now = now
        self._port, self._path = free_port(), path
        app = web.Application()
        app.router.add_post(path, self._take)
        self._runner = web.AppRunner(app, access_log=None)

    async def _take(self, request: web.Request) -> web.Response:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


class PagerServer(_Receiver):
    """Takes events in the shape of PagerDuty's Events API: `async with PagerServer(now) as pager: pager.url`."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__("pager", "/v2/enqueue", now)
        self.rings: list[Ring] = []
        self.breaks_off = False  #: take what comes, and hang up without an answer

    @property
    def url(self) -> str:
        """What PAGER_URL is set to."""
        return f"http://127.0.0.1:{self._port}"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not self.executioner.strike(Point.SENT):
            self.rings.append(Ring(body["event_action"], body["dedup_key"], self._now()))
            self.executioner.strike(Point.ACCEPTED)
        if self.breaks_off and request.transport is not None:
            request.transport.abort()
        return web.json_response({"status": "success", "dedup_key": body["dedup_key"]}, status=202)


class WebhookServer(_Receiver):
    """Takes what is posted to the organisation's own address: `async with WebhookServer(now) as hook: hook.url`."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__("webhook", WEBHOOK_PATH, now)
        self.posted: list[Posted] = []

    @property
    def url(self) -> str:
        """What WEBHOOK_URL is set to."""
        return f"http://127.0.0.1:{self._port}{self._path}"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not self.executioner.strike(Point.SENT):
            key = request.headers["Idempotency-Key"]
            self.posted += [Posted(key, to.lower(), self._now()) for to in body["to"]]
            self.executioner.strike(Point.ACCEPTED)
        return web.json_response({"status": "taken"})
