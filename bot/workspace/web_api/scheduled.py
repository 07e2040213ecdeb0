"""chat.scheduleMessage and its siblings."""

from typing import Final

from bot.workspace.contents import shapes
from bot.workspace.contents.model import Json, Message
from bot.workspace.contents.outgoing import Scheduled
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import drafts, paging
from bot.workspace.web_api.registry import Call, method

# Slack, "chat.scheduleMessage": up to 120 days ahead, 30 messages within five minutes in a channel.
HORIZON_SECONDS: Final = 120 * 86_400
WINDOW_SECONDS: Final = 300
IN_WINDOW: Final = 30
# Slack refuses to delete what is about to be sent.
DELETE_SECONDS: Final = 60


@method("chat.scheduleMessage", scopes=("chat:write",), required=("channel", "post_at"))
def schedule(call: Call) -> Json:
    """Let a message wait for its time."""
    channel, author, draft = drafts.target(call), drafts.author(call), drafts.draft(call)
    team, post_at = call.core.team, call.args.number("post_at", 0)
    if post_at <= team.now():
        raise SlackError("time_in_past")
    if post_at > team.now() + HORIZON_SECONDS:
        raise SlackError("time_too_far")
    near = [
        row
        for row in team.scheduled.values()
        if row.channel_id == channel.id and abs(row.post_at - post_at) < WINDOW_SECONDS
    ]
    if len(near) >= IN_WINDOW:
        raise SlackError("restricted_too_many")
    row = Scheduled(team.ids.new("Q"), channel.id, post_at, team.epoch(), author, draft)
    team.scheduled[row.id] = row
    call.core.scheduled_changed()
    return {
        "channel": channel.id,
        "scheduled_message_id": row.id,
        "post_at": post_at,
        "message": _preview(call, row),
    }


def _preview(call: Call, row: Scheduled) -> Json:
    draft, author = row.draft, row.author
    app_id = author.app.id if author.app else None
    message = Message("", row.channel_id, author.user_id, draft.text, draft.blocks, draft.attachments, app_id=app_id)
    shape = shapes.message(call.core, message)
    del shape["ts"]
    return shape


@method("chat.deleteScheduledMessage", scopes=("chat:write",), required=("channel", "scheduled_message_id"))
def delete(call: Call) -> Json:
    """Take back a message that still waits."""
    row = call.core.team.scheduled.get(call.args.text("scheduled_message_id"))
    if row is None or row.author.user_id != call.user_id or row.channel_id != call.args.text("channel"):
        raise SlackError("invalid_scheduled_message_id")
    if row.post_at - call.core.now() < DELETE_SECONDS:
        raise SlackError("invalid_scheduled_message_id")
    del call.core.team.scheduled[row.id]
    call.core.scheduled_changed()
    return {}


@method("chat.scheduledMessages.list")
def list_all(call: Call) -> Json:
    """Return the caller's waiting messages, the earliest first."""
    channel_id = call.args.text("channel")
    own = [row for row in call.core.team.scheduled.values() if row.author.user_id == call.user_id]
    wanted = [row for row in own if not channel_id or row.channel_id == channel_id]
    rows, more = paging.page(call, sorted(wanted, key=lambda row: row.post_at))
    return {"scheduled_messages": [_listed(row) for row in rows], **more}


def _listed(row: Scheduled) -> Json:
    where: Json = {"id": row.id, "channel_id": row.channel_id, "post_at": row.post_at}
    return {**where, "date_created": row.created, "text": row.draft.text}
