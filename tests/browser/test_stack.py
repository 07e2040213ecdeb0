"""Modals on top of one another, and inputs that tell the app while one types."""

from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient


async def stack(page: Page):
    """Open the declare modal, type, and push the second modal over it."""
    await page.keyboard.type("/ops ")
    await page.keyboard.press("Enter")
    first = page.get_by_role("dialog", name="Declare")
    await first.get_by_label("What is happening?").fill("Checkout is down")
    await first.get_by_role("button", name="High").click()
    second = page.get_by_role("dialog", name="Impact")
    await expect(second).to_be_visible()
    return first, second


async def test_back_shows_the_modal_below_with_what_was_typed(open_page, bot: AsyncWebClient):
    page = await open_page()
    first, second = await stack(page)
    await second.get_by_role("button", name="Back").first.click()
    await expect(second).to_have_count(0)
    await expect(first.get_by_label("What is happening?")).to_have_value("Checkout is down")


async def test_close_in_the_corner_takes_the_whole_stack_away(open_page, bot: AsyncWebClient):
    page = await open_page()
    _, second = await stack(page)
    await second.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.reload()
    await expect(page.locator("#composer-main")).to_be_focused()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_typing_is_told_to_the_app_and_goes_on_while_it_answers(open_page, bot: AsyncWebClient):
    page = await open_page()
    _, second = await stack(page)
    field = second.get_by_label("Who is hurt?")
    await field.press_sequentially("EU carts", delay=20)
    await expect(second.get_by_text("Counting: EU carts")).to_be_visible()
    await expect(field).to_be_focused()
    await expect(field).to_have_value("EU carts")


async def test_choices_reach_the_app(open_page, bot: AsyncWebClient):
    page = await open_page()
    _, second = await stack(page)
    await second.get_by_label("Who is hurt?").fill("EU")
    await second.get_by_label("Since").fill("2026-11-21T14:02")
    await second.get_by_label("Who helps?").fill("ben")
    await page.get_by_role("option", name="Ben Okafor").click()
    await page.keyboard.press("Escape")
    await second.get_by_label("Data was lost").check()
    await second.get_by_label("Yes").check()
    await second.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    said = page.get_by_role("listitem").filter(has_text="Impact:")
    await expect(said).to_contain_text("EU, helpers U0BEN, options lost, revenue yes")
