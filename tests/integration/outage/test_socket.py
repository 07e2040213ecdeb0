"""Socket Mode on a line that goes silent without closing, is cut, or finds nobody for a while."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from slack_bolt.async_app import AsyncApp

from bot import socket_mode
from bot.slack_client import SlackLine
from bot.socket_mode import SocketMode
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault, FaultKind
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import APP_TOKEN, BOT_TOKEN, SECRET, configuration

PING_SECONDS = 0.25


class Line:
    """A line to the workspace that can fall silent: it stays open, and nothing passes any more."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._silent: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.refusing = False
        self.hanging = 0  #: so many dials are accepted and never answered: a proxy whose far side is gone
        self.address = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    def fall_silent(self) -> None:
        """Let nothing pass on the connections that are open; new ones work."""
        self._silent |= self._open

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        if self.hanging:
            self.hanging -= 1
            await reader.read(-1)
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, far_writer}
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                if writer not in self._silent:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        writer.close()
        self._open.discard(writer)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "_PING_SECONDS", PING_SECONDS)
    monkeypatch.setattr(socket_mode, "_WATCH_SECONDS", 0.05)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Workspace, Line, SocketMode, asyncio.Queue[str], Person]]:
    """Yield a workspace, the line to it, the intake at its end, what the intake heard, and a person."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with Workspace(configuration()) as workspace:
        line = Line(int(workspace.url.rpartition(":")[2]))
        await line.start()
        async with Person(workspace.url, "U0AVA") as ava:
            workspace.core.base_url = line.address
            async with SlackLine(BOT_TOKEN, workspace.api_url) as slack:
                app = AsyncApp(client=slack.client, signing_secret=SECRET)

                @app.command("/ops")
                async def ops(ack: object, command: dict[str, str]) -> None:
                    await ack()  # type: ignore[operator]
                    heard.put_nowait(command["text"])

                intake = SocketMode(app, slack.client, APP_TOKEN)
                await intake.start()
                try:
                    yield workspace, line, intake, heard, ava
                finally:
                    await intake.stop()
        await line.stop()


async def until(test: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not test():  # noqa: ASYNC110 - the intake tells nobody
            await asyncio.sleep(0.01)


async def until_said(ava: Person, text: str, within_seconds: float) -> None:
    """Type the command until somebody acks it, as a person would."""
    async with asyncio.timeout(within_seconds):
        while True:
            try:
                await ava.command("/ops", text)
            except Exception:  # noqa: BLE001 - whatever the workspace answers while nobody listens
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_socket_that_falls_silent_is_noticed_and_dialled_anew() -> None:
    async with listening() as (_, line, intake, heard, ava):
        await ava.command("/ops", "before")
        assert await heard.get() == "before"
        line.fall_silent()
        began = time.monotonic()
        await until(lambda: intake.trouble != "")
        await until(lambda: intake.trouble == "")
        assert time.monotonic() - began < 15  # what Slack was asked on the dead line is waited for, 10 s
        await until_said(ava, "after", 5)
        assert await heard.get() == "after"


async def test_a_socket_that_is_cut_is_dialled_anew() -> None:
    async with listening() as (workspace, _, intake, heard, ava):
        await workspace.request_faults(Fault(kind=FaultKind.SOCKET_DROP))
        await until_said(ava, "after", 10)
        assert await heard.get() == "after"
        await until(lambda: intake.trouble == "")


async def test_slack_out_of_reach_is_dialled_until_it_answers() -> None:
    async with listening() as (workspace, line, intake, heard, ava):
        line.refusing = True
        await workspace.request_faults(Fault(kind=FaultKind.SOCKET_DROP))
        await until(lambda: intake.trouble != "")
        await asyncio.sleep(4 * PING_SECONDS)  # several tries fail meanwhile
        line.refusing = False
        await until_said(ava, "after", 10)
        assert await heard.get() == "after"


@pytest.mark.parametrize("step", [3600.0, -3600.0], ids=["an hour ahead", "an hour back"])
async def test_a_clock_that_steps_leaves_the_line_up_and_watched(step: float, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as (_, line, intake, heard, ava):
        machine = time.time
        monkeypatch.setattr(time, "time", lambda: machine() + step)
        await asyncio.sleep(6 * PING_SECONDS)
        await until_said(ava, "stepped", 10)
        assert await heard.get() == "stepped"
        line.fall_silent()
        await until(lambda: intake.trouble != "")
        await until_said(ava, "after", 10)
        assert await heard.get() == "after"


async def test_a_first_address_that_nobody_answers_is_given_up_for_a_fresh_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "_STUCK_SECONDS", 0.2)
    async with Workspace(configuration()) as workspace, SlackLine(BOT_TOKEN, workspace.api_url) as slack:
        here, workspace.core.base_url = workspace.core.base_url, "http://127.0.0.1:9"
        intake = SocketMode(AsyncApp(client=slack.client, signing_secret=SECRET), slack.client, APP_TOKEN)
        starting = asyncio.create_task(intake.start())
        try:
            await until(lambda: bool(intake.trouble) and intake._handler is not None)
            workspace.core.base_url = here  # whoever asks now gets an address that is answered
            async with asyncio.timeout(10):
                await starting
            await until(lambda: intake.trouble == "")
        finally:
            starting.cancel()
            await intake.stop()


async def test_a_dial_that_nobody_answers_is_given_up_and_the_open_line_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_mode, "_DIAL_SECONDS", 0.3)
    async with listening() as (workspace, line, intake, heard, ava):
        line.hanging = 1
        await workspace.request_faults(Fault(kind=FaultKind.SOCKET_DROP))
        await until(lambda: line.hanging == 0)
        await until(lambda: intake.trouble != "")
        async with asyncio.timeout(10):
            await until(lambda: intake.trouble == "")
        assert intake._handler is not None
        dialled = intake._handler.client.current_session
        await asyncio.sleep(1)  # longer than a dial may take
        await until_said(ava, "after", 5)
        assert await heard.get() == "after"
        assert intake._handler.client.current_session is dialled
