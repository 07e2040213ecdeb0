"""Drives Sitrep's story in the workspace's page: what people type, press and fill in, and what then stands there."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, Locator, Page, expect

from bot.demo import people

ANSWER = 30_000  # ms; a surface that follows at once from a click, on a machine with other work
WORK = 100_000  # ms; agents run tests and watch deploys

ROOM = "inc-1-checkout-returns-500s"


@dataclass
class Desk:
    """The page, at which one person after the other sits down."""

    page: Page
    complaints: list[str] = field(default_factory=list)  #: what the page said in its console

    @property
    def main(self) -> Locator:
        """Return the conversation in the middle."""
        return self.page.get_by_role("main")

    @property
    def thread(self) -> Locator:
        """Return the open thread."""
        return self.page.get_by_role("complementary", name="Thread")

    @property
    def dialog(self) -> Locator:
        """Return the modal or question on top."""
        return self.page.get_by_role("dialog")

    @property
    def card(self) -> Locator:
        """Return the live card."""
        return self.message(re.compile("inc-1 checkout returns 500s.*Severity.*Commander", re.DOTALL))

    def message(self, words: str | re.Pattern[str]) -> Locator:
        """Return the newest message in the conversation that says `words`."""
        return self.main.get_by_role("listitem").filter(has_text=words).last

    def offering(self, label: str, where: Locator | None = None) -> Locator:
        """Return the newest message that has a button with this label."""
        button = self.page.get_by_role("button", name=label, exact=True)
        return (where or self.main).get_by_role("listitem").filter(has=button).last

    async def sit_down(self, handle: str) -> None:
        """Become another person by the switch on top."""
        name = next(person.real_name for person in people.members() if person.name == handle)
        await self.page.get_by_role("button", name="Switch person").click()
        await self.page.get_by_role("menuitemradio", name=name).click()
        await expect(self.page.get_by_role("button", name=f"You are {name}")).to_be_visible()

    async def enter_room(self) -> None:
        """Open the incident's channel from the list at the left."""
        await self.page.get_by_role("navigation").get_by_role("button", name=ROOM).click()
        await expect(self.main.get_by_role("button", name=ROOM, exact=True)).to_be_visible()
        await expect(self.card).to_be_attached(timeout=ANSWER)

    async def say(self, text: str, field_id: str = "composer-main") -> None:
        """Type into the message field and send."""
        line = self.page.locator(f"#{field_id}")
        await line.fill(text)
        await line.press("Enter")

    async def press(self, message: Locator, label: str) -> None:
        """Press a button of a message."""
        await message.get_by_role("button", name=label, exact=True).click()

    async def open_thread(self, message: Locator) -> None:
        """Open the thread below a message."""
        await message.get_by_role("button", name=re.compile(r"\d+ repl")).click()
        await expect(self.thread).to_be_visible()

    async def confirm(self, label: str) -> str:
        """Answer the question that a button asks back; returns the question."""
        answer = self.page.get_by_role("button", name=label, exact=True)
        question = self.dialog.filter(has=answer)
        asked = await question.inner_text()
        await answer.click()
        await expect(question).to_have_count(0)
        return asked

    async def submit(self, label: str, /, **fields: str) -> None:
        """Fill a modal's fields, named by their first words, and submit it."""
        for words, text in fields.items():
            await self.dialog.get_by_label(words.replace("_", " ")).fill(text)
        await self.dialog.get_by_role("button", name=label, exact=True).click()

    async def reads(self, message: Locator, words: str, *, timeout: float = ANSWER) -> str:
        """Wait until a message says `words`; returns all that it says."""
        await expect(message).to_contain_text(words, timeout=timeout)
        return await message.inner_text()

    async def whispered(self, words: str) -> str:
        """Wait for an answer that only this person sees; returns it."""
        own = self.main.get_by_role("listitem").filter(has_text="Only visible to you").last
        return await self.reads(own, words)


@asynccontextmanager
async def opened(browser: Browser, url: str, handle: str) -> AsyncIterator[Desk]:
    """Open the workspace's page as somebody."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    page = await context.new_page()
    page.set_default_timeout(ANSWER)
    desk = Desk(page)
    page.on("pageerror", lambda fault: desk.complaints.append(str(fault)))
    page.on("console", lambda line: desk.complaints.append(line.text) if line.type == "error" else None)
    await page.goto(f"{url}/?as={people.ids()[handle]}")
    await expect(page.locator("#composer-main")).to_be_focused()
    yield desk
    await context.close()
