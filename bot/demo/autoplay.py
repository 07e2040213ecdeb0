"""Plays the people of the demo through the workspace's front door: what they type, click and fill in, nothing else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from rich.console import Console

from bot.demo import people
from bot.demo.service import DemoService
from bot.workspace.contents.model import Json
from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from incidents.errors import SitrepError

#: The whole story; beyond it the demo has failed.
LIMIT_SECONDS = 180.0
_ANSWER = 15.0  # seconds; a surface that follows at once from a click
_WORK = 90.0  # seconds; agents run tests and watch deploys on two slow cores
_FRONT = "checkout"  # the channel where Ren works


@dataclass
class Story:
    """One run of the demo's story."""

    service: DemoService
    console: Console
    ren: Person
    ana: Person
    _begun: float = field(default_factory=time.monotonic)

    async def play(self) -> None:
        """Go from the declaration to the closed incident."""
        channel = await self._declare()
        await self._acknowledge(channel)
        await self._answer_triage(channel)
        await self._attest_mitigation(channel)
        await self._choose_fix(channel)
        await self._send_update(channel)
        await self._approve_deploy(channel)
        await self._resolve(channel)
        await self._write_postmortem(channel)

    def _say(self, text: str) -> None:
        self.console.print(f"{time.monotonic() - self._begun:6.1f} s  {text}")

    async def _declare(self) -> str:
        await self.ren.command("/incident", "Checkout returns 500s", _FRONT)
        modal = await self.ren.wait_for_view()
        await self.ren.click_in_view(modal, "severity_critical")
        modal = await self.ren.wait_for_view(lambda view: "✓ Critical" in json.dumps(view, ensure_ascii=False))
        self._say("Ren declares a critical incident")
        await self.ren.submit(
            modal,
            {
                "title": "Checkout returns 500s",
                "service": "checkout",
                "known": "About half the orders fail in production since the last release. POST /orders answers 500.",
            },
        )
        channel = await self.ren.wait_for_channel(lambda row: str(row.get("name", "")).startswith("inc-"), _ANSWER)
        await self._message(self.ren, channel["id"], "Checkout returns 500s")
        self._say(f"Ren is in #{channel['name']}, the card is posted")
        return str(channel["id"])

    async def _acknowledge(self, channel: str) -> None:
        page = await self._direct(self.ana, "Acknowledge")
        await self.ana.click(page["channel"], page, "Acknowledge")
        await self._message(self.ana, channel, f"<@{people.ids()['ana']}>")
        self._say("Ana acknowledges her page and commands")

    async def _answer_triage(self, channel: str) -> None:
        asked = await self._message(self.ana, channel, "still missing", "Sitrep asks", "Missing", required=False)
        if asked is None:
            return
        await self.ren.post(
            channel,
            "Expected: an order number. Actual: HTTP 500 and KeyError in the log.\n"
            "Steps: POST /orders with an older cart\nEnvironment: production\nVersions: the newest release\n"
            "Context: only customers whose cart is older than today",
            asked["ts"],
        )
        self._say("Ren answers what triage asked for")

    async def _attest_mitigation(self, channel: str) -> None:
        gate = await self._with(self.ana, channel, "Attest", _WORK)
        await self.ana.click(channel, gate, "Attest")
        self._say("Ana attests the first mitigation")

    async def _choose_fix(self, channel: str) -> None:
        card = await self._with(self.ana, channel, "Choose 1", _WORK)
        await self.ana.click(channel, card, "Choose 1")
        await self._message(self.ana, channel, "*Chosen* by")
        self._say("Ana chooses to revert the culprit")

    async def _send_update(self, channel: str) -> None:
        draft = await self._with(self.ana, channel, "No change", _WORK)
        await self.ana.click(channel, draft, "Send")
        self._say("Ana sends the status update that was ready when due")

    async def _approve_deploy(self, channel: str) -> None:
        card = await self._with(self.ana, channel, "Approve and deploy", _WORK)
        await self.ana.click(channel, card, "Approve and deploy")
        await self._message(self.ana, channel, "*Approved* by")
        self._say("Ana approves exactly this commit")
        async with asyncio.timeout(_WORK):
            while not await self.service.healthy():  # noqa: ASYNC110 - the shop tells nobody when it is well again
                await asyncio.sleep(0.2)
        self._say("The shop answers 200 again")

    async def _resolve(self, channel: str) -> None:
        card = await self._with(self.ana, channel, "Resolve", _WORK)
        await self.ana.click(channel, card, "Resolve")
        modal = await self.ana.wait_for_view(timeout=_ANSWER)
        await self.ana.submit(modal, {"summary": "Reverted the change and deployed it; half the orders had failed."})
        self._say("Ana resolves")

    async def _write_postmortem(self, channel: str) -> None:
        posted = await self._message(self.ana, channel, "Post-mortem", timeout=_WORK, containing="Write my part")
        if posted is None:
            raise SitrepError("The post-mortem was not posted.")
        await self.ana.click(channel, posted, "Write my part")
        modal = await self.ana.wait_for_view(timeout=_ANSWER)
        await self.ana.submit(
            modal,
            {
                "went_well": "The culprit was found and undone in minutes.",
                "went_badly": "The contract tests were not part of the release check.",
                "lucky": "It happened while everybody was awake.",
            },
        )
        await self._message(self.ana, channel, "The culprit was found and undone")
        if not await self.service.healthy():
            raise SitrepError("The shop is not healthy at the end of the story.")
        self._say("Ana writes her part of the post-mortem; the shop is healthy")

    async def _message(
        self,
        who: Person,
        channel: str,
        *words: str,
        containing: str = "",
        timeout: float = _ANSWER,
        required: bool = True,
    ) -> Json | None:
        """Wait for a message with one of `words` in it; None when it need not come and does not."""

        def fits(row: Json) -> bool:
            text = json.dumps(row, ensure_ascii=False)
            return any(word in text for word in words) and containing in text

        try:
            return await who.wait_for_message(channel, fits, timeout if required else 3)
        except TimeoutError:
            if required:
                raise
            return None

    async def _with(self, who: Person, channel: str, label: str, timeout: float) -> Json:
        """Wait for a message with a button of this label."""
        return await who.wait_for_message(channel, _offers(label), timeout)

    async def _direct(self, who: Person, label: str) -> Json:
        """Wait for a direct message with a button of this label."""
        async with asyncio.timeout(_ANSWER):
            while True:
                for row in [row for row in who.screen.channels.values() if row.get("is_im")]:
                    for message in await who.messages(row["id"]):
                        if _offers(label)(message):
                            return {**message, "channel": row["id"]}
                await asyncio.sleep(0.1)


def _offers(label: str) -> Callable[[Json], bool]:
    def fits(row: Json) -> bool:
        elements = [
            element
            for block in row.get("blocks", [])
            for element in [*block.get("elements", []), block.get("accessory") or {}]
        ]
        return any((element.get("text") or {}).get("text") == label for element in elements if _is_button(element))

    return fits


def _is_button(element: Json) -> bool:
    return element.get("type") == "button" and isinstance(element.get("text"), dict)


@asynccontextmanager
async def _signed_in(url: str, *handles: str) -> AsyncIterator[list[Person]]:
    async with AsyncExitStack() as stack:
        known = people.ids()
        yield [await stack.enter_async_context(Person(url, known[handle])) for handle in handles]


async def play(url: str, service: DemoService, console: Console) -> None:
    """Play the story.

    Raises:
        SitrepError: somebody waited in vain, or was refused; says for what.
    """
    try:
        async with asyncio.timeout(LIMIT_SECONDS), _signed_in(url, "ren", "ana") as (ren, ana):
            await Story(service, console, ren, ana).play()
    except TimeoutError as waited:
        raise SitrepError(f"The story stood still: {waited or 'it took too long'}.") from waited
    except SlackError as refused:
        raise SitrepError(f"The workspace refused: {refused}.") from refused
