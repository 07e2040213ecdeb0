"""From submission to a usable channel, at 0 and 100 ms a call, beside two programs that only make the calls.

One makes what depends on each other, the rest side by side: the critical path, which nobody can beat. The other is what
one writes first: the same calls that Sitrep made to furnish the channel, one after the other, and then the card.
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.ids import Act
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault, FaultKind
from bot.workspace.server import Workspace
from tests.benchmarks import stage
from tests.benchmarks.report import Line

#: So unlike that none is taken for a duplicate of another.
TITLES = (
    "Checkout answers 500",
    "Search became slow",
    "Login loops forever",
    "Invoices lack their tax",
    "Push messages stopped",
    "Image uploads hang",
    "Nightly export is empty",
    "Map tiles stay grey",
)
_PAUSE_SECONDS = 6.0  # the first steps of one response, and its posts at one a second, end before the next is declared
#: Seconds a call of Slack -> how often the time of the dependent calls it may take; without latency it is only told.
_LIMITS: dict[float, float | None] = {0.0: None, 0.1: 1.3}


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return the median over several declarations, at 0 and 100 ms a call: reporter invited and card posted."""
    lines = []
    async with stage.sitrep(running, ava):
        for number, (seconds, limit) in enumerate(_LIMITS.items()):
            lines += await _at(running, ava, number, seconds, limit)
    return lines


async def _at(running: Workspace, ava: Person, number: int, seconds: float, limit: float | None) -> list[Line]:
    ours, critical, serial = [], [], []
    each = len(TITLES) // len(_LIMITS)
    if seconds:
        await running.request_faults(Fault(kind=FaultKind.LATENCY, seconds=seconds))
    try:
        for turn, title in enumerate(TITLES[number * each : (number + 1) * each]):
            before = len(running.core.calls.entries())
            taken, channel = await declared(ava, title)
            ours.append(taken)
            await asyncio.sleep(_PAUSE_SECONDS)
            furnished = _furnishing(running, before, channel)
            name = f"by-hand-{number}-{turn}"
            critical.append(await _dependent(stage.web(running, stage.SITREP), name))
            serial.append(await _one_by_one(stage.web(running, stage.SITREP), f"{name}-serial", furnished))
    finally:
        running.core.faults.clear()
    what = f"submission to usable channel, {seconds * 1000:.0f} ms a call"
    median = statistics.median(ours) * 1000
    return [
        Line(what, median, "ms", limit, statistics.median(critical) * 1000, "dependent calls"),
        Line(what, median, "ms", 1.0 if seconds else None, statistics.median(serial) * 1000, "same calls, one by one"),
    ]


def _furnishing(running: Workspace, before: int, channel: str) -> Counter[str]:
    """Return how often each method was called to furnish the channel, but for its creation and its first card."""
    calls = Counter(
        call["method"]
        for call in running.core.calls.entries()[before:]
        if call["args"].get("channel", call["args"].get("channel_id")) == channel and call["method"] in _FURNISH
    )
    assert calls, "Sitrep furnishes the channel that it makes"
    return calls


async def _one_by_one(client: AsyncWebClient, name: str, furnished: Counter[str]) -> float:
    """Return how long a plain program takes: it makes the channel, furnishes it as Sitrep did, and posts the card."""
    began = time.perf_counter()
    channel = str((await client.conversations_create(name=name))["channel"]["id"])
    for method, times in furnished.items():
        for number in range(times):
            await _FURNISH[method](client, channel, number)
    await client.chat_postMessage(channel=channel, text="card", blocks=[stage.BUTTON])
    return time.perf_counter() - began


_Furnish = Callable[[AsyncWebClient, str, int], Awaitable[object]]

_FURNISH: dict[str, _Furnish] = {
    "conversations.invite": lambda client, channel, number: client.conversations_invite(
        channel=channel, users=("U0AVA", "U0BEN")[number % 2]
    ),
    "conversations.setTopic": lambda client, channel, number: client.conversations_setTopic(
        channel=channel, topic=f"topic {number}"
    ),
    "bookmarks.add": lambda client, channel, number: client.bookmarks_add(
        channel_id=channel, title=f"Runbook {number}", type="link", link="https://example.com/runbook"
    ),
}


async def declared(ava: Person, title: str) -> tuple[float, str]:
    """Return the seconds from the submission to a channel with its reporter and card in it, and its id."""
    await ava.command("/incident", title)
    view = await ava.wait_for_view(lambda each: title in str(each))
    began = time.perf_counter()
    submitted = asyncio.create_task(ava.submit(view))
    slug = title.lower().replace(" ", "-")
    # A conversation with one person has no name.
    channel = await ava.wait_for_channel(
        lambda each: slug in each.get("name", "") and bool(each["is_member"]), timeout=20
    )
    await ava.wait_for_message(channel["id"], is_card, timeout=20)
    taken = time.perf_counter() - began
    await submitted
    await ava.close(await ava.wait_for_view(), whole_stack=True)
    return taken, str(channel["id"])


def is_card(message: dict[str, Any]) -> bool:
    """Tell whether the message is an incident's live card."""
    elements = [element for block in message.get("blocks") or () for element in block.get("elements", ())]
    return any(element.get("action_id") == Act.ACK for element in elements)


async def _dependent(client: AsyncWebClient, name: str) -> float:
    """Return how long the calls take that depend on each other, nothing else before them: the critical path."""
    began = time.perf_counter()
    made = await client.conversations_create(name=name)
    channel = str(made["channel"]["id"])
    await asyncio.gather(
        client.conversations_invite(channel=channel, users="U0AVA"),
        client.chat_postMessage(channel=channel, text="card", blocks=[stage.BUTTON]),
    )
    return time.perf_counter() - began
