"""One workspace with two apps, each a real process: Sitrep, and a bare Bolt app as the baseline."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from slack_sdk.models.blocks import ActionsBlock, ButtonElement
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.config import AppConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.processes import free_port

ROOT = Path(__file__).parents[2]
SITREP, BARE = "Sitrep", "Bare"
TOKENS = {SITREP: ("xoxb-bench-sitrep", "xapp-bench-sitrep"), BARE: ("xoxb-bench-bare", "xapp-bench-bare")}
BUTTON = ActionsBlock(elements=[ButtonElement(text="Press", action_id="press")]).to_dict()


@dataclass
class Started:
    """A process, and how long it took to connect."""

    pid: int
    seconds: float


def _app(name: str, manifest: dict[str, Any]) -> AppConfig:
    bot, app = TOKENS[name]
    return AppConfig(name=name, bot_token=bot, app_token=app, signing_secret="bench", manifest=manifest)


def configuration() -> WorkspaceConfig:
    """Return a workspace without rate limits: measured is our own time, not Slack's patience."""
    manifest = YAML(typ="safe", pure=True).load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    bare = {
        **manifest,
        "display_information": {"name": BARE},
        "features": {
            "bot_user": {"display_name": BARE},
            "slash_commands": [{"command": "/bare", "description": "Nothing"}],
        },
        "settings": {"socket_mode_enabled": True},
    }
    person = PersonConfig(id="U0AVA", name="ava", real_name="Ava Stone", email="ava@example.com")
    return WorkspaceConfig(
        people=[person], apps=[_app(SITREP, manifest), _app(BARE, bare)], limits=LimitConfig(enabled=False)
    )


@asynccontextmanager
async def workspace() -> AsyncIterator[Workspace]:
    """Yield a workspace without rate limits: measured is our own time, not Slack's patience."""
    async with Workspace(configuration()) as running:
        yield running


@asynccontextmanager
async def person(running: Workspace) -> AsyncIterator[Person]:
    """Yield somebody at the workspace's page."""
    async with Person(running.url, "U0AVA") as ava:
        yield ava


@asynccontextmanager
async def sitrep(running: Workspace, ava: Person, **settings: str) -> AsyncIterator[Started]:
    """Yield `sitrep serve`, connected, on a database of its own; `settings` go into its environment."""
    with tempfile.TemporaryDirectory() as data:
        more = {"SITREP_DATA": data, "SITREP_HTTP": f"127.0.0.1:{free_port()}", **settings}
        async with _process(SITREP, running, ava, ["-m", "bot.cli", "serve"], more) as started:
            yield started


@asynccontextmanager
async def bare(running: Workspace, ava: Person, **settings: str) -> AsyncIterator[Started]:
    """Yield the baseline, connected; `settings` go into its environment."""
    async with _process(BARE, running, ava, ["-m", "tests.benchmarks.bare_app"], settings) as started:
        yield started


@asynccontextmanager
async def _process(
    name: str, running: Workspace, ava: Person, arguments: list[str], more: dict[str, str]
) -> AsyncIterator[Started]:
    bot, app = TOKENS[name]
    environment = {
        "PATH": os.environ["PATH"],
        "SLACK_BOT_TOKEN": bot,
        "SLACK_APP_TOKEN": app,
        "SLACK_API_URL": running.api_url,
        **more,
    }
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await ava.wait_for_app(name, timeout=60)
        yield Started(process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        await process.wait()


def web(running: Workspace, name: str) -> AsyncWebClient:
    """Return a client with the app's token."""
    return AsyncWebClient(token=TOKENS[name][0], base_url=running.api_url)
