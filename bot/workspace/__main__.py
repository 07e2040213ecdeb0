"""Run a workspace alone: `python -m bot.workspace CONFIG.json [PORT]`; the file holds a WorkspaceConfig."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import pydantic

from bot.workspace.config import WorkspaceConfig
from bot.workspace.server import Workspace


async def _serve(config: WorkspaceConfig, port: int) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Workspace(config, port=port) as workspace:
        sys.stdout.write(f"{workspace.url}\n")
        sys.stdout.flush()
        await stopping.wait()


def main() -> int:
    """Read the configuration, print the address, serve until a signal; return the exit code."""
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    logging.basicConfig(level=logging.WARNING)
    path = Path(sys.argv[1])
    try:
        config = WorkspaceConfig.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as fault:
        sys.stderr.write(f"{path}: {fault.strerror}\n")
        return 1
    except pydantic.ValidationError as fault:
        sys.stderr.write(f"{path}: {fault}\n")
        return 1
    asyncio.run(_serve(config, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
