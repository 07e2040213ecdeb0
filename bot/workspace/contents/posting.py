"""Writing messages: store them, show them on the pages, tell the apps."""

import re
import uuid

from bot.workspace.apps import events
from bot.workspace.contents import shapes
from bot.workspace.contents.model import Channel, ChannelKind, Json, Message
from bot.workspace.contents.outgoing import Author, Draft
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError

_MENTION = re.compile(r"<(?:@([UW][A-Z0-9]+)|!subteam\^(S[A-Z0-9]+)|!(channel|here|everyone))(?:\|[^>]*)?>")


def post(core: Core, channel: Channel, author: Author, draft: Draft) -> Message:
    """Add a message to a channel.

    Raises:
        SlackError: is_archived, or thread_not_found when there is nothing to reply to.
    """
    if channel.is_archived:
        raise SlackError("is_archived")
    thread_ts = _thread_root(channel, draft.thread_ts)
    row = _message(core.team.timestamps.next(), channel, author, draft)
    row.thread_ts = thread_ts
    if thread_ts and draft.broadcast:
        row.subtype = "thread_broadcast"
    channel.add(row)
    channel.last_read[author.user_id] = row.ts
    mentioned = _note_mentions(core, channel, row)
    core.hub.publish(_notice(core, "message", channel, row), core.team.audience(channel))
    if thread_ts:
        parent = channel.messages[thread_ts]
        core.hub.publish(_notice(core, "message_changed", channel, parent), core.team.audience(channel))
    _tell_apps(core, channel, row, mentioned)
    return row


def post_system(core: Core, channel: Channel, user_id: str, subtype: str, text: str, **extra: str) -> Message:
    """Add one of Slack's own lines, such as that somebody has joined."""
    return post(core, channel, Author(user_id), Draft(text=text, subtype=subtype, extra=dict(extra)))


def post_ephemeral(core: Core, channel: Channel, author: Author, draft: Draft, reader: str) -> Message:
    """Show a message to one person only; it is kept nowhere but on the pages and in `ephemerals`."""
    row = _message(core.team.timestamps.next(), channel, author, draft)
    row.thread_ts = draft.thread_ts
    row.ephemeral_to = reader
    core.ephemerals.keep(row)
    core.hub.publish(_notice(core, "ephemeral", channel, row), [reader])
    return row


def edit(core: Core, channel: Channel, row: Message, draft: Draft, *, editor: str | None) -> None:
    """Replace what a message says; without an editor it is not marked as edited."""
    previous = shapes.message(core, row)
    row.text, row.blocks, row.attachments = draft.text, draft.blocks, draft.attachments
    row.metadata = draft.metadata
    row.files = [*row.files, *(file for file in draft.files if file not in row.files)]
    if editor:
        row.edited = {"user": editor, "ts": core.team.timestamps.next()}
    core.hub.publish(_notice(core, "message_changed", channel, row), core.team.audience(channel))
    changed = shapes.message(core, row)
    _emit_message(core, channel, subtype="message_changed", message=changed, previous_message=previous)


def edit_ephemeral(core: Core, channel: Channel, row: Message, draft: Draft) -> None:
    """Replace what an ephemeral message says, on its reader's pages."""
    row.text, row.blocks, row.attachments = draft.text, draft.blocks, draft.attachments
    core.hub.publish(_notice(core, "ephemeral", channel, row), [row.ephemeral_to or ""])


def delete_ephemeral(core: Core, row: Message) -> None:
    """Take an ephemeral message off its reader's pages."""
    core.ephemerals.forget(row)
    gone = {"type": "message_deleted", "channel": row.channel_id, "ts": row.ts, "is_ephemeral": True}
    core.hub.publish(gone, [row.ephemeral_to or ""])


def refresh(core: Core, channel: Channel, row: Message) -> None:
    """Show a message anew on the pages after its reactions or pins changed."""
    core.hub.publish(_notice(core, "message_changed", channel, row), core.team.audience(channel))


def delete(core: Core, channel: Channel, row: Message) -> None:
    """Take a message away; a thread's first message leaves a tombstone."""
    previous = shapes.message(core, row)
    if channel.threads.get(row.ts):
        row.text, row.blocks, row.attachments, row.subtype = "This message was deleted.", [], [], "tombstone"
        row.user, row.app_id = "USLACKBOT", None
        channel.pins.pop(row.ts, None)
        core.hub.publish(_notice(core, "message_changed", channel, row), core.team.audience(channel))
    else:
        channel.remove(row)
        gone = {"type": "message_deleted", "channel": channel.id, "ts": row.ts, "thread_ts": row.thread_ts}
        core.hub.publish(gone, core.team.audience(channel))
        parent = channel.messages.get(row.thread_ts or "")
        if parent:
            refresh(core, channel, parent)
    _emit_message(core, channel, subtype="message_deleted", deleted_ts=row.ts, previous_message=previous)


def _thread_root(channel: Channel, thread_ts: str | None) -> str | None:
    if not thread_ts:
        return None
    parent = channel.messages.get(thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    return parent.thread_ts if parent.is_reply else parent.ts


def _message(ts: str, channel: Channel, author: Author, draft: Draft) -> Message:
    return Message(
        ts=ts,
        channel_id=channel.id,
        user=author.user_id,
        text=draft.text,
        blocks=draft.blocks,
        attachments=draft.attachments,
        subtype=draft.subtype,
        app_id=author.app.id if author.app else None,
        bot_id=author.app.bot_id if author.app else None,
        client_msg_id=None if author.app or draft.subtype else str(uuid.uuid4()),
        username=author.username,
        icons=author.icons,
        metadata=draft.metadata,
        files=list(draft.files),
        extra=draft.extra,
    )


def _notice(core: Core, kind: str, channel: Channel, row: Message) -> Json:
    return {"type": kind, "channel": channel.id, "message": shapes.message(core, row)}


def _note_mentions(core: Core, channel: Channel, row: Message) -> set[str]:
    named: set[str] = set(channel.members) if channel.kind.is_direct else set()
    if "<" in row.text:
        for user_id, group_id, broadcast in _MENTION.findall(row.text):
            named |= _named(core, channel, user_id, group_id, broadcast)
    named &= set(core.team.users)
    for user_id in named - {row.user}:
        channel.mentions.setdefault(user_id, []).append(row.ts)
    return named


def _named(core: Core, channel: Channel, user_id: str, group_id: str, broadcast: str) -> set[str]:
    if user_id:
        return {user_id}
    if group_id:
        group = core.team.usergroups.get(group_id)
        return set(group.users) if group else set()
    return set(channel.members) if broadcast else set()


def _tell_apps(core: Core, channel: Channel, row: Message, mentioned: set[str]) -> None:
    shape = shapes.message(core, row)
    place = {"channel": channel.id, "event_ts": row.ts}
    events.emit(core, {**shape, **place, "channel_type": channel.kind.value}, channel)
    if row.subtype or channel.kind is ChannelKind.IM:
        return
    for app in core.team.apps.values():
        if app.user_id in mentioned and app.user_id in channel.members and f"<@{app.user_id}" in row.text:
            events.emit_to(core, app, {**shape, **place, "type": "app_mention"})


def _emit_message(core: Core, channel: Channel, **fields: object) -> None:
    ts = core.team.timestamps.next()
    event = {"type": "message", "hidden": True, "channel": channel.id, "ts": ts, "event_ts": ts}
    events.emit(core, {**event, "channel_type": channel.kind.value, **fields}, channel)
