import pytest
from slack_sdk.errors import SlackApiError

from bot.workspace.rules.errors import SlackError


@pytest.fixture
async def room(client):
    return (await client.conversations_create(name="room"))["channel"]["id"]


async def refusal(call) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_a_message_can_be_posted_changed_and_taken_back(client, room):
    posted = await client.chat_postMessage(channel=room, text="one")
    changed = await client.chat_update(channel=room, ts=posted["ts"], text="two")
    assert changed["message"]["edited"]["user"] == posted["message"]["user"]
    history = await client.conversations_history(channel=room, limit=1)
    assert [(m["ts"], m["text"]) for m in history["messages"]] == [(posted["ts"], "two")]
    await client.chat_delete(channel=room, ts=posted["ts"])
    assert await refusal(client.chat_update(channel=room, ts=posted["ts"], text="three")) == "message_not_found"


async def test_update_without_blocks_keeps_them_and_an_empty_list_removes_them(client, room):
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "body"}}
    posted = await client.chat_postMessage(channel=room, text="a", blocks=[section])
    kept = await client.chat_update(channel=room, ts=posted["ts"], text="b")
    assert kept["message"]["blocks"][0]["text"]["text"] == "body"
    assert "blocks" not in (await client.chat_update(channel=room, ts=posted["ts"], text="b", blocks=[]))["message"]


async def test_metadata_shows_only_to_those_who_ask_for_it(client, room):
    metadata = {"event_type": "outbox", "event_payload": {"key": "inc-7:card"}}
    await client.chat_postMessage(channel=room, text="card", metadata=metadata)
    plain = (await client.conversations_history(channel=room, limit=1))["messages"][0]
    full = (await client.conversations_history(channel=room, limit=1, include_all_metadata=True))["messages"][0]
    assert "metadata" not in plain
    assert full["metadata"] == metadata


async def test_replies_make_a_thread(client, room, ava):
    await client.conversations_invite(channel=room, users="U0AVA")
    root = await client.chat_postMessage(channel=room, text="phase 1")
    first = await client.chat_postMessage(channel=room, text="step 1", thread_ts=root["ts"])
    reply = await ava.post(room, "thanks", thread_ts=first["ts"])
    assert reply["thread_ts"] == root["ts"]
    assert reply["parent_user_id"] == root["message"]["user"]
    thread = (await client.conversations_replies(channel=room, ts=root["ts"]))["messages"]
    assert [m["text"] for m in thread] == ["phase 1", "step 1", "thanks"]
    assert thread[0]["reply_count"] == 2
    assert thread[0]["latest_reply"] == reply["ts"]
    top = (await client.conversations_history(channel=room))["messages"]
    assert "thanks" not in [m["text"] for m in top]


async def test_a_broadcast_reply_shows_in_the_channel_too(client, room):
    root = await client.chat_postMessage(channel=room, text="phase 1")
    await client.chat_postMessage(channel=room, text="done", thread_ts=root["ts"], reply_broadcast=True)
    newest = (await client.conversations_history(channel=room, limit=1))["messages"][0]
    assert (newest["text"], newest["subtype"]) == ("done", "thread_broadcast")


async def test_deleting_a_thread_s_first_message_leaves_a_tombstone(client, room):
    root = await client.chat_postMessage(channel=room, text="phase 1")
    await client.chat_postMessage(channel=room, text="step", thread_ts=root["ts"])
    await client.chat_delete(channel=room, ts=root["ts"])
    thread = (await client.conversations_replies(channel=room, ts=root["ts"]))["messages"]
    assert thread[0]["subtype"] == "tombstone"


async def test_a_message_to_a_person_lands_in_the_direct_conversation(client, ava):
    posted = await client.chat_postMessage(channel="U0AVA", text="you are on call")
    assert posted["channel"].startswith("D")
    await ava.wait_for_message(posted["channel"], lambda m: m["text"] == "you are on call")


async def test_what_slack_refuses_is_refused_with_its_names(client, room, ava):
    general = ava.channel_id("general")
    own = await client.chat_postMessage(channel=room, text="mine")
    theirs = await ava.post("general", "theirs")
    await client.conversations_invite(channel=room, users="U0AVA")
    assert await refusal(client.chat_postMessage(channel=general, text="hi")) == "not_in_channel"
    assert await refusal(client.chat_postMessage(channel="C0NONE", text="hi")) == "channel_not_found"
    assert await refusal(client.chat_postMessage(channel="secret", text="hi")) == "channel_not_found"
    assert await refusal(client.api_call("chat.postMessage", json={"channel": room})) == "no_text"
    assert await refusal(client.chat_postMessage(channel=room, text="x", thread_ts="1.2")) == "thread_not_found"
    assert (
        await refusal(client.api_call("chat.postMessage", json={"channel": room, "markdown_text": "x" * 12_001}))
        == "msg_too_long"
    )
    assert await refusal(client.chat_update(channel=room, ts=own["ts"], text="x" * 4_001)) == "msg_too_long"
    assert await refusal(client.chat_update(channel=general, ts=theirs["ts"], text="x")) == "cant_update_message"
    assert await refusal(client.chat_delete(channel=general, ts=theirs["ts"])) == "cant_delete_message"
    assert await refusal(client.chat_postEphemeral(channel=room, user="U0BEN", text="x")) == "user_not_in_channel"
    long = await client.chat_postMessage(channel=room, text="x" * 50_000)
    assert len(long["message"]["text"]) == 40_000
    await client.conversations_archive(channel=room)
    assert await refusal(client.chat_postMessage(channel=room, text="hi")) == "is_archived"
    assert await refusal(client.chat_update(channel=room, ts=own["ts"], text="hi")) == "is_archived"


async def test_blocks_that_break_limits_are_refused_with_the_place(client, room):
    too_long = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=room, text="x", blocks=too_long)
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_an_ephemeral_message_is_seen_by_its_reader_alone_and_kept_out_of_history(client, room, ava, ben):
    await client.conversations_invite(channel=room, users="U0AVA,U0BEN")
    await client.chat_postEphemeral(channel=room, user="U0AVA", text="only you")
    await ava.wait_for_ephemeral(lambda m: m["text"] == "only you")
    assert [m["text"] for m in await ava.ephemerals("room")] == ["only you"]
    assert await ben.ephemerals("room") == []
    assert "only you" not in [m["text"] for m in (await client.conversations_history(channel=room))["messages"]]


async def test_a_permalink_leads_to_the_page(client, room, workspace):
    posted = await client.chat_postMessage(channel=room, text="here")
    answer = await client.chat_getPermalink(channel=room, message_ts=posted["ts"])
    assert answer["permalink"] == f"{workspace.url}/archives/{room}/p{posted['ts'].replace('.', '')}"


async def test_history_pages_backwards_without_gap_or_repeat(client, room):
    sent = [(await client.chat_postMessage(channel=room, text=str(n)))["ts"] for n in range(25)]
    found, cursor = [], None
    while True:
        page = await client.conversations_history(channel=room, limit=7, cursor=cursor)
        found += [m["ts"] for m in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        if not page["has_more"]:
            break
    assert [ts for ts in found if ts in sent] == sent[::-1]
    between = await client.conversations_history(channel=room, oldest=sent[3], latest=sent[6])
    assert [m["ts"] for m in between["messages"]] == [sent[5], sent[4]]
    inclusive = await client.conversations_history(channel=room, oldest=sent[3], latest=sent[6], inclusive=True)
    assert [m["ts"] for m in inclusive["messages"]] == sent[3:7][::-1]


async def test_replies_page_forwards(client, room):
    root = (await client.chat_postMessage(channel=room, text="root"))["ts"]
    sent = [(await client.chat_postMessage(channel=room, text=str(n), thread_ts=root))["ts"] for n in range(9)]
    page = await client.conversations_replies(channel=room, ts=root, limit=5)
    rest = await client.conversations_replies(
        channel=room, ts=root, limit=5, cursor=page["response_metadata"]["next_cursor"]
    )
    assert [m["ts"] for m in page["messages"][1:] + rest["messages"][1:]] == sent


async def test_a_stream_grows_in_place(client, room, ava):
    await client.conversations_invite(channel=room, users="U0AVA")
    root = await client.chat_postMessage(channel=room, text="root")
    stream = await client.chat_stream(channel=room, thread_ts=root["ts"], recipient_user_id="U0AVA", buffer_size=1)
    await stream.append(markdown_text="Looking at ")
    await stream.append(markdown_text="the logs")
    await stream.append(chunks=[{"type": "task_update", "id": "1", "title": "Read logs", "status": "in_progress"}])
    await stream.stop(chunks=[{"type": "task_update", "id": "1", "title": "Read logs", "status": "complete"}])
    reply = (await client.conversations_replies(channel=room, ts=root["ts"]))["messages"][1]
    assert reply["text"] == "Looking at the logs"
    assert [b["status"] for b in reply["blocks"] if b["type"] == "task_card"] == ["complete"]


async def test_mentions_and_unread_messages_are_counted_until_they_are_read(client, room, ava, ben):
    await client.conversations_invite(channel=room, users="U0AVA,U0BEN")
    await ben.post("room", "good morning")
    last = await ben.post("room", "<@U0AVA> please look")
    row = await ava.wait_for_channel(lambda c: c["name"] == "room" and c["is_member"])
    booted = {c["id"]: c for c in (await ava._ask("GET", "boot"))["channels"]}[row["id"]]
    assert booted["unread_count"] == 2
    assert booted["mention_count"] == 1
    read = (await ava._ask("POST", "read", {"channel": row["id"], "ts": last["ts"]}))["channel"]
    assert (read["unread_count"], read["mention_count"]) == (0, 0)


async def test_people_are_refused_as_apps_are(ava):
    with pytest.raises(SlackError, match="channel_not_found"):
        await ava.api("chat.postMessage", channel="secret", text="let me in")
