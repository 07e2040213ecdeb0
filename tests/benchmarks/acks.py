"""How long until a payload is acked, beside a bare Bolt app over the same workspace, in turns.

One at a time and in bursts: a burst of 200 commands is what an outage looks like when everybody asks at once.
Submissions are such as are refused (an empty text), before any transaction; `stored` measures those that are taken.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import stage
from tests.benchmarks.bare_app import FORM
from tests.benchmarks.report import Line, percentile

#: Payloads at once -> how many such bursts.
BURSTS = {1: 120, 50: 8, 200: 4}
_WARMING_UP = 10
_PAUSE_SECONDS = 0.04  # what follows an ack (a modal, a reply) ends before the next measurement begins
_LIMIT = 2.0

Act = Callable[[], Awaitable[Any]]


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

    async def burst(self, name: str, at_once: int, act: Act) -> None:
        """Do something so many times at once, timed under `name`."""
        self.series(name)
        await asyncio.gather(*(act() for _ in range(at_once)))
        await asyncio.sleep(_PAUSE_SECONDS)

    def series(self, name: str) -> None:
        """Put what follows under `name`."""
        self._series = name


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return p50 and p99 of /incident, of clicks and of submissions, each beside the bare app's."""
    acks = Acks(running)
    lines: list[Line] = []
    async with stage.sitrep(running, ava), stage.bare(running, ava):
        posted = await stage.web(running, stage.BARE).chat_postMessage(
            channel=ava.channel_id("general"), text="press", blocks=[stage.BUTTON]
        )
        bare = await ava.wait_for_message("general", lambda message: message["ts"] == posted["ts"])
        card, room = await _card(ava)
        pressed: dict[str, Act] = {
            "command": lambda: ava.command("/incident", "help"),
            "bare command": lambda: ava.command("/bare", "help"),
            "click": lambda: ava.click(room, card, "Post update"),
            "bare click": lambda: ava.click("general", bare, "Press"),
        }
        opened: dict[str, Act] = {
            "refused submission": pressed["click"],
            "bare refused submission": lambda: ava.command("/bare", FORM),
        }
        for at_once, bursts in BURSTS.items():
            first = _WARMING_UP if at_once == 1 else 1
            for turn in range(first + bursts):
                if turn == first:
                    acks.seconds.clear()
                for name, act in pressed.items():
                    await acks.burst(name, at_once, act)
            await _settled(ava)
            for _ in range(bursts):
                for name, open_form in opened.items():
                    form = await _form(acks, ava, open_form)
                    await acks.burst(name, at_once, _sender(ava, form))
            what = ("command", "click", "refused submission")
            lines += [_line(acks, each, share, at_once) for each in what for share in (0.5, 0.99)]
    return lines


def _line(acks: Acks, what: str, share: float, at_once: int) -> Line:
    ours, bare = (percentile(acks.seconds[name], share) * 1000 for name in (what, f"bare {what}"))
    # Promised is the 99th percentile; the median is told.
    limit = _LIMIT if share > 0.5 else None
    return Line(f"ack of a {what}, {at_once} at once, p{share * 100:.0f}", ours, "ms", limit, bare, "bare Bolt app")


async def _form(acks: Acks, ava: Person, open_form: Act) -> dict[str, Any]:
    """Open a form anew and return it."""
    if ava.screen.views:
        await ava.close(ava.screen.views[-1], whole_stack=True)
        await ava.wait_until_no_view()
    acks.series("opening")
    await open_form()
    return await ava.wait_for_view()


def _sender(ava: Person, form: dict[str, Any]) -> Act:
    async def send() -> None:
        answer = await ava.submit(form, {"text": "x"} if form["callback_id"] == FORM else {"condition": " "})
        assert answer.get("errors"), f"refused, or the next one finds no form: {answer}"

    return send


async def _settled(ava: Person) -> None:
    """Wait until the forms that the last clicks ask for have all come."""
    seen = None
    while seen != (now := [view["id"] for view in ava.screen.views]):
        seen = now
        await asyncio.sleep(2.0)


async def _card(ava: Person) -> tuple[dict[str, Any], str]:
    """Declare an incident; returns its card and its channel."""
    await ava.command("/incident", "checkout returns 500s")
    view = await ava.wait_for_view()
    await ava.submit(view)
    channel = await ava.wait_for_channel(lambda each: each["name"].startswith("inc-"))
    card = await ava.wait_for_message(channel["id"], lambda message: "Acknowledge" in str(message.get("blocks")))
    return card, str(channel["id"])
