"""What chat.* arguments say, checked as Slack checks them."""

from typing import Final

from bot.workspace.contents import channels
from bot.workspace.contents.model import Channel, ChannelKind, Json, Message
from bot.workspace.contents.outgoing import Author, Draft
from bot.workspace.rules import blocks
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.registry import Call

# Slack, "chat.postMessage": longer texts are cut; "chat.update" refuses more than 4,000.
POST_CHARACTERS: Final = 40_000
UPDATE_CHARACTERS: Final = 4_000


def target(call: Call) -> Channel:
    """Return the conversation to write to; it may be named by id, by #name or by a person's id.

    Raises:
        SlackError: channel_not_found, not_in_channel or is_archived.
    """
    name = call.args.required("channel")
    team = call.core.team
    if name in team.users:
        channel, _ = channels.open_direct(call.core, frozenset({call.user_id, name}))
    elif name.lstrip("#") in team.channels_by_name:
        channel = team.visible_channel(team.channels_by_name[name.lstrip("#")].id, call.user_id)
    else:
        channel = team.visible_channel(name, call.user_id)
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.user_id not in channel.members and not _may_write_outside(call, channel):
        raise SlackError("not_in_channel")
    return channel


def _may_write_outside(call: Call, channel: Channel) -> bool:
    scopes = call.identity.scopes or frozenset()
    return channel.kind is ChannelKind.PUBLIC and "chat:write.public" in scopes


def author(call: Call) -> Author:
    """Return who the message is from; another name or picture needs chat:write.customize.

    Raises:
        SlackError: missing_scope.
    """
    username = call.args.text("username") or None
    icons: Json = {}
    if "icon_emoji" in call.args:
        icons["emoji"] = call.args.text("icon_emoji")
    if "icon_url" in call.args:
        icons["image_48"] = call.args.text("icon_url")
    if username or icons:
        call.need("chat:write.customize")
    return Author(call.user_id, call.app, username, icons or None)


def draft(call: Call) -> Draft:
    """Return a new message.

    Raises:
        SlackError: no_text, invalid_blocks, msg_too_long, markdown_text_conflict and their like.
    """
    text, layout, attachments = _content(call)
    if not (text or layout or attachments):
        raise SlackError("no_text")
    return Draft(
        text=text[:POST_CHARACTERS],
        blocks=layout,
        attachments=attachments,
        thread_ts=call.args.text("thread_ts") or None,
        broadcast=call.args.flag("reply_broadcast"),
        metadata=_metadata(call),
    )


def update(call: Call, row: Message) -> Draft:
    """Return a message's new content; blocks, attachments and metadata that are not given stay.

    Raises:
        SlackError: as `draft`.
    """
    text, layout, attachments = _content(call)
    if len(text) > UPDATE_CHARACTERS:
        raise SlackError("msg_too_long")
    given = call.args
    if not any(name in given for name in ("text", "blocks", "attachments", "markdown_text", "file_ids")):
        raise SlackError("no_text")
    keeps_blocks = "blocks" not in given and "markdown_text" not in given
    return Draft(
        text=text if "text" in given or "markdown_text" in given else row.text,
        blocks=row.blocks if keeps_blocks else layout,
        attachments=attachments if "attachments" in given else row.attachments,
        metadata=_metadata(call) if "metadata" in given else row.metadata,
        files=tuple(given.names("file_ids")),
    )


def _content(call: Call) -> tuple[str, list[Json], list[Json]]:
    given = call.args
    layout = given.document("blocks")
    checked = blocks.message_blocks(layout) if layout else []
    attachments = given.document("attachments") or []
    if not isinstance(attachments, list):
        raise SlackError("invalid_attachments")
    for number, attachment in enumerate(attachments):
        if isinstance(attachment, dict) and attachment.get("blocks"):
            attachments[number] = {**attachment, "blocks": blocks.message_blocks(attachment["blocks"])}
    text = given.text("text")
    markdown = given.text("markdown_text")
    if markdown:
        if text or layout:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > blocks.MARKDOWN_CHARACTERS:
            raise SlackError("msg_too_long")
        return markdown, blocks.with_ids([{"type": "markdown", "text": markdown}]), attachments
    return text, checked, attachments


def _metadata(call: Call) -> Json | None:
    metadata = call.args.document("metadata")
    if not metadata:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}
