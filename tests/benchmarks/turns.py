"""Fair turns: whoever is measured begins in quiet, and none always comes after the same one."""

import asyncio
from collections.abc import Sequence

from bot.workspace.server import Workspace

_LOOK_SECONDS = 0.01
_PATIENCE_SECONDS = 60.0


def order(names: Sequence[str], turn: int) -> list[str]:
    """Return the names in the order of this turn: every other turn backwards, every two turns another comes first."""
    first = turn // 2 % len(names)
    rotated = [*names[first:], *names[:first]]
    return rotated[::-1] if turn % 2 else rotated


async def quiet(running: Workspace, still_seconds: float) -> None:
    """Wait until no app has called the workspace for so long: what the last payloads asked for has come.

    Raises:
        TimeoutError: when an app goes on calling for a minute.
    """
    loop = asyncio.get_running_loop()
    last, since = _last(running), loop.time()
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while loop.time() - since < still_seconds:
            await asyncio.sleep(_LOOK_SECONDS)
            if (now := _last(running)) is not last:
                last, since = now, loop.time()


def _last(running: Workspace) -> object:
    return next(iter(running.core.calls.entries()[-1:]), None)
