"""The modal: opened by a command, changed while one types, refused and accepted."""

from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient


async def declare(page: Page):
    field = page.get_by_role("textbox", name="Message #general")
    await field.fill("/ops")
    await field.press("Enter")
    dialog = page.get_by_role("dialog", name="Declare")
    await expect(dialog).to_be_visible()
    return dialog


async def test_slash_command_opens_the_modal_with_the_first_field_focused(open_page, bot: AsyncWebClient):
    dialog = await declare(await open_page())
    await expect(dialog.get_by_label("What is happening?")).to_be_focused()


async def test_live_update_keeps_what_was_typed(open_page, bot: AsyncWebClient):
    dialog = await declare(await open_page())
    await dialog.get_by_label("What is happening?").fill("Checkout is down")
    await dialog.get_by_label("What do you know?").fill("since 14:02\nafter release 41")
    await dialog.get_by_role("button", name="Critical").click()
    await expect(dialog.get_by_text("Critical: pages the on-call")).to_be_visible()
    await expect(dialog.get_by_label("What is happening?")).to_have_value("Checkout is down")
    await expect(dialog.get_by_label("What do you know?")).to_have_value("since 14:02\nafter release 41")
    await expect(dialog.get_by_role("button", name="Critical")).to_be_focused()


async def test_empty_required_field_is_said_under_the_field(open_page, bot: AsyncWebClient):
    dialog = await declare(await open_page())
    await dialog.get_by_role("button", name="Declare").click()
    field = dialog.get_by_label("What is happening?")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description("Please complete this required field.")
    await field.fill("x")
    await expect(dialog.get_by_role("alert")).to_have_count(0)


async def test_too_long_a_text_is_counted_and_refused_but_kept(open_page, bot: AsyncWebClient):
    dialog = await declare(await open_page())
    field = dialog.get_by_label("What is happening?")
    await field.fill("x" * 25)
    await expect(dialog.locator(".remaining")).to_contain_text("-5")
    await field.press("Enter")
    await expect(dialog.get_by_text("Must be at most 20 characters.")).to_be_visible()
    await expect(field).to_have_value("x" * 25)


async def test_the_apps_errors_stand_under_their_fields(open_page, bot: AsyncWebClient):
    dialog = await declare(await open_page())
    field = dialog.get_by_label("What is happening?")
    await field.fill("asdf")
    await field.press("Enter")
    await expect(dialog.get_by_text("Say in a few words what does not work.")).to_be_visible()
    await expect(field).to_have_value("asdf")
    await expect(field).to_be_focused()


async def test_submission_closes_the_modal_and_the_message_appears(open_page, bot: AsyncWebClient):
    page = await open_page()
    dialog = await declare(page)
    await dialog.get_by_label("What is happening?").fill("Checkout is down")
    await dialog.get_by_label("Service").click()
    await page.get_by_role("option", name="invoices").click()
    await dialog.get_by_role("button", name="Declare").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("Checkout is down on invoices: -")).to_be_visible()


async def test_external_select_asks_the_app_for_what_was_typed(open_page, bot: AsyncWebClient):
    page = await open_page()
    dialog = await declare(page)
    service = dialog.get_by_label("Service")
    await service.fill("sea")
    await expect(page.get_by_role("option")).to_have_text(["search"])
    await service.press("Enter")
    await expect(service).to_have_value("search")
    await dialog.get_by_role("button", name="Clear").click()
    await expect(service).to_have_value("")


async def test_escape_closes_first_the_list_and_then_the_modal(open_page, bot: AsyncWebClient):
    page = await open_page()
    dialog = await declare(page)
    await dialog.get_by_label("Service").click()
    await expect(page.get_by_role("option", name="checkout")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("option")).to_have_count(0)
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("textbox", name="Message #general")).to_be_focused()


async def test_reload_shows_the_open_modal_again(open_page, bot: AsyncWebClient):
    page = await open_page()
    await declare(page)
    await page.reload()
    await expect(page.get_by_role("dialog", name="Declare")).to_be_visible()
