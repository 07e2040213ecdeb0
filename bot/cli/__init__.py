"""The command `sitrep`. Each command imports what it needs when it runs: `sitrep --help` answers at once."""

import asyncio
import gc
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import workflows
from incidents.errors import SitrepError

app = typer.Typer(
    name="sitrep",
    help="Sitrep opens the room, keeps everybody told, and drives the fix.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(workflows.app, name="workflows")


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"sitrep {metadata.version('sitrep-bot')}")  # noqa: T201 - that is the option's purpose
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, help="Say which one this is."),
    ] = False,
) -> None:
    """Sitrep opens the room, keeps everybody told, and drives the fix."""


def main() -> None:
    """Run the command line; what a person can mend is one sentence on stderr and exit code 1."""
    try:
        app()
    except SitrepError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line speaks to people
        sys.exit(1)


@app.command()
def serve(
    http: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Take Slack's requests at /slack/events there, instead of Socket Mode."),
    ] = "",
) -> None:
    """Run Sitrep: Socket Mode when SLACK_APP_TOKEN is set, or --http."""
    gc.disable()  # nothing that an import makes is garbage; `process.serve` enables it again
    from bot import serve as process  # noqa: PLC0415 - see the module
    from bot import settings  # noqa: PLC0415 - see the module

    try:
        events_at = settings.parse_address(http) if http else None
    except ValueError as error:
        raise SitrepError(f"--http: {error}.", remedy="Write HOST:PORT, such as 0.0.0.0:3000.") from None
    asyncio.run(process.serve(settings.load(), events_at))


@app.command()
def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Post a message, find, edit and delete it; open a socket.")
    ] = False,
    to: Annotated[
        str, typer.Option(metavar="ID", help="Where --live posts: a channel or a person; else operators_channel.")
    ] = "",
) -> None:
    """Check tokens, scopes, database, configuration, git, models and sandbox; say what to mend."""
    from bot.cli.checkup import run  # noqa: PLC0415 - see the module

    raise typer.Exit(asyncio.run(run(live=live or bool(to), to=to)))


@app.command()
def export(incident: Annotated[str, typer.Argument(metavar="INC", help="inc-7, or 7.")]) -> None:
    """Print one incident whole, as JSON."""
    from bot import settings  # noqa: PLC0415 - see the module
    from bot.cli import exporting  # noqa: PLC0415 - see the module

    print(asyncio.run(exporting.run(settings.load(), incident)))  # noqa: T201 - that is the command's purpose


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new file, such as sitrep-2026-11-21.jsonl.gz.")]) -> None:
    """Write the whole database into a file, also while `sitrep serve` runs."""
    from bot import settings  # noqa: PLC0415 - see the module
    from bot.cli import safekeeping  # noqa: PLC0415 - see the module

    print(asyncio.run(safekeeping.save(settings.load(), file)))  # noqa: T201 - says what was done


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="What `sitrep backup` wrote.")]) -> None:
    """Fill an empty database, SQLite or PostgreSQL, from a backup of either."""
    from bot import settings  # noqa: PLC0415 - see the module
    from bot.cli import safekeeping  # noqa: PLC0415 - see the module

    print(asyncio.run(safekeeping.restore(settings.load(), file)))  # noqa: T201 - says what was done


@app.command()
def check_config(
    folder: Annotated[Path | None, typer.Argument(help="The configuration folder; default SITREP_CONFIG.")] = None,
) -> None:
    """Read every policy, workflow, prompt and sitrep.yml; name all mistakes."""
    from bot import settings  # noqa: PLC0415 - see the module
    from bot.cli import configuration  # noqa: PLC0415 - see the module

    print(configuration.run(folder or settings.load().config))  # noqa: T201 - that is the command's purpose


@app.command()
def demo(
    autoplay: Annotated[bool, typer.Option("--autoplay", help="Play the people's parts, too, and end.")] = False,
    port: Annotated[int, typer.Option(help="Where the workspace's page is served.")] = 8700,
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True,
    root: Annotated[Path, typer.Option(help="Folder for everything the demo writes.")] = Path("var/demo"),
) -> None:
    """Run a local Slack workspace, a service that a bad release breaks, and Sitrep between them."""
    from bot.demo import main as stage  # noqa: PLC0415 - see the module

    raise typer.Exit(asyncio.run(stage.run(stage.Options(root=root, port=port, autoplay=autoplay, browser=browser))))
