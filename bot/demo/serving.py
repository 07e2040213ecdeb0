"""`sitrep serve` as a process of its own, started again when it dies, as a service manager would."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from rich.console import Console

from incidents.errors import SitrepError

_READY_SECONDS = 30.0
_STOP_SECONDS = 15.0
_LOG_LINES = 15  # of the end of the log, shown when it does not start


class Serving:
    """Sitrep with its database below `root`, told by `environment` alone where Slack is: use with `async with`."""

    def __init__(self, root: Path, environment: Mapping[str, str], console: Console) -> None:
        self._log = root / "sitrep.log"
        self._data = root / "data"
        self._address = environment["SITREP_HTTP"]
        self._environment = {
            **_inherited(),
            **environment,
            "DATABASE_URL": f"sqlite:///{self._data / 'sitrep.db'}",
            "SITREP_DATA": str(self._data),
        }
        self._console = console
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._data.mkdir(exist_ok=True)
        for old in (self._log, *self._data.glob("sitrep.db*")):
            old.unlink(missing_ok=True)
        try:
            self._keeper = asyncio.create_task(self._keep(await self._start()))
        except BaseException:  # it did not get ready, or was not waited for
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError, SitrepError):  # said when it happened
                await self._keeper
        await self._stop()

    async def _start(self) -> asyncio.subprocess.Process:
        with self._log.open("a", encoding="utf-8") as file:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.cli",
                "serve",
                env=self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        await self._ready(self._process)
        return self._process

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        """Start Sitrep again whenever its process ends."""
        while True:
            code = await process.wait()
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            self._console.print(f"Sitrep {how}; starting it again …")
            try:
                process = await self._start()
            except SitrepError as error:
                self._console.print(f"[red]{error}[/red]")
                raise
            self._console.print("Sitrep goes on where it was.")

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            deadline = asyncio.get_running_loop().time() + _READY_SECONDS
            while asyncio.get_running_loop().time() < deadline and process.returncode is None:
                with contextlib.suppress(httpx.HTTPError):
                    if (await client.get(f"http://{self._address}/readyz")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(0.05)
        written = await asyncio.to_thread(self._log.read_text, encoding="utf-8")
        tail = "\n".join(written.splitlines()[-_LOG_LINES:])
        raise SitrepError(f"Sitrep did not start. Its log ends:\n{tail}")

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _inherited() -> dict[str, str]:
    # Passed on to the process that serves: its PATH, its locale, and a model key where one is set.
    return {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed on whole, not read
        if not name.startswith(("SLACK_", "SITREP_", "DATABASE_"))
    }
