"""Sitrep as a process, or as the same object inside the test, over a workspace."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from bot.serve import Process
from bot.settings import Address, Settings
from bot.workspace.config import WorkspaceConfig
from bot.workspace.server import Workspace
from tests.integration.delivery.conftest import TOKEN, configuration
from tests.processes import free_port

APP_TOKEN, SECRET = "xapp-sitrep", "secret"


def company(**changes: Any) -> WorkspaceConfig:
    return configuration(**changes)


def environment(workspace_url: str, data: Path, **changes: Any) -> Settings:
    """What would stand in the environment."""
    fields: dict[str, Any] = {
        "slack_bot_token": SecretStr(TOKEN),
        "slack_app_token": SecretStr(APP_TOKEN),
        "slack_api_url": workspace_url,
        "data": data,
        "http": Address("127.0.0.1", free_port()),
    }
    return Settings(**{**fields, **changes})


class Probe:
    """Asks a running Sitrep how it is."""

    def __init__(self, address: str, process: Process | None = None, running: asyncio.Task[None] | None = None) -> None:
        self.process = process  #: where it runs inside the test
        self._running = running
        self._client = httpx.AsyncClient(base_url=f"http://{address}", trust_env=False)

    async def get(self, path: str) -> httpx.Response:
        return await self._client.get(path)

    async def checks(self) -> dict[str, str]:
        try:
            return dict((await self.get("/readyz")).json()["checks"])
        except httpx.TransportError:
            return {"start": "nothing listens yet"}

    async def ready(self, timeout: float = 20) -> None:
        await self.until(lambda checks: set(checks.values()) == {"ok"}, timeout)

    async def until(self, test: Any, timeout: float = 20) -> dict[str, str]:
        async with asyncio.timeout(timeout):
            while True:
                checks = await self.checks()
                if test(checks):
                    return checks
                await asyncio.sleep(0.02)

    async def ended(self, timeout: float = 20) -> None:
        """Wait until the process has ended by itself."""
        assert self._running is not None
        done, _ = await asyncio.wait({self._running}, timeout=timeout)
        assert done, "it runs still"

    async def aclose(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def serving(env: Settings, events_at: Address | None = None) -> AsyncIterator[Probe]:
    """Sitrep inside the test's own process; it must end without an error when asked to."""
    process = Process(env, events_at)
    task = asyncio.create_task(process.run())
    probe = Probe(str(env.http), process, task)
    try:
        yield probe
    finally:
        await probe.aclose()
        process.stop()
        await task


@asynccontextmanager
async def command(*arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`sitrep …` as a process of its own."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cli",
        *arguments,
        env={**inherited, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run `sitrep …` to its end; returns exit code, stdout and stderr."""
    async with command(*arguments, **variables) as process:
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


def parsed(text: str) -> Any:
    return json.loads(text)


def workspace(**changes: Any) -> Workspace:
    return Workspace(company(**changes))
