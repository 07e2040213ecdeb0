"""What the people of the company do, stubbornly: who sees that nothing came of a thing does it again."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from tests.torture.town import PEOPLE, Record

_PATIENCE_SECONDS = 4.0  # how long somebody waits for an answer before doing it again


class Townsfolk:
    """People at their screens, who do a thing again when nothing came of it."""

    def __init__(self, record: Record, people: dict[str, Person]) -> None:
        self.record = record
        self.people = people
        self._tries = 0
        self.repeated: dict[str, int] = {}  #: what had to be done again after it seemed to be taken
        self.asked_privately: Counter[tuple[str, str]] = Counter()  #: (person, channel) -> answers asked for

    async def persist(
        self, name: str, is_done: Callable[[], Awaitable[bool]], act: Callable[[], Awaitable[Any]]
    ) -> None:
        """Do `act` until `is_done`; what fails or gets no answer is done again."""
        taken = False
        while not await is_done():
            if taken:
                self.repeated[name] = self.repeated.get(name, 0) + 1
            try:
                await act()
                taken = True
            except (SlackError, TimeoutError, httpx.HTTPError, WebSocketException, json.JSONDecodeError):
                taken = False  # the person saw that it was not taken
                await asyncio.sleep(0.3)
            until = time.monotonic() + _PATIENCE_SECONDS
            while time.monotonic() < until and not await is_done():  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.2)

    async def declare(self, title: str, severity: str) -> None:
        """Declare through the modal; a modal that stays open is sent again."""
        dee = self.people["dee"]

        async def is_declared() -> bool:
            return await self.record.has("SELECT 1 FROM incident WHERE title = :title", title=title)

        async def act() -> None:
            for view in list(dee.screen.views):
                with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
                    await dee.close(view)
            await self._type("dee", f"declare {title}")
            modal = await dee.wait_for_view(lambda view: view["callback_id"] == "declare", timeout=3)
            await dee.click_in_view(modal, f"severity_{severity}")
            word = f"✓ {severity.capitalize()}"
            modal = await dee.wait_for_view(lambda view: word in json.dumps(view, ensure_ascii=False), timeout=3)
            fields = {"title": title, "service": "checkout"}
            for _ in range(3):  # it was not taken, or something alike is shown: the person presses once more
                try:
                    answer = await dee.submit(modal, fields)
                except SlackError:
                    await asyncio.sleep(1)
                else:
                    # An envelope that came again may have declared it meanwhile: who is shown their own incident as a
                    # possible duplicate does not insist.
                    if (answer.get("view") or {}).get("callback_id") != "declare" or await is_declared():
                        break

        await self.persist("declare", is_declared, act)

    async def command(self, who: str, name: str, words: str, query: str, **values: Any) -> None:
        """Type a command until a row tells that it was done."""

        async def is_done() -> bool:
            return await self.record.has(query, **values)

        await self.persist(name, is_done, lambda: self._type(who, words))

    async def _type(self, who: str, words: str) -> None:
        """Type a command; its answer is for the eyes of `who` alone."""
        person = self.people[who]
        self.asked_privately[person.user_id, person.channel_id("general")] += 1
        await person.command("/incident", words)

    async def look(self) -> None:
        """Ask for what is shown to one person alone; nobody insists."""
        with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
            await self._type("bo", "list")

    async def join(self, row: dict[str, Any]) -> None:
        """Come into a room, where whoever comes is told how it stands; nobody insists."""
        fay, channel = self.people["fay"], row["channel"]
        with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
            await fay.api("conversations.leave", channel=channel)
        with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
            self.asked_privately[fay.user_id, channel] += 1
            await fay.api("conversations.join", channel=channel)

    async def mark(self, row: dict[str, Any], words: str) -> None:
        """Say something in a room and put it on the timeline with a pin of paper."""
        dee, channel = self.people["dee"], row["channel"]
        said = ""

        async def is_noted() -> bool:
            notes = await self.record.rows(
                "SELECT data FROM event WHERE incident_id = :id AND kind = 'note'", id=row["id"]
            )
            return any(words in str(note["data"]) for note in notes)

        async def act() -> None:
            nonlocal said
            if not said:
                said = str((await dee.api("chat.postMessage", channel=channel, text=words))["ts"])
            with contextlib.suppress(SlackError):  # who does it again takes the first away
                await dee.api("reactions.remove", channel=channel, timestamp=said, name="pushpin")
            await dee.api("reactions.add", channel=channel, timestamp=said, name="pushpin")

        await self.persist("mark", is_noted, act)

    async def file(self, row: dict[str, Any], words: str) -> None:
        """File a follow-up; each try has words of its own, for who tries again may have been heard both times."""
        before = await self._filed(row, words)

        async def is_filed() -> bool:
            return await self._filed(row, words) > before

        async def act() -> None:
            self._tries += 1
            await self._type("ana", f"followup inc-{row['id']} {words} try {self._tries}")

        await self.persist("follow-up", is_filed, act)

    async def file_in_form(self, row: dict[str, Any], words: str) -> None:
        """File a follow-up in the form that stands on the one which closes the incident."""
        ana = self.people["ana"]
        before = await self._filed(row, words)

        async def is_filed() -> bool:
            return await self._filed(row, words) > before

        async def act() -> None:
            for view in list(ana.screen.views):
                with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
                    await ana.close(view, whole_stack=True)
            await self._type("ana", f"close inc-{row['id']}")
            closing = await ana.wait_for_view(lambda view: view["callback_id"] == "close", timeout=3)
            await ana.click_in_view(closing, "Add follow-up")
            form = await ana.wait_for_view(lambda view: view["callback_id"] == "followup", timeout=3)
            self._tries += 1
            await ana.submit(form, {"title": f"{words} try {self._tries}"})

        await self.persist("follow-up in a form", is_filed, act)

    async def _filed(self, row: dict[str, Any], words: str) -> int:
        query = "SELECT id FROM followup WHERE incident_id = :id AND title LIKE :words"
        return len(await self.record.rows(query, id=row["id"], words=f"{words}%"))

    async def open_home(self, seconds: float = 0.0) -> None:
        """Open the home, again and again for a while."""
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
                await self.people["bo"].open_home("Sitrep")
            if time.monotonic() >= until:
                break
            await asyncio.sleep(0.5)


@asynccontextmanager
async def at_their_screens(url: str, record: Record) -> AsyncIterator[Townsfolk]:
    """Sign everybody in."""
    async with AsyncExitStack() as stack:
        people = {
            handle: await stack.enter_async_context(Person(url, slack)) for handle, slack in PEOPLE.items() if slack
        }
        yield Townsfolk(record, people)
