"""reactions.*: emoji on messages."""

import re
from typing import Final

from bot.workspace.apps import events
from bot.workspace.contents import posting, shapes
from bot.workspace.contents.model import Channel, Json, Message
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.chat import permalink
from bot.workspace.web_api.registry import Call, method

# Slack, "reactions.add": different emoji on one message, and reactions of one person on it.
EMOJI: Final = 50
OWN_EMOJI: Final = 23
_NAME: Final = re.compile(r"[a-z0-9_+'’-]+(::skin-tone-[2-6])?")


@method("reactions.add", scopes=("reactions:write",), required=("name",))
def add(call: Call) -> Json:
    """Put an emoji on a message."""
    channel, row = _item(call)
    name = call.args.text("name").strip(":")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    users = row.reactions.get(name, [])
    if call.user_id in users:
        raise SlackError("already_reacted")
    if not users and len(row.reactions) >= EMOJI:
        raise SlackError("too_many_emoji")
    if sum(call.user_id in others for others in row.reactions.values()) >= OWN_EMOJI:
        raise SlackError("too_many_reactions")
    row.reactions.setdefault(name, []).append(call.user_id)
    _tell(call, channel, row, "reaction_added", name)
    return {}


@method("reactions.remove", scopes=("reactions:write",), required=("name",))
def remove(call: Call) -> Json:
    """Take one's emoji off a message."""
    channel, row = _item(call)
    name = call.args.text("name").strip(":")
    users = row.reactions.get(name, [])
    if call.user_id not in users:
        raise SlackError("no_reaction")
    users.remove(call.user_id)
    if not users:
        del row.reactions[name]
    _tell(call, channel, row, "reaction_removed", name)
    return {}


@method("reactions.get", scopes=("reactions:read",))
def get(call: Call) -> Json:
    """Return a message with its reactions."""
    channel, row = _item(call)
    shape = shapes.message(call.core, row) | {"permalink": permalink(call.core.base_url, row)}
    return {"type": "message", "channel": channel.id, "message": shape}


def _item(call: Call) -> tuple[Channel, Message]:
    if "channel" not in call.args or "timestamp" not in call.args:
        raise SlackError("no_item_specified")
    channel = call.channel()
    row = channel.messages.get(call.args.text("timestamp"))
    if row is None:
        raise SlackError("message_not_found")
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.app is not None and call.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel, row


def _tell(call: Call, channel: Channel, row: Message, kind: str, name: str) -> None:
    core = call.core
    item = {"type": "message", "channel": channel.id, "ts": row.ts}
    what = {"type": kind, "user": call.user_id, "reaction": name, "item": item, "item_user": row.user}
    core.hub.publish({**what, "channel": channel.id, "ts": row.ts}, core.team.audience(channel))
    posting.refresh(core, channel, row)
    events.emit(core, {**what, "event_ts": core.team.timestamps.next()}, channel)
