"""Everything from the command to the message without a mouse."""

from playwright.async_api import expect
from slack_sdk.web.async_client import AsyncWebClient


async def test_incident_is_declared_with_the_keyboard_alone(open_page, bot: AsyncWebClient):
    page = await open_page()
    keys = page.keyboard
    await expect(page.get_by_role("textbox", name="Message #general")).to_be_focused()
    await keys.type("/op")
    await expect(page.get_by_role("option", name="/ops")).to_be_visible()
    await keys.press("Tab")
    await keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Declare")
    await expect(dialog).to_be_visible()
    await keys.type("Carts are empty")
    await keys.press("Tab")
    await keys.press("ArrowDown")
    await expect(page.get_by_role("option", name="checkout")).to_be_visible()
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await expect(dialog.get_by_label("Service")).to_have_value("invoices")
    await keys.press("Tab")
    await keys.press("Tab")
    await expect(dialog.get_by_role("button", name="Critical")).to_be_focused()
    await keys.press("Enter")
    await expect(dialog.get_by_text("Critical: pages the on-call")).to_be_visible()
    await keys.press("Control+Enter")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("Carts are empty on invoices: -")).to_be_visible()


async def test_tab_stays_within_an_open_modal(open_page, bot: AsyncWebClient):
    page = await open_page()
    await page.keyboard.type("/ops ")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Declare")
    await expect(dialog).to_be_visible()
    for _ in range(12):
        await page.keyboard.press("Tab")
        outside = await page.evaluate(
            "!document.activeElement.closest('dialog') && document.activeElement !== document.body"
        )
        assert not outside


async def test_menu_is_walked_with_arrows_and_gives_the_focus_back(open_page, bot: AsyncWebClient):
    page = await open_page()
    who = page.get_by_role("button", name="Switch person")
    await who.focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitemradio", name="Ava Stone")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitemradio", name="Ben Okafor")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(who).to_be_focused()


async def test_jump_opens_a_channel_by_name(open_page, bot: AsyncWebClient):
    page = await open_page("U0BEN")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("secr")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="secret (private)")).to_be_visible()


async def test_messages_are_walked_with_arrows(open_page, bot: AsyncWebClient):
    for text in ("first", "second"):
        await bot.chat_postMessage(channel="general", text=text)
    page = await open_page()
    last = page.get_by_role("listitem").filter(has_text="second")
    await last.focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("listitem").filter(has_text="first")).to_be_focused()
