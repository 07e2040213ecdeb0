"""What belongs to a channel: topic, bookmarks, pins, files, canvas, members; and the line to the workspace."""

from playwright.async_api import Page, WebSocketRoute, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.server import Workspace


async def test_topic_is_changed_in_the_header_and_seen_at_once_by_others(open_page, bot: AsyncWebClient):
    ava, ben = await open_page("U0AVA"), await open_page("U0BEN")
    await ava.get_by_role("button", name="Add a topic").click()
    await ava.get_by_role("textbox", name="Edit topic").fill("Critical, see *runbook*")
    await ava.get_by_role("button", name="Save").click()
    await expect(ben.get_by_role("main").locator(".topic")).to_contain_text("Critical, see runbook")


async def test_bookmark_is_added_and_leads_where_it_says(open_page, bot: AsyncWebClient):
    page = await open_page()
    await page.get_by_role("button", name="Add a bookmark").click()
    dialog = page.get_by_role("dialog", name="Add a bookmark")
    await dialog.get_by_label("Link").fill("runbook")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("http://")
    await dialog.get_by_label("Link").fill("https://example.com/runbook")
    await dialog.get_by_label("Name").fill("Runbook")
    await dialog.get_by_role("button", name="Add").click()
    link = page.get_by_role("link", name="Runbook")
    await expect(link).to_have_attribute("href", "https://example.com/runbook")


async def test_pinned_message_stands_in_the_pins_tab_until_it_is_unpinned(open_page, bot: AsyncWebClient):
    page = await open_page()
    await bot.chat_postMessage(channel="general", text="the live card")
    message = page.get_by_role("listitem").filter(has_text="the live card")
    await message.hover()
    await message.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Pin to channel").click()
    await expect(message.get_by_text("Pinned")).to_be_visible()
    await page.get_by_role("tab", name="Pins 1").click()
    await page.get_by_role("button", name="Show in channel").click()
    await expect(message).to_be_focused()
    await page.get_by_role("tab", name="Pins 1").click()
    await page.get_by_role("button", name="Unpin").click()
    await expect(page.get_by_text("Nothing is pinned here yet.")).to_be_visible()


async def test_message_shortcut_is_offered_and_answered(open_page, bot: AsyncWebClient):
    page = await open_page()
    await bot.chat_postMessage(channel="general", text="it began at 14:02")
    message = page.get_by_role("listitem").filter(has_text="it began at 14:02")
    await message.hover()
    await message.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Keep").click()
    await expect(page.get_by_text("Kept: it began at 14:02")).to_be_visible()


async def test_file_is_uploaded_listed_and_downloaded(open_page, bot: AsyncWebClient):
    page = await open_page()
    await page.locator("input[type=file]").set_input_files(
        {"name": "app.log", "mimeType": "text/plain", "buffer": b"KeyError: 'currency'\n"}
    )
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listitem").get_by_text("KeyError: 'currency'")).to_be_visible()
    await page.get_by_role("tab", name="Files").click()
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download app.log").click()
    path = await (await started.value).path()
    assert path.read_bytes() == b"KeyError: 'currency'\n"


async def test_canvas_tab_shows_the_document_and_its_edits(open_page, bot: AsyncWebClient, workspace: Workspace):
    general = workspace.core.team.channels_by_name["general"].id
    document = {"type": "markdown", "markdown": "# Post-mortem\n\n- [x] Revert"}
    canvas = (await bot.conversations_canvases_create(channel_id=general, document_content=document))["canvas_id"]
    page = await open_page()
    await page.get_by_role("tab", name="Canvas").click()
    await expect(page.get_by_role("heading", name="Post-mortem")).to_be_visible()
    await expect(page.get_by_role("checkbox", name="Done", exact=True)).to_be_checked()
    added = {"operation": "insert_at_end", "document_content": {"type": "markdown", "markdown": "Reviewed by Ben"}}
    await bot.canvases_edit(canvas_id=canvas, changes=[added])
    await expect(page.get_by_text("Reviewed by Ben")).to_be_visible()


async def test_channel_that_one_is_invited_to_appears(open_page, bot: AsyncWebClient):
    page = await open_page()
    room = (await bot.conversations_create(name="inc-7-checkout"))["channel"]["id"]
    await expect(page.get_by_role("navigation").get_by_role("button", name="inc-7-checkout")).to_have_count(0)
    await bot.conversations_invite(channel=room, users="U0AVA")
    await page.get_by_role("navigation").get_by_role("button", name="inc-7-checkout").click()
    await expect(page.get_by_role("heading", name="inc-7-checkout").first).to_be_visible()
    await page.get_by_role("button", name="2 members").click()
    await page.get_by_role("button", name="Add people").click()
    await page.get_by_role("button", name="Add Ben Okafor").click()
    await expect(page.get_by_role("list", name="Members", exact=True).get_by_text("Ben Okafor")).to_be_visible()


async def test_lost_connection_is_said_and_what_was_missed_appears(open_page, bot: AsyncWebClient):
    page = await open_page()
    line = await cut_line(page)
    await expect(page.get_by_text("Connection lost. Reconnecting…")).to_be_visible()
    await page.get_by_role("textbox", name="Message #general").fill("half a thought")
    await bot.chat_postMessage(channel="general", text="said meanwhile")
    line.is_cut = False
    await expect(page.get_by_role("listitem").filter(has_text="said meanwhile")).to_be_visible()
    await expect(page.get_by_text("Connection lost. Reconnecting…")).to_have_count(0)
    await expect(page.get_by_role("textbox", name="Message #general")).to_have_value("half a thought")
    await bot.chat_postMessage(channel="general", text="and live again")
    await expect(page.get_by_role("listitem").filter(has_text="and live again")).to_be_visible()


class Line:
    """The page's websocket, which the test can hold down."""

    def __init__(self) -> None:
        self.is_cut = False
        self.routes: list[WebSocketRoute] = []

    async def join(self, route: WebSocketRoute) -> None:
        if self.is_cut:
            await route.close()
            return
        route.connect_to_server()
        self.routes.append(route)


async def cut_line(page: Page) -> Line:
    """Break the page's websocket and keep it broken until `is_cut` is taken back."""
    line = Line()
    await page.route_web_socket("**/client/ws*", line.join)
    await page.reload()
    await expect(page.locator("#composer-main")).to_be_focused()
    line.is_cut = True
    await line.routes[-1].close()
    return line


async def test_permalink_leads_to_the_message(open_page, bot: AsyncWebClient):
    page = await open_page()
    ts = [(await bot.chat_postMessage(channel="general", text=f"line {n}"))["ts"] for n in range(40)]
    general = page.url.rpartition("/")[2]
    link = (await bot.chat_getPermalink(channel=general, message_ts=ts[2]))["permalink"]
    row = page.get_by_role("listitem").filter(has_text="line 2").first
    await page.goto(link)
    await expect(row).to_be_focused()
    await expect(row).to_be_in_viewport()
    await page.reload()
    await bot.chat_postMessage(channel="general", text=f"see <{link}|the beginning>")
    await page.get_by_role("link", name="the beginning").click()
    await expect(row).to_be_focused()
