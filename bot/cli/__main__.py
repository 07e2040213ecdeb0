"""`python -m bot.cli` is `sitrep`."""

from bot.cli import main

main()
