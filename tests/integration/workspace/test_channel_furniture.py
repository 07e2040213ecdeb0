"""Pins, bookmarks, reactions, files, canvases and scheduled messages."""

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import BOT_TOKEN, configuration


async def refusal(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


@pytest.fixture
async def room(client):
    channel = (await client.conversations_create(name="room"))["channel"]["id"]
    await client.conversations_invite(channel=channel, users="U0AVA")
    return channel


async def test_pins(client, room, ava):
    ts = (await client.chat_postMessage(channel=room, text="card"))["ts"]
    await client.pins_add(channel=room, timestamp=ts)
    assert await refusal(client.pins_add(channel=room, timestamp=ts)) == "already_pinned"
    assert await refusal(client.pins_add(channel=room, timestamp="1.000000")) == "message_not_found"
    assert [item["message"]["ts"] for item in (await client.pins_list(channel=room))["items"]] == [ts]
    shown = await ava.wait_for_message("room", lambda m: m.get("pinned_to"))
    assert shown["ts"] == ts
    await client.pins_remove(channel=room, timestamp=ts)
    assert await refusal(client.pins_remove(channel=room, timestamp=ts)) == "no_pin"


async def test_reactions(client, room, ava):
    ts = (await client.chat_postMessage(channel=room, text="card"))["ts"]
    await client.reactions_add(channel=room, timestamp=ts, name="eyes")
    await ava.react("room", ts, "eyes")
    assert await refusal(client.reactions_add(channel=room, timestamp=ts, name="eyes")) == "already_reacted"
    assert await refusal(client.reactions_add(channel=room, timestamp=ts, name="no such name")) == "invalid_name"
    got = (await client.reactions_get(channel=room, timestamp=ts))["message"]["reactions"]
    assert [(r["name"], r["count"]) for r in got] == [("eyes", 2)]
    await client.reactions_remove(channel=room, timestamp=ts, name="eyes")
    assert await refusal(client.reactions_remove(channel=room, timestamp=ts, name="eyes")) == "no_reaction"


async def test_bookmarks(client, room):
    link = "https://example.com/runbook"
    added = (await client.bookmarks_add(channel_id=room, title="Runbook", type="link", link=link))["bookmark"]
    edited = await client.bookmarks_edit(channel_id=room, bookmark_id=added["id"], title="The runbook")
    assert (edited["bookmark"]["title"], edited["bookmark"]["link"]) == ("The runbook", link)
    assert len((await client.bookmarks_list(channel_id=room))["bookmarks"]) == 1
    await client.bookmarks_remove(channel_id=room, bookmark_id=added["id"])
    assert (await client.bookmarks_list(channel_id=room))["bookmarks"] == []
    bad = client.bookmarks_add(channel_id=room, title="x", type="link", link="javascript:alert(1)")
    assert await refusal(bad) == "invalid_link"


async def test_a_file_is_uploaded_shared_and_downloaded(client, ava):
    room = (await client.conversations_create(name="quiet-room", is_private=True))["channel"]["id"]
    await client.conversations_invite(channel=room, users="U0AVA")
    uploaded = await client.files_upload_v2(
        channel=room,
        filename="postmortem.md",
        content="# Post-mortem\n\nText",
        title="Post-mortem",
        initial_comment="Here",
    )
    shared = await ava.wait_for_message("quiet-room", lambda m: m.get("files"))
    assert (shared["text"], shared["files"][0]["title"]) == ("Here", "Post-mortem")
    url = (await client.files_info(file=uploaded["file"]["id"]))["file"]["url_private"]
    async with httpx.AsyncClient() as http:
        assert (await http.get(url)).status_code == 401
        assert (await http.get(url, params={"token": "xoxp-U0BEN"})).status_code == 404
        got = await http.get(url, headers={"authorization": "Bearer xoxp-U0AVA"})
    assert got.text == "# Post-mortem\n\nText"
    assert got.headers["x-content-type-options"] == "nosniff"


async def test_an_upload_that_never_came_cannot_be_completed(client, room):
    begun = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    files = [{"id": begun["file_id"], "title": "a"}]
    assert await refusal(client.files_completeUploadExternal(files=files, channel_id=room)) == "file_update_failed"


async def test_a_channel_has_one_canvas_whose_sections_can_be_edited(client, room, ava):
    text = "# Post-mortem\n\n## Timeline\n\nNothing yet"
    content = {"type": "markdown", "markdown": text}
    canvas = (await client.conversations_canvases_create(channel_id=room, document_content=content))["canvas_id"]
    again = client.conversations_canvases_create(channel_id=room, document_content=content)
    assert await refusal(again) == "channel_canvas_already_exists"
    found = await client.canvases_sections_lookup(
        canvas_id=canvas, criteria={"section_types": ["h2"], "contains_text": "Timeline"}
    )
    section = found["sections"][0]["id"]
    new = {"type": "markdown", "markdown": "10:02 declared"}
    await client.canvases_edit(
        canvas_id=canvas, changes=[{"operation": "insert_after", "section_id": section, "document_content": new}]
    )
    assert (await client.canvases_getContent(canvas_id=canvas))["content"] == (
        "# Post-mortem\n\n## Timeline\n\n10:02 declared\n\nNothing yet"
    )
    seen = await ava._ask("GET", f"canvas?id={canvas}")
    assert "10:02 declared" in seen["markdown"]
    gone = client.canvases_edit(canvas_id=canvas, changes=[{"operation": "delete", "section_id": "temp:C:0"}])
    assert await refusal(gone) == "section_not_found"
    info = (await client.conversations_info(channel=room))["channel"]
    assert info["properties"]["canvas"]["file_id"] == canvas


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


async def test_a_scheduled_message_is_posted_when_its_time_comes_and_can_be_taken_back():
    clock = Clock()
    async with Workspace(configuration(), now=clock) as running:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=running.api_url)
        room = (await client.conversations_create(name="room"))["channel"]["id"]
        due = int(clock.time) + 600
        first = await client.chat_scheduleMessage(channel=room, text="later", post_at=due)
        second = await client.chat_scheduleMessage(channel=room, text="never", post_at=due)
        assert await refusal(client.chat_scheduleMessage(channel=room, text="x", post_at=1)) == "time_in_past"
        far = due + 121 * 86_400
        assert await refusal(client.chat_scheduleMessage(channel=room, text="x", post_at=far)) == "time_too_far"
        listed = (await client.chat_scheduledMessages_list())["scheduled_messages"]
        assert [row["id"] for row in listed] == [first["scheduled_message_id"], second["scheduled_message_id"]]
        await client.chat_deleteScheduledMessage(channel=room, scheduled_message_id=second["scheduled_message_id"])
        clock.time = due + 1
        async with Person(running.url, "U0AVA") as ava:
            await ava.wait_for_message("room", lambda m: m["text"] == "later")
            assert "never" not in [m["text"] for m in await ava.messages("room")]
