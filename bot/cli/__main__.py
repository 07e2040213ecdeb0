"""`python -m bot.cli` is `sitrep`."""

from bot import cli

cli.main()
