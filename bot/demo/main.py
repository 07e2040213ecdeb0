"""The demo: a local workspace, a real service that a bad release broke, and Sitrep itself as its own process."""

import asyncio
import contextlib
import secrets
import signal
import socket
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from ruamel.yaml import YAML

from bot.demo import autoplay, people
from bot.demo.service import DemoService
from bot.demo.serving import Serving
from bot.workspace.config import AppConfig, ChannelConfig, WorkspaceConfig
from bot.workspace.server import Workspace
from incidents.errors import SitrepError

_MANIFEST = Path(__file__).parents[2] / "manifest.yml"


@dataclass(frozen=True)
class Options:
    """How the demo is run."""

    root: Path  #: everything it writes lies here
    port: int = 8700  #: of the workspace's page; another is chosen when it is taken
    autoplay: bool = False  #: play the people too, and end
    browser: bool = True  #: open the page

    @property
    def update_every(self) -> str:
        """Return how often status is posted, in the policy's words; shorter than in life, so that one can see it."""
        return "30_seconds" if self.autoplay else "4_minutes"

    @property
    def draft_ahead(self) -> str:
        """Return how long before it is due a status draft appears."""
        return "20s" if self.autoplay else "1m"

    @property
    def watch(self) -> str:
        """Return how long production is watched after a deploy; long enough for some forty orders."""
        return "8s" if self.autoplay else "20s"


async def run(options: Options) -> int:
    """Run the demo; returns the process's exit code."""
    console = Console()
    root = options.root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    try:
        async with stage(options, root, console) as (workspace, service):
            if options.autoplay:
                await autoplay.play(workspace.url, service, console)
                return 0
            page = f"{workspace.url}/?as={people.ids()['ren']}"
            _invite(page, service, console)
            if options.browser:
                await asyncio.to_thread(webbrowser.open, page)
            await _until_interrupted()
            console.print("Stopping.")
            return 0
    except SitrepError as error:
        console.print(f"[red]The demo stopped:[/red] {error}")
        console.print(f"Its logs are in {root}.")
        return 1


@asynccontextmanager
async def stage(options: Options, root: Path, console: Console) -> AsyncIterator[tuple[Workspace, DemoService]]:
    """Set the scene below `root`: the workspace, Sitrep as its own process, and the shop, just broken by a release."""
    secret = secrets.token_hex(8)
    tokens = {"bot": f"xoxb-demo-{secret}", "app": f"xapp-demo-{secret}"}
    async with contextlib.AsyncExitStack() as stack:
        console.print("Building the shop's repository and starting its service …")
        service = await stack.enter_async_context(DemoService(root / "service"))
        config = root / "config"
        services = {"checkout": service.service_yaml(watch=options.watch)}
        people.write_configuration(config, services, update_every=options.update_every, draft_ahead=options.draft_ahead)
        workspace = Workspace(_workspace(tokens), port=_free(options.port))
        await stack.enter_async_context(workspace)
        console.print("Starting Sitrep …")
        served = {
            "SLACK_BOT_TOKEN": tokens["bot"],
            "SLACK_APP_TOKEN": tokens["app"],
            "SLACK_API_URL": workspace.api_url,
            "SITREP_CONFIG": str(config),
            "SITREP_HTTP": f"127.0.0.1:{_free(0)}",
        }
        await stack.enter_async_context(Serving(root, served, console))
        console.print("Deploying a release under light traffic …")
        await service.break_it()
        yield workspace, service


def _workspace(tokens: dict[str, str]) -> WorkspaceConfig:
    manifest = YAML(typ="safe").load(_MANIFEST.read_text(encoding="utf-8"))
    app = AppConfig(
        name="Sitrep",
        bot_token=tokens["bot"],
        app_token=tokens["app"],
        signing_secret=secrets.token_hex(16),
        manifest=manifest,
    )
    return WorkspaceConfig(
        team_name="Example Shop",
        people=people.members(),
        apps=[app],
        channels=[
            ChannelConfig(name="general", purpose="Announcements for everybody"),
            ChannelConfig(name="checkout", purpose="The checkout service", topic="Deploys and questions"),
        ],
    )


def _free(port: int) -> int:
    """Return `port` where nothing listens on it, else a free one."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", wanted))
                return int(probe.getsockname()[1])
    raise SitrepError("No free port could be found.")


def _invite(page: str, service: DemoService, console: Console) -> None:
    console.print()
    console.print(f"[bold]Open {page}[/bold]")
    console.print()
    console.print(f"The shop at {service.production_url}/health answers 503: half its orders fail.")
    console.print(
        "1. You are Ren. In any channel type [bold]/incident checkout returns 500s[/bold] and declare it critical."
    )
    console.print("2. Switch to Ana (top right), acknowledge her page, and follow the channel's pinned card.")
    console.print("3. Choose the fix, approve the deploy, watch the address above answer 200, and resolve.")
    console.print()
    console.print("Status is due every 4 minutes here instead of 30, so that you can see it.")
    console.print(
        "[bold]/incident help[/bold] lists every word, [bold]/incident menu[/bold] what else there is. Ctrl-C ends the"
        " demo; [bold]make demo ARGS=--autoplay[/bold] plays the people too."
    )


async def _until_interrupted() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await stopped.wait()
