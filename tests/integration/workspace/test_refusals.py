"""Slack's names for what cannot be done, one call each."""

import pytest
from slack_sdk.errors import SlackApiError

DIVIDER = [{"type": "divider"}]
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": DIVIDER}
HOME = {"type": "home", "blocks": DIVIDER}
CONTENT = {"type": "markdown", "markdown": "# Title"}


@pytest.fixture
async def places(client, ava) -> dict[str, str]:
    room = (await client.conversations_create(name="room"))["channel"]["id"]
    await client.conversations_invite(channel=room, users="U0AVA")
    posted = await client.chat_postMessage(channel=room, text="card")
    join = (await client.conversations_history(channel=room))["messages"][-1]["ts"]
    canvas = (await client.canvases_create(title="Notes", document_content=CONTENT))["canvas_id"]
    file = (await client.files_upload_v2(filename="a.txt", content="a", channel=room))["file"]["id"]
    return {
        "room": room,
        "general": ava.channel_id("general"),
        "ts": posted["ts"],
        "join": join,
        "canvas": canvas,
        "file": file,
        "me": (await client.auth_test())["user_id"],
    }


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "{room}", "blocks": "no json"}, "invalid_arguments"),
        ("chat.postMessage", {"channel": "{room}", "attachments": {"text": "x"}}, "invalid_attachments"),
        ("chat.postMessage", {"channel": "{room}", "text": "a", "markdown_text": "b"}, "markdown_text_conflict"),
        ("chat.postMessage", {"channel": "{room}", "text": "a", "metadata": {"x": 1}}, "invalid_metadata_format"),
        ("chat.postMessage", {"channel": "{room}", "text": "a", "username": "Not me"}, "missing_scope"),
        ("chat.update", {"channel": "{room}", "ts": "{ts}"}, "no_text"),
        ("chat.getPermalink", {"channel": "{room}", "message_ts": "1.000001"}, "message_not_found"),
        (
            "chat.deleteScheduledMessage",
            {"channel": "{room}", "scheduled_message_id": "Q0"},
            "invalid_scheduled_message_id",
        ),
        ("chat.appendStream", {"channel": "{room}", "ts": "{ts}"}, "message_not_in_streaming_state"),
        ("chat.appendStream", {"channel": "{room}", "ts": "1.000001"}, "message_not_found"),
        ("conversations.history", {"channel": "{general}"}, "not_in_channel"),
        ("conversations.history", {"channel": "{room}", "oldest": "yesterday"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": "{room}", "limit": -1}, "invalid_limit"),
        ("conversations.history", {"channel": "{room}", "limit": "many"}, "invalid_arguments"),
        ("conversations.replies", {"channel": "{room}", "ts": "1.000001"}, "thread_not_found"),
        ("conversations.list", {"types": "everything"}, "invalid_types"),
        ("conversations.open", {}, "invalid_arguments"),
        ("conversations.open", {"users": ",".join(f"U{n}" for n in range(9))}, "too_many_users"),
        ("conversations.kick", {"channel": "{room}", "user": "{me}"}, "cant_kick_self"),
        ("conversations.kick", {"channel": "{room}", "user": "U0BEN"}, "not_in_channel"),
        ("conversations.kick", {"channel": "{room}", "user": "U0NOBODY"}, "user_not_found"),
        ("conversations.unarchive", {"channel": "{room}"}, "not_archived"),
        ("conversations.invite", {"channel": "{room}", "users": ",".join(["U1"] * 1001)}, "too_many_users"),
        ("pins.add", {"channel": "{room}"}, "no_item_specified"),
        ("pins.add", {"channel": "{room}", "timestamp": "{join}"}, "not_pinnable"),
        ("pins.list", {"channel": "{general}"}, "not_in_channel"),
        ("reactions.add", {"name": "eyes"}, "no_item_specified"),
        ("reactions.add", {"channel": "{room}", "timestamp": "1.000001", "name": "eyes"}, "message_not_found"),
        ("bookmarks.add", {"channel_id": "{room}", "title": "t", "type": "folder"}, "invalid_bookmark_type"),
        ("bookmarks.edit", {"channel_id": "{room}", "bookmark_id": "Bk0"}, "not_found"),
        ("files.getUploadURLExternal", {"filename": "a", "length": 0}, "invalid_arguments"),
        ("files.getUploadURLExternal", {"filename": "a", "length": 10**12}, "file_too_large"),
        ("files.completeUploadExternal", {"files": [{"id": "F0"}]}, "file_not_found"),
        ("files.completeUploadExternal", {"files": "[]"}, "invalid_arguments"),
        ("files.info", {"file": "F0"}, "file_not_found"),
        ("canvases.edit", {"canvas_id": "F0", "changes": []}, "canvas_not_found"),
        ("canvases.edit", {"canvas_id": "{canvas}", "changes": []}, "invalid_arguments"),
        ("canvases.edit", {"canvas_id": "{canvas}", "changes": [{"operation": "burn"}]}, "invalid_arguments"),
        ("canvases.create", {"document_content": {"type": "html"}}, "invalid_arguments"),
        ("canvases.access.set", {"canvas_id": "{canvas}", "access_level": "all"}, "invalid_arguments"),
        ("usergroups.users.list", {"usergroup": "S0"}, "no_such_subteam"),
        ("views.open", {"trigger_id": "1.2.3", "view": HOME}, "view_type_mismatch"),
        ("views.push", {"trigger_id": "1.2.3", "view": MODAL}, "invalid_trigger_id"),
        ("views.update", {"view_id": "V0", "view": MODAL}, "not_found"),
        ("views.publish", {"user_id": "U0NOBODY", "view": HOME}, "user_not_found"),
        ("views.publish", {"user_id": "U0AVA", "view": MODAL}, "view_type_mismatch"),
        ("bots.info", {"bot": "B0"}, "bot_not_found"),
        ("emoji.list", {}, "missing_scope"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_refused(client, places, method, arguments, error):
    filled = {
        name: places.get(value.strip("{}"), value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, json=filled)
    assert caught.value.response["error"] == error


async def test_at_most_thirty_messages_are_scheduled_for_the_same_five_minutes(client, places, workspace):
    due = int(workspace.core.now()) + 3600
    for number in range(30):
        await client.chat_scheduleMessage(channel=places["room"], text=str(number), post_at=due + number)
    with pytest.raises(SlackApiError, match="restricted_too_many"):
        await client.chat_scheduleMessage(channel=places["room"], text="31", post_at=due)


async def test_members_come_and_go_and_files_can_be_deleted(client, places, ava):
    room = places["room"]
    await ava.api("conversations.leave", channel=room)
    assert "U0AVA" not in (await client.conversations_members(channel=room))["members"]
    assert (await ava.api("conversations.leave", channel=room))["not_in_channel"]
    await ava.api("conversations.join", channel=room)
    await client.conversations_mark(channel=room, ts=places["ts"])
    assert [file["id"] for file in (await client.files_list(channel=room))["files"]] == [places["file"]]
    await client.files_delete(file=places["file"])
    assert (await client.files_list())["files"] == []


async def test_a_canvas_of_one_s_own_is_shared_renamed_and_deleted(client, places, ava):
    canvas = places["canvas"]
    with pytest.raises(Exception, match="canvas_not_found"):
        await ava._ask("GET", f"canvas?id={canvas}")
    await client.canvases_access_set(canvas_id=canvas, access_level="read", channel_ids=[places["room"]])
    change = {"operation": "rename", "title_content": {"type": "markdown", "markdown": "Post-mortem"}}
    await client.canvases_edit(canvas_id=canvas, changes=[change])
    assert (await ava._ask("GET", f"canvas?id={canvas}"))["title"] == "Post-mortem"
    assert (await client.files_info(file=canvas))["file"]["filetype"] == "quip"
    await client.canvases_delete(canvas_id=canvas)
    with pytest.raises(SlackApiError, match="canvas_not_found"):
        await client.canvases_getContent(canvas_id=canvas)


async def test_a_plan_shows_the_state_of_its_tasks(client, places):
    began = await client.api_call(
        "chat.startStream",
        json={"channel": places["room"], "thread_ts": places["ts"], "task_display_mode": "plan"},
    )
    for status in ("in_progress", "complete"):
        chunks = [
            {"type": "plan_update", "title": f"Stabilize: {status}"},
            {"type": "task_update", "id": "1", "title": "Read logs", "status": status, "output": "3 errors"},
            {"type": "task_update", "id": "2", "title": "Rank suspects", "status": "pending"},
        ]
        await client.chat_appendStream(channel=places["room"], ts=began["ts"], chunks=chunks)
    await client.chat_stopStream(channel=places["room"], ts=began["ts"], blocks=DIVIDER)
    reply = (await client.conversations_replies(channel=places["room"], ts=places["ts"]))["messages"][-1]
    plan, end = reply["blocks"]
    assert (plan["title"], end["type"]) == ("Stabilize: complete", "divider")
    assert [(task["task_id"], task["status"]) for task in plan["tasks"]] == [("1", "complete"), ("2", "pending")]


async def test_a_chosen_conversation_comes_with_its_own_response_url(app, connected, client, ava, seen):
    picker = {"type": "conversations_select", "action_id": "where", "response_url_enabled": True}
    label = {"type": "plain_text", "text": "Where"}
    modal = {
        **MODAL,
        "callback_id": "tell",
        "submit": {"type": "plain_text", "text": "Tell"},
        "blocks": [{"type": "input", "block_id": "w", "label": label, "element": picker}],
    }

    @app.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal)

    @app.view("tell")
    async def tell(ack, body, respond):
        await ack()
        await respond("told", response_type="in_channel")
        seen(body["response_urls"][0]["channel_id"])

    await ava.command("/ops")
    await ava.submit(await ava.wait_for_view(), {"w": ava.channel_id("general")})
    assert await seen.next() == ava.channel_id("general")
    await ava.wait_for_message("general", lambda m: m["text"] == "told")


async def test_an_ack_that_cannot_be_shown_says_why(app, connected, ava):
    @app.command("/ops")
    async def ops(ack):
        await ack(text="x", blocks=[{"type": "section"}])

    with pytest.raises(Exception, match="missing required field: text"):
        await ava.command("/ops")
