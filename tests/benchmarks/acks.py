"""How long until a command and a click are acked, beside a bare Bolt app over the same workspace, in turns."""

import asyncio
import time
from typing import Any

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import stage
from tests.benchmarks.report import Line, percentile

ROUNDS, WARMING_UP = 120, 10
_PAUSE_SECONDS = 0.04  # what follows an ack (a modal, a reply) ends before the next measurement begins
_LIMIT = 2.0


class Acks:
    """Times every payload from its leaving the workspace to its ack."""

    def __init__(self, running: Workspace) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._series = ""
        self._ask = running.core.delivery.ask
        running.core.delivery.ask = self._timed  # type: ignore[method-assign]

    async def _timed(self, *arguments: Any) -> Any:
        began = time.perf_counter()
        answer = await self._ask(*arguments)
        self.seconds.setdefault(self._series, []).append(time.perf_counter() - began)
        return answer

    def series(self, name: str) -> None:
        """Put what follows under `name`."""
        self._series = name


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return p50 and p99 of /incident and of clicks, each beside the bare app's."""
    acks = Acks(running)
    async with stage.sitrep(running, ava), stage.bare(running, ava):
        posted = await stage.web(running, stage.BARE).chat_postMessage(
            channel=ava.channel_id("general"), text="press", blocks=[stage.BUTTON]
        )
        card, room = await _card(ava)
        bare = await ava.wait_for_message("general", lambda message: message["ts"] == posted["ts"])
        for turn in range(WARMING_UP + ROUNDS):
            if turn == WARMING_UP:
                acks.seconds.clear()
            for name, act in (
                ("command", lambda: ava.command("/incident", "help")),
                ("bare command", lambda: ava.command("/bare", "help")),
                ("click", lambda: ava.click(room, card, "Post update")),
                ("bare click", lambda: ava.click("general", bare, "Press")),
            ):
                acks.series(name)
                await act()
                await asyncio.sleep(_PAUSE_SECONDS)
    return [
        Line(
            f"ack of {what}, p{share * 100:.0f}",
            percentile(acks.seconds[series], share) * 1000,
            "ms",
            _LIMIT,
            percentile(acks.seconds[f"bare {series}"], share) * 1000,
            "bare Bolt app",
        )
        for what, series in (("/incident", "command"), ("a click", "click"))
        for share in (0.5, 0.99)
    ]


async def _card(ava: Person) -> tuple[dict[str, Any], str]:
    """Declare an incident; returns its card and its channel."""
    await ava.command("/incident", "checkout returns 500s")
    view = await ava.wait_for_view()
    await ava.submit(view)
    channel = await ava.wait_for_channel(lambda each: each["name"].startswith("inc-"))
    card = await ava.wait_for_message(channel["id"], lambda message: "Acknowledge" in str(message.get("blocks")))
    return card, str(channel["id"])
