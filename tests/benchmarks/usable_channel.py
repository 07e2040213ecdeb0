"""From submission to a usable channel, beside the same dependent calls made by hand, at 100 ms a call."""

import asyncio
import statistics
import time

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
_LATENCY_SECONDS = 0.1
_PAUSE_SECONDS = 1.5  # the first steps of one response end before the next is declared
_LIMIT = 1.3


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return the median over several declarations: reporter invited and card posted."""
    ours, by_hand = [], []
    async with stage.sitrep(running, ava):
        await running.request_faults(Fault(kind=FaultKind.LATENCY, seconds=_LATENCY_SECONDS))
        try:
            for number, title in enumerate(TITLES):
                ours.append(await _declared(ava, title))
                by_hand.append(await _by_hand(running, number))
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            running.core.faults.clear()
    return [
        Line(
            "submission to usable channel, median",
            statistics.median(ours) * 1000,
            "ms",
            _LIMIT,
            statistics.median(by_hand) * 1000,
            "dependent calls",
        )
    ]


async def _declared(ava: Person, title: str) -> float:
    await ava.command("/incident", title)
    view = await ava.wait_for_view(lambda each: title in str(each))
    began = time.perf_counter()
    submitted = asyncio.create_task(ava.submit(view))
    slug = title.lower().replace(" ", "-")
    channel = await ava.wait_for_channel(lambda each: slug in each["name"] and bool(each["is_member"]), timeout=20)
    # What is in the channel before the card is only who came in.
    await ava.wait_for_message(channel["id"], lambda message: bool(message.get("blocks")), timeout=20)
    taken = time.perf_counter() - began
    await submitted
    await ava.close(await ava.wait_for_view(), whole_stack=True)
    return taken


async def _by_hand(running: Workspace, number: int) -> float:
    client = stage.web(running, stage.SITREP)
    began = time.perf_counter()
    made = await client.conversations_create(name=f"by-hand-{number}")
    channel = str(made["channel"]["id"])
    await asyncio.gather(
        client.conversations_invite(channel=channel, users="U0AVA"),
        client.chat_postMessage(channel=channel, text="card", blocks=[stage.BUTTON]),
    )
    return time.perf_counter() - began
