"""What apps receive when a person acts, in Slack's shape."""

from typing import Any

from bot.workspace.contents import shapes
from bot.workspace.contents.model import App, Channel, ChannelKind, Json, Message, User, View
from bot.workspace.core import Core
from bot.workspace.rules.manifest import ShortcutKind

_COVERED_NAMES = {
    ChannelKind.IM: "directmessage",
    ChannelKind.MPIM: "privategroup",
    ChannelKind.PRIVATE: "privategroup",
}


def channel_name(channel: Channel) -> str:
    """Return the name under which a payload mentions a conversation."""
    return _COVERED_NAMES.get(channel.kind, channel.name)


def common(core: Core, app: App, person: User, kind: str) -> Json:
    """Return what every interactive payload holds."""
    return {
        "type": kind,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": core.team.id},
        "api_app_id": app.id,
        "token": app.verification_token,
        "team": {"id": core.team.id, "domain": core.team.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def shortcut(core: Core, app: App, person: User, kind: ShortcutKind) -> Json:
    """Return what a shortcut's payload holds; it names the person in fewer ways and no app."""
    if kind is ShortcutKind.GLOBAL:
        shape, name = common(core, app, person, "shortcut"), "username"
    else:
        shape, name = common(core, app, person, "message_action"), "name"
    del shape["api_app_id"]
    return {**shape, "user": {"id": person.id, name: person.name, "team_id": core.team.id}}


def command(core: Core, app: App, person: User, channel: Channel, **fields: str) -> Json:
    """Return a slash command's payload."""
    return {
        "token": app.verification_token,
        "team_id": core.team.id,
        "team_domain": core.team.domain,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "api_app_id": app.id,
        "is_enterprise_install": "false",
        **fields,
    }


def in_view(core: Core, view: View) -> Json:
    """Return the part of a payload that says in which view something happened."""
    return {"container": {"type": "view", "view_id": view.id}, "view": shapes.view(core, view)}


def in_message(core: Core, channel: Channel, message: Message, values: Any) -> Json:
    """Return the part of a payload that says on which message something happened."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    shape: Json = {"container": container, "channel": {"id": channel.id, "name": channel_name(channel)}}
    # Slack leaves the content of ephemeral messages out.
    if message.ephemeral_to is None:
        shape["message"] = shapes.message(core, message, with_metadata=True)
    return {**shape, "state": {"values": values}}
