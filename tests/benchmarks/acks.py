"""How long until a payload is acked, beside a bare Bolt app over the same workspace, in turns.

One at a time and in bursts: a burst of 200 commands is what an outage looks like when everybody asks at once. Each
begins when what the last one asked for has come, and the order changes from turn to turn (`turns`).
Submissions are such as are refused (an empty text), before any transaction; `stored` measures those that are taken.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import stage, turns
from tests.benchmarks.bare_app import FORM
from tests.benchmarks.report import Line, percentile

#: Payloads at once -> how many such bursts; at least 200 samples each, as promised is the 99th percentile.
BURSTS = {1: 200, 50: 8, 200: 4}
_WARMING_UP = 10
_SINGLES = 5  # refused one after the other in the same form
_STILL_SECONDS = {1: 0.03, 50: 0.2, 200: 0.2}
_AT_REST_SECONDS = 2.0  # the steps of the response that was declared are further apart than the calls of one burst
_LIMIT = 2.0

Act = Callable[[], Awaitable[Any]]


class Acks:
    """Times every payload from its leaving the workspace to its ack."""

    def __init__(self, running: Workspace) -> None:
        self.seconds: dict[str, list[float]] = {}
        self.running = running
        self._series: str | None = None
        self._ask = running.core.delivery.ask
        running.core.delivery.ask = self._timed  # type: ignore[method-assign]

    async def _timed(self, *arguments: Any) -> Any:
        series, began = self._series, time.perf_counter()
        answer = await self._ask(*arguments)
        if series is not None:
            self.seconds.setdefault(series, []).append(time.perf_counter() - began)
        return answer

    async def burst(self, name: str, at_once: int, act: Act) -> None:
        """Do something so many times at once, timed under `name`, and wait until what it asked for has come."""
        await self.together(name, [act] * at_once)
        await turns.quiet(self.running, _STILL_SECONDS[at_once])

    async def together(self, name: str, acts: Sequence[Act]) -> list[Any]:
        """Return what came of all of them, done at once; what is asked before and after counts under no name."""
        self._series = name
        try:
            return await asyncio.gather(*(act() for act in acts))
        finally:
            self._series = None


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
        await turns.quiet(running, _AT_REST_SECONDS)
        for at_once, bursts in BURSTS.items():
            await _presses(acks, pressed, at_once, bursts)
            await _refusals(acks, ava, opened, at_once, bursts)
            what = ("command", "click", "refused submission")
            lines += [_line(acks, each, share, at_once) for each in what for share in (0.5, 0.99)]
    return lines


async def _presses(acks: Acks, pressed: dict[str, Act], at_once: int, bursts: int) -> None:
    first = _WARMING_UP if at_once == 1 else 1
    for turn in range(first + bursts):
        if turn == first:
            acks.seconds.clear()
        for name in turns.order(list(pressed), turn):
            await acks.burst(name, at_once, pressed[name])


async def _refusals(acks: Acks, ava: Person, opened: dict[str, Act], at_once: int, bursts: int) -> None:
    """Send forms that are refused; a form stays as it is then, and can be sent again."""
    each = _SINGLES if at_once == 1 else 1
    for turn in range(bursts // each):
        for name in turns.order(list(opened), turn):
            send = _sender(ava, await _form(ava, opened[name]))
            await turns.quiet(acks.running, _STILL_SECONDS[at_once])
            for _ in range(each):
                await acks.burst(name, at_once, send)


def _line(acks: Acks, what: str, share: float, at_once: int) -> Line:
    ours, bare = (percentile(acks.seconds[name], share) * 1000 for name in (what, f"bare {what}"))
    # Promised is the 99th percentile; the median is told.
    limit = _LIMIT if share > 0.5 else None
    return Line(f"ack of a {what}, {at_once} at once, p{share * 100:.0f}", ours, "ms", limit, bare, "bare Bolt app")


async def _form(ava: Person, open_form: Act) -> dict[str, Any]:
    """Open a form anew and return it."""
    if ava.screen.views:
        await ava.close(ava.screen.views[-1], whole_stack=True)
        await ava.wait_until_no_view()
    await open_form()
    return await ava.wait_for_view()


def _sender(ava: Person, form: dict[str, Any]) -> Act:
    async def send() -> None:
        answer = await ava.submit(form, {"text": "x"} if form["callback_id"] == FORM else {"condition": " "})
        assert answer.get("errors"), f"refused, or the next one finds no form: {answer}"

    return send


async def _card(ava: Person) -> tuple[dict[str, Any], str]:
    """Declare an incident; returns its card and its channel."""
    await ava.command("/incident", "checkout returns 500s")
    view = await ava.wait_for_view()
    await ava.submit(view)
    channel = await ava.wait_for_channel(lambda each: each["name"].startswith("inc-"))
    card = await ava.wait_for_message(channel["id"], lambda message: "Acknowledge" in str(message.get("blocks")))
    return card, str(channel["id"])
