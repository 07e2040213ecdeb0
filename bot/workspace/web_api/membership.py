"""conversations.invite, join, kick, leave and members."""

from typing import Final

from bot.workspace.contents import channels, shapes
from bot.workspace.contents.model import Channel, ChannelKind, Json
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import paging
from bot.workspace.web_api.registry import Call, method

# Slack, "conversations.invite": up to 100 users, more only with `force`, never more than 1,000.
INVITED: Final = 1000


@method("conversations.invite", required=("channel", "users"))
def invite(call: Call) -> Json:
    """Add people; with `force` those who can be added are, and the others are listed as errors."""
    channel = call.live_channel()
    call.need_to_manage(channel.kind, "channels:write.invites", "groups:write.invites")
    user_ids = call.args.names("users")
    if len(user_ids) > INVITED:
        raise SlackError("too_many_users")
    refusals = {user_id: reason for user_id in user_ids if (reason := _refusal(call, channel, user_id))}
    errors: list[Json] = [{"user": user_id, "ok": False, "error": reason} for user_id, reason in refusals.items()]
    welcome = [user_id for user_id in user_ids if user_id not in refusals]
    if errors and not (call.args.flag("force") and welcome):
        raise SlackError(errors[0]["error"], errors=errors)
    for user_id in welcome:
        channels.join(call.core, channel, user_id, inviter=call.user_id)
    answer: Json = {"channel": shapes.channel(call.core, channel, call.user_id)}
    return answer | ({"errors": errors} if errors else {})


def _refusal(call: Call, channel: Channel, user_id: str) -> str | None:
    user = call.core.team.users.get(user_id)
    if user_id == call.user_id:
        return "cant_invite_self"
    if user is None or user.deleted:
        return "user_not_found"
    return "already_in_channel" if user_id in channel.members else None


@method("conversations.join", required=("channel",))
def join(call: Call) -> Json:
    """Enter a public channel."""
    call.need("channels:join")
    channel = call.channel()
    if channel.kind is not ChannelKind.PUBLIC:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    warning: Json = {}
    if call.user_id in channel.members:
        warning = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        channels.join(call.core, channel, call.user_id)
    return {"channel": shapes.channel(call.core, channel, call.user_id), **warning}


@method("conversations.leave", required=("channel",))
def leave(call: Call) -> Json:
    """Leave a channel."""
    channel = call.channel()
    call.need_to_manage(channel.kind)
    if call.user_id not in channel.members:
        return {"not_in_channel": True}
    if channel.is_general:
        raise SlackError("cant_leave_general")
    if channel.is_archived:
        raise SlackError("is_archived")
    channels.leave(call.core, channel, call.user_id)
    return {}


@method("conversations.kick", required=("channel", "user"))
def kick(call: Call) -> Json:
    """Remove somebody."""
    channel = call.live_channel()
    call.need_to_manage(channel.kind)
    user_id = call.args.text("user")
    if user_id == call.user_id:
        raise SlackError("cant_kick_self")
    if user_id not in call.core.team.users:
        raise SlackError("user_not_found")
    if channel.is_general:
        raise SlackError("cant_kick_from_general")
    if user_id not in channel.members:
        raise SlackError("not_in_channel")
    channels.leave(call.core, channel, user_id, remover=call.user_id)
    return {"errors": {}}


@method("conversations.members", required=("channel",))
def members(call: Call) -> Json:
    """Return the ids of a conversation's members."""
    channel = call.channel()
    call.need_for(channel.kind, "read")
    rows, more = paging.page(call, list(channel.members))
    return {"members": list(rows), **more}
