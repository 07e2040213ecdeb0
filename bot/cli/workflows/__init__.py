"""`sitrep workflows`: list, show and check the workflows that severities are answered with."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List, show and check workflows.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option("--config", metavar="DIR", help="The configuration folder; default SITREP_CONFIG."),
]


@app.command("list")
def list_workflows(config: Folder = None) -> None:
    """Name every workflow, for whom it is, how much it holds and how long it takes at most."""
    from rich.console import Console  # noqa: PLC0415 - see bot.cli

    from bot.cli.workflows import choosing, printing  # noqa: PLC0415 - see bot.cli

    Console().print(printing.listing(choosing.library(config)))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A workflow, the beginning of its name, a severity, or bug.")],
    config: Folder = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture there as well.")] = None,
) -> None:
    """Print the steps of a workflow: what each waits for, how long it takes, and which decide the end."""
    from rich.console import Console  # noqa: PLC0415 - see bot.cli

    from bot.cli.workflows import choosing, picture, printing  # noqa: PLC0415 - see bot.cli

    definition = choosing.workflow(choosing.library(config), name)
    console = Console()
    for part in printing.shown(definition):
        console.print(part)
    if svg is not None:
        picture.write(definition, svg)
        console.print(f"The picture stands in {svg}.", highlight=False)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Your own workflows, policies and prompts.")],
) -> None:
    """Read the files of a folder together with the shipped ones; explain every mistake with file and line."""
    from bot.cli.workflows import checking  # noqa: PLC0415 - see bot.cli

    print(checking.run(folder))  # noqa: T201 - that is the command's purpose
