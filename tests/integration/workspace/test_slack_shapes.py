"""What the workspace answers and sends has Slack's fields with Slack's types, and the fields that clients rely on."""

import json
import time
from pathlib import Path

import pytest

CASES = Path(__file__).parents[2] / "cases" / "slack"
RESPONSES = json.loads((CASES / "responses.json").read_text())
PAYLOADS = json.loads((CASES / "payloads.json").read_text())

# Fields that Slack documents and that the samples of some methods or events do not happen to hold.
DOCUMENTED = {
    # A message is a message wherever it is shown.
    "thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply", "is_locked", "subscribed", "edited",
    "blocks", "client_msg_id", "message", "channel",
    "name", "old_name",  # of the line about a renamed channel
    "context_team_id", "context_enterprise_id",  # in every event, the samples of some are older
    "response_urls",  # of a view_submission
    "response_metadata",  # files.info
    "user_count",  # usergroups.users.update
}  # fmt: skip
CHANNEL = {"id", "name", "is_channel", "is_group", "is_im", "is_private", "is_archived", "creator", "topic", "purpose"}
MESSAGE = {"type", "user", "text", "ts", "bot_id", "app_id", "team", "bot_profile"}
VIEW = {"id", "team_id", "type", "blocks", "private_metadata", "callback_id", "state", "hash", "root_view_id", "app_id"}
PERSON = {"id", "team_id", "name", "real_name", "tz", "profile", "is_admin", "is_bot", "deleted", "updated"}

REQUIRED = {
    "auth.test": {"": {"ok", "url", "team", "user", "team_id", "user_id", "bot_id", "is_enterprise_install"}},
    "chat.postMessage": {"": {"ok", "channel", "ts", "message"}, "message": MESSAGE},
    "chat.update": {"": {"ok", "channel", "ts", "text", "message"}, "message": MESSAGE - {"ts"}},
    "chat.delete": {"": {"ok", "channel", "ts"}},
    "chat.postEphemeral": {"": {"ok", "message_ts"}},
    "chat.scheduleMessage": {"": {"ok", "channel", "scheduled_message_id", "post_at", "message"}},
    "chat.scheduledMessages.list": {"": {"ok", "scheduled_messages", "response_metadata"}},
    "chat.getPermalink": {"": {"ok", "channel", "permalink"}},
    "conversations.create": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.info": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.invite": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.join": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.rename": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.setTopic": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.setPurpose": {"": {"ok", "channel"}, "channel": CHANNEL},
    "conversations.list": {"": {"ok", "channels", "response_metadata"}, "channels": CHANNEL},
    "users.conversations": {"": {"ok", "channels", "response_metadata"}, "channels": CHANNEL},
    "conversations.members": {"": {"ok", "members", "response_metadata"}},
    "conversations.history": {
        "": {"ok", "messages", "has_more", "pin_count"},
        "messages": {"type", "user", "text", "ts"},
    },
    "conversations.replies": {"": {"ok", "messages", "has_more"}, "messages": {"type", "user", "text", "ts"}},
    "conversations.open": {"": {"ok", "channel"}, "channel": {"id"}},
    "reactions.get": {"": {"ok", "type", "channel", "message"}, "message": MESSAGE | {"reactions", "permalink"}},
    "pins.list": {"": {"ok", "items"}, "items": {"type", "created", "created_by", "channel", "message"}},
    "bookmarks.add": {"": {"ok", "bookmark"}, "bookmark": {"id", "channel_id", "title", "link", "type", "rank"}},
    "bookmarks.edit": {"": {"ok", "bookmark"}},
    "bookmarks.list": {"": {"ok", "bookmarks"}},
    "users.info": {"": {"ok", "user"}, "user": PERSON},
    "users.lookupByEmail": {"": {"ok", "user"}, "user": PERSON},
    "users.list": {"": {"ok", "members", "cache_ts", "response_metadata"}, "members": PERSON},
    "usergroups.list": {"": {"ok", "usergroups"}, "usergroups": {"id", "handle", "name", "user_count", "users"}},
    "usergroups.users.list": {"": {"ok", "users"}},
    "usergroups.users.update": {"": {"ok", "usergroup"}},
    "files.getUploadURLExternal": {"": {"ok", "upload_url", "file_id"}},
    "files.completeUploadExternal": {"": {"ok", "files"}, "files": {"id", "title", "name", "url_private", "shares"}},
    "files.info": {"": {"ok", "file"}, "file": {"id", "name", "mimetype", "filetype", "size", "permalink"}},
    "conversations.canvases.create": {"": {"ok", "canvas_id"}},
    "canvases.edit": {"": {"ok"}},
    "canvases.sections.lookup": {"": {"ok", "sections"}, "sections": {"id"}},
    "views.open": {"": {"ok", "view"}, "view": VIEW},
    "views.update": {"": {"ok", "view"}, "view": VIEW},
    "views.publish": {"": {"ok", "view"}, "view": VIEW},
    "apps.connections.open": {"": {"ok", "url"}},
    "team.info": {"": {"ok", "team"}, "team": {"id", "name", "domain", "icon", "url"}},
    "bots.info": {"": {"ok", "bot"}, "bot": {"id", "name", "app_id", "user_id", "icons"}},
}

TYPES = {"string": str, "number": (int, float), "boolean": bool}


def differences(found, shape, path="") -> list[str]:
    if shape == "any" or found is None:
        return []
    if path == ".is_enterprise_install" and found == "false":
        return []  # a form's field in commands
    if isinstance(shape, dict):
        if not isinstance(found, dict):
            return [f"{path}: {found!r} should be an object"]
        if any(key.startswith(("C0", "U0", "111", "333", "00")) for key in shape):
            return []  # an object keyed by ids
        unknown = [
            f"{path}.{key}: Slack has no such field" for key in found if key not in shape and key not in DOCUMENTED
        ]
        return unknown + [
            d for key in found if key in shape for d in differences(found[key], shape[key], f"{path}.{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(found, list):
            return [f"{path}: {found!r} should be a list"]
        return [d for n, entry in enumerate(found) for d in differences(entry, shape[0], f"{path}[{n}]")]
    right = isinstance(found, TYPES[shape]) and not (shape == "number" and isinstance(found, bool))
    return [] if right else [f"{path}: {found!r} should be a {shape}"]


def lacking(answer: dict, required: dict) -> list[str]:
    gaps = []
    for field, names in required.items():
        part = answer[field] if field else answer
        for entry in part if isinstance(part, list) else [part]:
            gaps += [f"{field}.{name} is missing" for name in names - entry.keys()]
    return gaps


async def everything(client, ava) -> dict[str, dict]:
    """Call every method once and return the answers."""
    answers: dict[str, dict] = {}

    async def call(method: str, **arguments) -> dict:
        answers[method] = (await client.api_call(method, json=arguments)).data
        return answers[method]

    await call("auth.test")
    await call("team.info")
    bot = answers["auth.test"]["bot_id"]
    await call("bots.info", bot=bot)
    room = (await call("conversations.create", name="room"))["channel"]["id"]
    await call("conversations.join", channel=ava.channel_id("general"))
    await call("conversations.invite", channel=room, users="U0AVA,U0BEN")
    await call("conversations.setTopic", channel=room, topic="t")
    await call("conversations.setPurpose", channel=room, purpose="p")
    await call("conversations.rename", channel=room, name="room-2")
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "card"}}
    posted = await call("chat.postMessage", channel=room, text="card", blocks=[section])
    ts = posted["ts"]
    await call("chat.update", channel=room, ts=ts, text="new card")
    reply = await call("chat.postMessage", channel=room, text="reply", thread_ts=ts)
    await ava.post(room, "from a person", thread_ts=ts)
    await call("chat.postEphemeral", channel=room, user="U0AVA", text="psst")
    waiting = await call("chat.scheduleMessage", channel=room, text="later", post_at=int(time.time()) + 900)
    await call("chat.scheduledMessages.list")
    await call("chat.deleteScheduledMessage", channel=room, scheduled_message_id=waiting["scheduled_message_id"])
    await call("chat.getPermalink", channel=room, message_ts=reply["ts"])
    await call("chat.startStream", channel=room, thread_ts=ts, markdown_text="a")
    await call("chat.appendStream", channel=room, ts=answers["chat.startStream"]["ts"], markdown_text="b")
    await call("assistant.threads.setStatus", channel_id=room, thread_ts=ts, status="is reading logs")
    await call("reactions.add", channel=room, timestamp=ts, name="eyes")
    await call("reactions.get", channel=room, timestamp=ts)
    await call("pins.add", channel=room, timestamp=ts)
    await call("pins.list", channel=room)
    await call("pins.remove", channel=room, timestamp=ts)
    link = "https://example.com"
    mark = (await call("bookmarks.add", channel_id=room, title="Runbook", type="link", link=link))["bookmark"]["id"]
    await call("bookmarks.edit", channel_id=room, bookmark_id=mark, title="The runbook")
    await call("bookmarks.list", channel_id=room)
    await call("bookmarks.remove", channel_id=room, bookmark_id=mark)
    await upload(client, call, room)
    await documents(call, room)
    await call("conversations.history", channel=room)
    await call("conversations.replies", channel=room, ts=ts)
    await call("conversations.info", channel=room, include_num_members=True)
    await call("conversations.list")
    await call("conversations.members", channel=room)
    await call("conversations.open", users="U0AVA")
    await call("users.conversations", user="U0AVA")
    await call("users.info", user="U0AVA")
    await call("users.list")
    await call("users.lookupByEmail", email="ava@example.com")
    group = (await call("usergroups.create", name="On call"))["usergroup"]["id"]
    await call("usergroups.users.update", usergroup=group, users="U0AVA")
    await call("usergroups.list", include_users=True)
    await call("usergroups.users.list", usergroup=group)
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    view = (await call("views.publish", user_id="U0AVA", view=home))["view"]["id"]
    await call("views.update", view_id=view, view=home)
    await call("chat.delete", channel=room, ts=reply["ts"])
    await call("reactions.remove", channel=room, timestamp=ts, name="eyes")
    await call("conversations.kick", channel=room, user="U0BEN")
    await call("conversations.archive", channel=room)
    await call("conversations.unarchive", channel=room)
    return answers


async def upload(client, call, room) -> None:
    begun = await call("files.getUploadURLExternal", filename="a.md", length=5)
    await client._upload_file(
        url=begun["upload_url"], data=b"# Hi\n", logger=client._logger, timeout=5, proxy=None, ssl=None
    )
    await call("files.completeUploadExternal", files=[{"id": begun["file_id"], "title": "A"}], channel_id=room)
    await call("files.info", file=begun["file_id"])


async def documents(call, room) -> None:
    content = {"type": "markdown", "markdown": "# Title"}
    canvas = (await call("conversations.canvases.create", channel_id=room, document_content=content))["canvas_id"]
    await call("canvases.create", title="Other", document_content=content)
    await call("canvases.edit", canvas_id=canvas, changes=[{"operation": "insert_at_end", "document_content": content}])
    await call("canvases.sections.lookup", canvas_id=canvas, criteria={"contains_text": "Title"})


async def test_answers_have_the_shape_of_slack_s_own(client, ava, app, connected, seen):
    @app.command("/ops")
    async def ops(ack, body, client):
        await ack()
        view = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [{"type": "divider"}]}
        seen((await client.views_open(trigger_id=body["trigger_id"], view=view)).data)

    answers = await everything(client, ava)
    await ava.command("/ops")
    answers["views.open"] = await seen.next()
    problems = {
        method: found
        for method, answer in answers.items()
        if (found := differences(answer, RESPONSES.get(method, "any")) + lacking(answer, REQUIRED.get(method, {})))
    }
    assert problems == {}, json.dumps(problems, indent=1)
    untested = set(REQUIRED) - set(answers) - {"apps.connections.open"}
    assert untested == set()


@pytest.fixture
def recorded(app) -> dict[str, list[dict]]:
    """Every body that the app receives, by its type, before Bolt looks at it."""
    bodies: dict[str, list[dict]] = {}

    @app.middleware
    async def record(body, next_):
        event = body.get("event") or {}
        kind = body.get("type") or "command"
        key = f"{event['type']}:{event.get('subtype', '')}" if kind == "event_callback" else kind
        bodies.setdefault(key, []).append(body)
        await next_()

    return bodies


async def test_payloads_have_the_shape_of_slack_s_own(client, ava, app, recorded, connected, seen):
    modal = {
        "type": "modal",
        "callback_id": "m",
        "notify_on_close": True,
        "title": {"type": "plain_text", "text": "T"},
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}],
        "submit": {"type": "plain_text", "text": "Go"},
    }

    @app.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal)

    @app.action("go")
    async def go(ack):
        await ack()

    @app.view("m")
    async def submitted(ack):
        await ack()

    @app.view_closed("m")
    async def closed(ack):
        await ack()
        seen("closed")

    @app.shortcut("keep")
    async def keep(ack):
        await ack()

    async def ignored():
        return None

    for kind in ("app_mention", "reaction_added", "reaction_removed", "pin_added", "member_joined_channel", "message"):
        app.event(kind)(ignored)

    @app.event("app_home_opened")
    async def home():
        seen("home")

    room = (await client.conversations_create(name="room"))["channel"]["id"]
    await client.conversations_invite(channel=room, users="U0AVA")
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "v"}
    card = await client.chat_postMessage(channel=room, text="card", blocks=[{"type": "actions", "elements": [button]}])
    await ava.click(room, await ava.wait_for_message("room", lambda m: m["ts"] == card["ts"]), "go")
    await ava.shortcut("keep", room, card["ts"])
    said = await ava.post(room, f"<@{(await client.auth_test())['user_id']}> hi")
    await ava.api("chat.update", channel=room, ts=said["ts"], text="changed")
    await ava.api("chat.delete", channel=room, ts=said["ts"])
    await ava.react(room, card["ts"], "eyes")
    await ava.api("reactions.remove", channel=room, timestamp=card["ts"], name="eyes")
    await ava.api("pins.add", channel=room, timestamp=card["ts"])
    await ava.command("/ops")
    await ava.submit(await ava.wait_for_view())
    await ava.command("/ops")
    await ava.close(await ava.wait_for_view())
    assert await seen.next() == "closed"
    await ava.open_home("Ops")
    assert await seen.next() == "home"

    samples = {
        "command": "SlashCommand",
        "block_actions": "BlockAction",
        "message_action": "MessageShortcut",
        "view_submission": "ViewSubmission",
        "view_closed": "ViewClosed",
        "app_mention:": "AppMention",
        "message:": "Message",
        "message:message_changed": "MessageChanged",
        "message:message_deleted": "MessageDeleted",
        "reaction_added:": "ReactionAdded",
        "reaction_removed:": "ReactionRemoved",
        "pin_added:": "PinAdded",
        "member_joined_channel:": "MemberJoinedChannel",
        "app_home_opened:": "AppHomeOpened",
    }
    assert set(samples) <= set(recorded)
    problems = {
        kind: found
        for kind, sample in samples.items()
        if (found := [d for body in recorded[kind] for d in differences(body, PAYLOADS[sample])])
    }
    assert problems == {}, json.dumps(problems, indent=1)
