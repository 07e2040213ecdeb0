"""conversations.*: making, finding and naming channels."""

import re
from typing import Final

from bot.workspace.contents import channels, shapes
from bot.workspace.contents.model import Channel, ChannelKind, Json
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import paging
from bot.workspace.web_api.arguments import missing
from bot.workspace.web_api.registry import SCOPE_PREFIX, Call, method

# Slack, "conversations.create": lowercase letters without case, digits, hyphens and underscores, up to 80.
NAME_CHARACTERS: Final = 80
_NAME: Final = re.compile(r"[^\W_A-Z]?[\w-]*")
# Slack, "conversations.setTopic" and "setPurpose".
NOTE_CHARACTERS: Final = 250
# Slack, "conversations.open": a conversation of up to eight others.
DIRECT_PEOPLE: Final = 8


@method("conversations.create", required=("name",))
def create(call: Call) -> Json:
    """Create a channel with the caller as its first member."""
    kind = ChannelKind.PRIVATE if call.args.flag("is_private") else ChannelKind.PUBLIC
    call.need_to_manage(kind)
    channel = channels.create(call.core, free_name(call), kind, call.user_id)
    return {"channel": shapes.channel(call.core, channel, call.user_id)}


def free_name(call: Call) -> str:
    """Return the channel name in the arguments, if it is well-formed and free.

    Raises:
        SlackError: invalid_name_required, invalid_name_maxlength, invalid_name_specials or name_taken.
    """
    name = call.args.text("name").removeprefix("#")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > NAME_CHARACTERS:
        raise SlackError("invalid_name_maxlength")
    if name != name.lower() or not _NAME.fullmatch(name):
        raise SlackError("invalid_name_specials")
    if not name.strip("-_"):
        raise SlackError("invalid_name_punctuation")
    if name in call.core.team.channels_by_name:
        raise SlackError("name_taken")
    return name


@method("conversations.rename", required=("channel", "name"))
def rename(call: Call) -> Json:
    """Give a channel another name."""
    channel = call.live_channel()
    call.need_to_manage(channel.kind)
    channels.rename(call.core, channel, free_name(call), call.user_id)
    return {"channel": shapes.channel(call.core, channel, call.user_id)}


@method("conversations.archive", required=("channel",))
def archive(call: Call) -> Json:
    """Close a channel for writing."""
    channel = call.joined_channel()
    call.need_to_manage(channel.kind)
    if channel.is_archived:
        raise SlackError("already_archived")
    if channel.is_general:
        raise SlackError("cant_archive_general")
    channels.archive(call.core, channel, call.user_id)
    return {}


@method("conversations.unarchive", required=("channel",))
def unarchive(call: Call) -> Json:
    """Open an archived channel again."""
    channel = call.channel()
    call.need_to_manage(channel.kind)
    if not channel.is_archived:
        raise SlackError("not_archived")
    channels.unarchive(call.core, channel, call.user_id)
    return {}


@method("conversations.setTopic", required=("channel", "topic"))
def set_topic(call: Call) -> Json:
    """Set what stands in a channel's header."""
    channel = call.live_channel()
    call.need_to_manage(channel.kind, "channels:write.topic")
    channels.set_topic(call.core, channel, _note(call, "topic"), call.user_id)
    return {"channel": shapes.channel(call.core, channel, call.user_id)}


@method("conversations.setPurpose", required=("channel", "purpose"))
def set_purpose(call: Call) -> Json:
    """Set a channel's description."""
    channel = call.live_channel()
    call.need_to_manage(channel.kind, "channels:write.topic")
    channels.set_purpose(call.core, channel, _note(call, "purpose"), call.user_id)
    return {"channel": shapes.channel(call.core, channel, call.user_id)}


def _note(call: Call, name: str) -> str:
    text = call.args.text(name)
    if len(text) > NOTE_CHARACTERS:
        raise SlackError("too_long")
    return text


@method("conversations.info", required=("channel",))
def info(call: Call) -> Json:
    """Return one conversation."""
    channel = call.channel()
    call.need_for(channel.kind, "read")
    shape = shapes.channel(call.core, channel, call.user_id)
    if call.args.flag("include_num_members"):
        shape["num_members"] = len(channel.members)
    if call.args.flag("include_locale"):
        shape["locale"] = "en-US"
    return {"channel": shape}


@method("conversations.list")
def list_all(call: Call) -> Json:
    """Return the conversations that the caller may know of."""
    rows, more = paging.page(call, _of_types(call, call.core.team.channels_seen_by(call.user_id)))
    return {"channels": [_shape(call, row, "last_read") | {"num_members": len(row.members)} for row in rows], **more}


@method("users.conversations")
def of_user(call: Call) -> Json:
    """Return the conversations of which somebody is a member, as far as the caller may know of them."""
    member = call.args.text("user") or call.user_id
    if member not in call.core.team.users:
        raise SlackError("user_not_found")
    visible = call.core.team.channels_seen_by(call.user_id)
    rows, more = paging.page(call, _of_types(call, [channel for channel in visible if member in channel.members]))
    return {"channels": [_shape(call, row, "is_member") for row in rows], **more}


_TYPES: Final = {
    "public_channel": ChannelKind.PUBLIC,
    "private_channel": ChannelKind.PRIVATE,
    "im": ChannelKind.IM,
    "mpim": ChannelKind.MPIM,
}


def _of_types(call: Call, rows: list[Channel]) -> list[Channel]:
    names = call.args.names("types") or ["public_channel"]
    if unknown := [name for name in names if name not in _TYPES]:
        raise SlackError("invalid_types", types=",".join(unknown))
    kinds = [_TYPES[name] for name in names]
    for kind in kinds:
        call.need(f"{SCOPE_PREFIX[kind]}:read")
    without_archived = call.args.flag("exclude_archived")
    return [row for row in rows if row.kind in kinds and not (without_archived and row.is_archived)]


def _shape(call: Call, channel: Channel, left_out: str) -> Json:
    shape = shapes.channel(call.core, channel, call.user_id)
    shape.pop(left_out, None)
    return shape


@method("conversations.open")
def open_direct(call: Call) -> Json:
    """Open the conversation with one person or a few."""
    team = call.core.team
    if "channel" in call.args:
        channel, is_new = call.channel(), False
    else:
        others = call.args.names("users")
        if not others:
            raise missing("users")
        if len(others) > DIRECT_PEOPLE:
            raise SlackError("too_many_users")
        if any(user_id not in team.users for user_id in others):
            raise SlackError("user_not_found")
        people = frozenset({call.user_id, *others})
        call.need_for(ChannelKind.IM if len(people) <= 2 else ChannelKind.MPIM, "write")
        channel, is_new = channels.open_direct(call.core, people)
    full = call.args.flag("return_im") or channel.kind is ChannelKind.MPIM
    shape = shapes.channel(call.core, channel, call.user_id) if full else {"id": channel.id}
    return {"channel": shape, **({} if is_new else {"no_op": True, "already_open": True})}
