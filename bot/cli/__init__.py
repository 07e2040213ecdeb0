"""The command `sitrep`. Each command imports what it needs when it runs: `sitrep --help` needs none of it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from incidents.errors import SitrepError

app = typer.Typer(
    name="sitrep", help="A Slack incident-response bot.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.command()
def serve(
    http: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve /slack/events here instead of Socket Mode.")
    ] = "",
) -> None:
    """Run the bot."""
    from bot import serve as process  # noqa: PLC0415
    from bot import settings  # noqa: PLC0415

    asyncio.run(process.run(settings.load(), settings.parse_address(http) if http else None))


@app.command()
def demo(
    root: Annotated[Path, typer.Option(help="Where everything is written.")] = Path("var/demo"),
    port: Annotated[int, typer.Option(help="Port of the workspace's page.")] = 8700,
    autoplay: Annotated[bool, typer.Option("--autoplay", help="Play the people too, and end.")] = False,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
) -> None:
    """Run everything locally: a workspace, a service that a bad release broke, and Sitrep."""
    from bot.demo import main as stage  # noqa: PLC0415

    options = stage.Options(root=root, port=port, autoplay=autoplay, browser=browser and not autoplay)
    raise typer.Exit(asyncio.run(stage.run(options)))


def main() -> None:
    """Run the command line; what goes wrong is one sentence on stderr, and exit code 1."""
    try:
        app()
    except SitrepError as error:
        sys.stderr.write(f"sitrep: {error}\n")
        raise SystemExit(1) from error
