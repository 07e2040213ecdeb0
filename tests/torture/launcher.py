"""Start `sitrep` so that it kills itself at a named point, and with its clock set ahead; the product knows of neither.

Reads TORTURE_KILL, a `Kill` as JSON, and TORTURE_AHEAD, seconds. Run as `python -m tests.torture.launcher serve`.
"""

import asyncio
import json
import os
import re
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import aiosmtplib
import apscheduler.schedulers.base
import apscheduler.triggers.date
import httpx
from slack_sdk.web.async_base_client import AsyncBaseClient
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.default import DefaultDialect

import incidents.clock
import incidents.shared_clock
from bot import cli
from incidents.agents.playbook.runner import PlaybookRunner
from tests.torture.points import WEBHOOK_PATH, Kill, Point

_ROADS = {"/v2/enqueue": "pager", WEBHOOK_PATH: "webhook"}
_AT_WORK_SECONDS = 0.15  # after this a call is on the wire, and the workspace holds its answer back for longer


class Trap:
    """Kills this process when the point is reached for the n-th time."""

    def __init__(self, kill: Kill) -> None:
        self._kill = kill
        self._what = re.compile(kill.what)
        self._left = kill.nth

    def waits_at(self, point: Point, text: str) -> bool:
        """Whether the process is to die at `point` with `text` now."""
        if point is not self._kill.point or not self._what.search(text):
            return False
        self._left -= 1
        return self._left == 0

    def reach(self, point: Point, text: str) -> None:
        """Die here if that is wanted."""
        if self.waits_at(point, text):
            die()


def die() -> None:
    """End as `kill -9` ends a process; what it started lives on."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch_transactions(trap: Trap) -> None:
    """Reach WRITING inside a transaction, COMMITTING before and COMMITTED after its commit, by its statements."""
    about_to_commit: list[str] = []

    @event.listens_for(Engine, "after_cursor_execute")
    def executed(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        text = f"{statement} {parameters!r}"
        if not statement.startswith(("SELECT", "PRAGMA", "BEGIN")):
            connection.info.setdefault("written", []).append(text)
        trap.reach(Point.WRITING, text)

    @event.listens_for(Engine, "rollback")
    def rolled_back(connection: Connection) -> None:
        connection.info.pop("written", None)

    @event.listens_for(Engine, "commit")
    def committing(connection: Connection) -> None:
        about_to_commit[:] = connection.info.pop("written", [])
        if about_to_commit:
            trap.reach(Point.COMMITTING, "\n".join(about_to_commit))

    commit = DefaultDialect.do_commit

    def committed(self: DefaultDialect, connection: Any) -> None:
        text = "\n".join(about_to_commit)  # taken before the commit gives way to other tasks
        about_to_commit.clear()
        commit(self, connection)
        if text:
            trap.reach(Point.COMMITTED, text)

    DefaultDialect.do_commit = committed  # type: ignore[method-assign]


def watch_calls(trap: Trap) -> None:
    """Reach SENT, ACCEPTED and ANSWERED of Web API calls, letters and the pager's events."""
    tracing = aiohttp.TraceConfig()

    async def started(_session: Any, _context: SimpleNamespace, given: aiohttp.TraceRequestStartParams) -> None:
        if trap.waits_at(Point.SENT, _method(given.url.path)):
            asyncio.get_running_loop().call_later(_AT_WORK_SECONDS, die)

    async def ended(_session: Any, _context: SimpleNamespace, given: aiohttp.TraceRequestEndParams) -> None:
        trap.reach(Point.ACCEPTED, _method(given.url.path))

    tracing.on_request_start.append(started)
    tracing.on_request_end.append(ended)
    make_session = aiohttp.ClientSession.__init__

    def traced(self: aiohttp.ClientSession, *positional: Any, **named: Any) -> None:
        make_session(self, *positional, **{**named, "trace_configs": [tracing, *(named.get("trace_configs") or ())]})

    aiohttp.ClientSession.__init__ = traced  # type: ignore[method-assign]

    def answered(call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        async def calling(*positional: Any, **named: Any) -> Any:
            answer = await call(*positional, **named)
            trap.reach(Point.ANSWERED, name(*positional))
            return answer

        return calling

    AsyncBaseClient.api_call = answered(AsyncBaseClient.api_call, lambda _client, method: str(method))  # type: ignore[method-assign]
    aiosmtplib.SMTP.send_message = answered(aiosmtplib.SMTP.send_message, lambda *_: "mail")  # type: ignore[method-assign]
    httpx.AsyncClient.post = answered(httpx.AsyncClient.post, lambda _client, url: _road(str(url)))  # type: ignore[method-assign]


def _road(url: str) -> str:
    return next((road for end, road in _ROADS.items() if url.endswith(end)), "http")


def _method(path: str) -> str:
    return path.removeprefix("/api/") if path.startswith("/api/") else path.split("/")[1]  # upload, hooks


def watch_work(trap: Trap) -> None:
    """Reach CARRYING when an agent begins a step, and SPAWNED when a program was started."""
    run, spawn = PlaybookRunner.run, asyncio.create_subprocess_exec

    async def running(self: PlaybookRunner, request: Any) -> Any:
        trap.reach(Point.CARRYING, request.step.name)
        return await run(self, request)

    async def spawning(*argv: Any, **named: Any) -> Any:
        process = await spawn(*argv, **named)
        if trap.waits_at(Point.SPAWNED, " ".join(map(str, argv))):
            asyncio.get_running_loop().call_later(_AT_WORK_SECONDS, die)
        return process

    PlaybookRunner.run = running  # type: ignore[method-assign]
    asyncio.create_subprocess_exec = spawning


def set_clock_ahead(by: timedelta) -> None:
    """Let the product, the alarm clock inside it and the database's clock live `by` later than the machine."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + by

    asked = incidents.shared_clock.database_time

    async def there(connection: Any) -> datetime:
        return await asked(connection) + by

    incidents.clock.datetime = Ahead  # type: ignore[attr-defined]
    incidents.shared_clock.database_time = there
    apscheduler.schedulers.base.datetime = Ahead
    apscheduler.triggers.date.datetime = Ahead


def main() -> None:
    """Set the traps and run the command line."""
    written = os.environ.get("TORTURE_KILL")
    if written:
        trap = Trap(Kill(**json.loads(written)))
        watch_transactions(trap)
        watch_calls(trap)
        watch_work(trap)
    ahead = float(os.environ.get("TORTURE_AHEAD", "0"))
    if ahead:
        set_clock_ahead(timedelta(seconds=ahead))
    cli.main()


if __name__ == "__main__":
    main()
