"""Changing channels: store it, write Slack's line about it, tell pages and apps."""

from bot.workspace.apps import events
from bot.workspace.contents import posting, shapes
from bot.workspace.contents.model import Channel, ChannelKind, Note
from bot.workspace.contents.state import time_in_milliseconds
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError


def create(core: Core, name: str, kind: ChannelKind, creator: str) -> Channel:
    """Create a channel with its creator as the only member."""
    channel = core.team.add_channel(name, kind, creator)
    channel.members[creator] = None
    posting.post_system(core, channel, creator, "channel_join", f"<@{creator}> has joined the channel")
    announce(core, channel)
    if kind is ChannelKind.PUBLIC:
        born = {"id": channel.id, "name": name, "created": channel.created, "creator": creator}
        events.emit(core, {"type": "channel_created", "channel": born, "event_ts": core.team.timestamps.next()}, None)
    return channel


def open_direct(core: Core, user_ids: frozenset[str]) -> tuple[Channel, bool]:
    """Return the conversation of exactly these people, and whether it is new."""
    channel, is_new = core.team.direct(user_ids)
    if is_new:
        for user_id in channel.members:
            core.hub.publish({"type": "channel_joined", "channel": for_page(core, channel, user_id)}, [user_id])
    return channel, is_new


def join(core: Core, channel: Channel, user_id: str, inviter: str | None = None) -> None:
    """Make somebody a member; the caller has checked that it is allowed."""
    channel.members[user_id] = None
    read_before = channel.order[-1] if channel.order else ""
    extra = {"inviter": inviter} if inviter else {}
    posting.post_system(core, channel, user_id, "channel_join", f"<@{user_id}> has joined the channel", **extra)
    if inviter:
        channel.last_read[user_id] = read_before
    core.hub.publish({"type": "channel_joined", "channel": for_page(core, channel, user_id)}, [user_id])
    announce(core, channel)
    joined = {
        "type": "member_joined_channel",
        "user": user_id,
        "channel": channel.id,
        "channel_type": "C" if channel.kind is ChannelKind.PUBLIC else "G",
        "team": core.team.id,
        "event_ts": core.team.timestamps.next(),
        **extra,
    }
    events.emit(core, joined, channel)


def leave(core: Core, channel: Channel, user_id: str, remover: str | None = None) -> None:
    """End a membership."""
    text = f"<@{remover}> removed <@{user_id}> from the channel" if remover else f"<@{user_id}> has left the channel"
    posting.post_system(core, channel, user_id, "channel_leave", text)
    left = {
        "type": "member_left_channel",
        "user": user_id,
        "channel": channel.id,
        "channel_type": "C" if channel.kind is ChannelKind.PUBLIC else "G",
        "team": core.team.id,
        "event_ts": core.team.timestamps.next(),
    }
    events.emit(core, left, channel)
    del channel.members[user_id]
    core.hub.publish({"type": "channel_left", "channel": channel.id}, [user_id])
    announce(core, channel)


def rename(core: Core, channel: Channel, name: str, user_id: str) -> None:
    """Give a channel a name that is free."""
    old = channel.name
    del core.team.channels_by_name[old]
    core.team.channels_by_name[name] = channel
    channel.name = name
    channel.previous_names.insert(0, old)
    text = f'has renamed the channel from "{old}" to "{name}"'
    posting.post_system(core, channel, user_id, "channel_name", text, old_name=old, name=name)
    announce(core, channel)
    renamed = {"id": channel.id, "name": name, "created": channel.created}
    ts = core.team.timestamps.next()
    events.emit(core, {"type": "channel_rename", "channel": renamed, "event_ts": ts}, channel)


def archive(core: Core, channel: Channel, user_id: str) -> None:
    """Close a channel for writing."""
    text = f"<@{user_id}> archived the channel"
    posting.post_system(core, channel, user_id, "channel_archive", text)
    channel.is_archived = True
    announce(core, channel)
    _emit_state(core, channel, "channel_archive", user_id)


def unarchive(core: Core, channel: Channel, user_id: str) -> None:
    """Open an archived channel again."""
    channel.is_archived = False
    posting.post_system(core, channel, user_id, "channel_unarchive", f"<@{user_id}> un-archived the channel")
    announce(core, channel)
    _emit_state(core, channel, "channel_unarchive", user_id)


def set_topic(core: Core, channel: Channel, text: str, user_id: str) -> None:
    """Set the line in a channel's header."""
    channel.topic = Note(text, user_id, core.team.epoch())
    line = f"set the channel topic: {text}" if text else "cleared the channel topic"
    posting.post_system(core, channel, user_id, "channel_topic", line, topic=text)
    announce(core, channel)


def set_purpose(core: Core, channel: Channel, text: str, user_id: str) -> None:
    """Set a channel's description."""
    channel.purpose = Note(text, user_id, core.team.epoch())
    line = f"set the channel description: {text}" if text else "cleared the channel description"
    posting.post_system(core, channel, user_id, "channel_purpose", line, purpose=text)
    announce(core, channel)


def mark_read(core: Core, channel: Channel, user_id: str, ts: str) -> None:
    """Note up to where somebody has read."""
    if user_id not in channel.members:
        raise SlackError("not_in_channel")
    channel.last_read[user_id] = ts
    core.hub.publish({"type": "channel_changed", "channel": for_page(core, channel, user_id)}, [user_id])


def for_page(core: Core, channel: Channel, user_id: str) -> dict[str, object]:
    """Return a conversation as a page lists it, with what is unread."""
    is_member = user_id in channel.members
    return {
        **shapes.channel(core, channel, user_id),
        "is_member": is_member,
        "num_members": len(channel.members),
        "unread_count": channel.unread_count(user_id) if is_member else 0,
        "mention_count": channel.mention_count(user_id) if is_member else 0,
        "last_read": channel.last_read.get(user_id, "0000000000.000000"),
    }


def announce(core: Core, channel: Channel) -> None:
    """Show a channel's new name, topic, members or state on the pages."""
    channel.updated = time_in_milliseconds(core.now)
    for user_id in core.hub.present(core.team.audience(channel)):
        core.hub.publish({"type": "channel_changed", "channel": for_page(core, channel, user_id)}, [user_id])


def _emit_state(core: Core, channel: Channel, kind: str, user_id: str) -> None:
    ts = core.team.timestamps.next()
    events.emit(core, {"type": kind, "channel": channel.id, "user": user_id, "event_ts": ts}, channel)
