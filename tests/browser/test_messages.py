"""Messages: buttons that ask back, threads, ephemerals, marks of what is unread, edits, reactions, drafts."""

import re

from playwright.async_api import expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.server import Workspace
from tests.browser.pager import card


async def test_button_asks_back_before_it_acts(open_page, bot: AsyncWebClient):
    page = await open_page()
    await bot.chat_postMessage(channel="general", text="deploy", blocks=card("Fix", "checkout", "ready"))
    await page.get_by_role("button", name="Approve").click()
    asked = page.get_by_role("dialog", name="Deploy?")
    await expect(asked).to_contain_text("checkout, production")
    await asked.get_by_role("button", name="Not yet").click()
    await expect(asked).to_have_count(0)
    await expect(page.get_by_text("Approved by")).to_have_count(0)
    await page.get_by_role("button", name="Approve").click()
    await asked.get_by_role("button", name="Deploy").click()
    await expect(page.get_by_text("Approved by @Ava Stone")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)


async def test_thread_is_live_and_can_also_be_sent_to_the_channel(open_page, bot: AsyncWebClient):
    parent = await bot.chat_postMessage(channel="general", text="Phase 1")
    page = await open_page()
    message = page.get_by_role("listitem").filter(has_text="Phase 1")
    await message.hover()
    await message.get_by_role("button", name="Reply in thread").click()
    pane = page.get_by_role("complementary", name="Thread")
    await bot.chat_postMessage(channel="general", thread_ts=parent["ts"], text="evidence found")
    await expect(pane.get_by_text("evidence found")).to_be_visible()
    await expect(message.get_by_role("button", name="1 reply")).to_be_visible()
    await pane.get_by_label("Also send to #general").check()
    await pane.get_by_role("textbox", name="Reply…").fill("to all of you")
    await pane.get_by_role("textbox", name="Reply…").press("Enter")
    await expect(message.get_by_role("button", name="2 replies")).to_be_visible()
    await expect(page.get_by_role("main").get_by_text("to all of you")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(pane).to_have_count(0)


async def test_scroll_that_is_told_after_its_pane_was_left_harms_nothing(open_page, bot: AsyncWebClient):
    await bot.chat_postMessage(channel="general", text="Phase 1")
    page = await open_page()
    message = page.get_by_role("listitem").filter(has_text="Phase 1")
    await message.hover()
    await message.get_by_role("button", name="Reply in thread").click()
    pane = page.get_by_role("complementary", name="Thread")
    view = await pane.locator(".message-scroll").element_handle()
    assert view is not None
    await page.get_by_role("button", name="Close thread").click()
    await expect(pane).to_have_count(0)
    await view.evaluate("view => view.dispatchEvent(new Event('scroll'))")


async def test_ephemeral_answer_is_seen_by_one_person_alone(open_page, bot: AsyncWebClient):
    ava, ben = await open_page("U0AVA"), await open_page("U0BEN")
    field = ava.get_by_role("textbox", name="Message #general")
    await field.fill("/ops quiet")
    await field.press("Enter")
    await expect(ava.get_by_role("listitem").filter(has_text="Nothing is open.")).to_be_visible()
    await expect(ava.get_by_role("listitem").get_by_text("Only visible to you")).to_be_visible()
    await bot.chat_postMessage(channel="general", text="for everybody")
    await expect(ben.get_by_text("for everybody")).to_be_visible()
    await expect(ben.get_by_text("Nothing is open.")).to_have_count(0)


async def test_command_that_fails_is_answered_by_slackbot_and_not_lost(open_page, workspace: Workspace):
    page = await open_page()
    field = page.get_by_role("textbox", name="Message #general")
    await field.fill("/ops checkout is down")
    await field.press("Enter")
    await expect(page.get_by_text('/ops failed with the error "app_not_connected".')).to_be_visible()
    await expect(field).to_have_value("/ops checkout is down")


async def test_unread_channel_is_bold_and_mentions_are_counted(open_page, bot: AsyncWebClient):
    page = await open_page("U0BEN", "#/app/none")
    await page.get_by_role("button", name="secret").click()
    await bot.chat_postMessage(channel="general", text="hello")
    row = page.get_by_role("navigation").get_by_role("button", name=re.compile("^general"))
    await expect(row).to_have_accessible_name(re.compile("unread"))
    await expect(row).to_have_css("font-weight", "700")
    await bot.chat_postMessage(channel="general", text="<@U0BEN> look")
    await expect(row).to_have_accessible_name(re.compile("1 mentions"))
    await row.click()
    await expect(page.locator(".new-mark")).to_be_visible()
    await expect(row).to_have_accessible_name("general")


async def test_draft_survives_a_change_of_channel_and_of_person(open_page, bot: AsyncWebClient):
    page = await open_page("U0BEN")
    side = page.get_by_role("navigation")
    await page.get_by_role("textbox", name="Message #general").fill("half a thought")
    await side.get_by_role("button", name="secret").click()
    await expect(page.get_by_role("textbox", name="Message #secret")).to_have_value("")
    await switch(page, "Ava Stone")
    await expect(page.get_by_role("textbox", name="Message #general")).to_have_value("")
    await switch(page, "Ben Okafor")
    await side.get_by_role("button", name="general").click()
    await expect(page.get_by_role("textbox", name="Message #general")).to_have_value("half a thought")


async def test_switching_the_person_changes_channels_and_name_without_a_reload(open_page, bot: AsyncWebClient):
    page = await open_page("U0BEN")
    await page.evaluate("window.stillTheSamePage = true")
    await expect(page.get_by_role("navigation").get_by_role("button", name="secret")).to_be_visible()
    await switch(page, "Ava Stone")
    await expect(page.get_by_role("navigation").get_by_role("button", name="secret")).to_have_count(0)
    assert await page.evaluate("window.stillTheSamePage")
    field = page.get_by_role("textbox", name="Message #general")
    await field.fill("it is me")
    await field.press("Enter")
    await expect(page.get_by_role("listitem").filter(has_text="it is me")).to_contain_text("Ava Stone")


async def test_who_takes_over_looks_at_the_same_channel_where_they_may_see_it(open_page, bot: AsyncWebClient):
    room = (await bot.conversations_create(name="inc-7-checkout"))["channel"]["id"]
    await bot.conversations_invite(channel=room, users="U0AVA,U0BEN")
    page = await open_page("U0BEN")
    await page.get_by_role("navigation").get_by_role("button", name="inc-7-checkout").click()
    await switch(page, "Ava Stone")
    await expect(page.get_by_role("textbox", name="Message #inc-7-checkout")).to_be_visible()
    await page.get_by_role("navigation").get_by_role("button", name="general").click()
    await switch(page, "Ben Okafor")
    await expect(page.get_by_role("textbox", name="Message #inc-7-checkout")).to_be_visible()


async def switch(page, name: str) -> None:
    await page.get_by_role("button", name="Switch person").click()
    await page.get_by_role("menuitemradio", name=name).click()
    await expect(page.get_by_role("button", name=f"You are {name}")).to_be_visible()


async def test_shift_enter_breaks_the_line_and_enter_sends(open_page, bot: AsyncWebClient):
    page = await open_page()
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem").filter(has_text="one")).to_contain_text(re.compile("one\\s*two"))
    await expect(page.get_by_role("textbox", name="Message #general")).to_have_value("")


async def test_person_is_completed_after_the_at_sign_and_sent_as_a_mention(
    open_page, bot: AsyncWebClient, workspace: Workspace
):
    page = await open_page()
    await page.keyboard.type("@be")
    await expect(page.get_by_role("option", name="Ben Okafor")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.keyboard.type("please look")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem").get_by_role("button", name="@Ben Okafor")).to_be_visible()
    history = await bot.conversations_history(channel=workspace.core.team.channels_by_name["general"].id)
    assert "<@U0BEN> please look" in [message["text"] for message in history["messages"]]


async def test_own_message_is_edited_and_deleted(open_page, bot: AsyncWebClient):
    page = await open_page()
    await page.keyboard.type("tpyo")
    await page.keyboard.press("Enter")
    message = page.get_by_role("listitem").filter(has_text="tpyo")
    await message.hover()
    await message.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Edit message").click()
    await page.get_by_label("Edit message").fill("typo")
    await page.keyboard.press("Enter")
    changed = page.get_by_role("listitem").filter(has_text="typo")
    await expect(changed).to_contain_text("(edited)")
    await changed.hover()
    await changed.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Delete message").click()
    await page.get_by_role("dialog", name="Delete message").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("typo")).to_have_count(0)


async def test_reaction_is_given_seen_by_others_and_taken_back(open_page, bot: AsyncWebClient):
    await bot.chat_postMessage(channel="general", text="done")
    ava, ben = await open_page("U0AVA"), await open_page("U0BEN")
    message = ava.get_by_role("listitem").filter(has_text="done")
    await message.hover()
    await message.get_by_role("button", name="React with eyes").click()
    seen = ben.get_by_role("listitem").filter(has_text="done").get_by_role("button", name="1 eyes")
    await expect(seen).to_have_attribute("aria-pressed", "false")
    await message.get_by_role("button", name="1 eyes").click()
    await expect(seen).to_have_count(0)


async def test_app_home_is_published_and_its_buttons_work(open_page, bot: AsyncWebClient):
    page = await open_page()
    await page.get_by_role("navigation").get_by_role("button", name="Ops").click()
    await expect(page.get_by_role("heading", name="Pager at home")).to_be_visible()
    await page.get_by_role("button", name="Press").click()
    await expect(page.get_by_text("Pressed 1 times")).to_be_visible()
    await page.get_by_role("tab", name="About").click()
    await expect(page.get_by_text("Do something")).to_be_visible()
