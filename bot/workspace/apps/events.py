"""The Events API: what happened, told to the apps that subscribe and are present."""

from bot.workspace.contents.model import App, Channel, ChannelKind, Json
from bot.workspace.core import Core

# message.channels and its siblings (Slack, "Events API: message").
_MESSAGE_EVENT = {
    ChannelKind.PUBLIC: "message.channels",
    ChannelKind.PRIVATE: "message.groups",
    ChannelKind.IM: "message.im",
    ChannelKind.MPIM: "message.mpim",
}


def emit(core: Core, event: Json, channel: Channel | None) -> None:
    """Tell every app that subscribes and, when it happened in a channel, is a member of it."""
    if channel is None:
        for app in core.team.apps.values():
            emit_to(core, app, event)
        return
    subscription = _MESSAGE_EVENT[channel.kind] if event["type"] == "message" else event["type"]
    for app in core.team.apps.values():
        if app.user_id in channel.members and subscription in app.manifest.bot_events:
            core.delivery.announce(app, callback(core, app, event, channel.id))


def emit_to(core: Core, app: App, event: Json) -> None:
    """Tell one app, if it subscribes to the event's type."""
    if event["type"] in app.manifest.bot_events:
        core.delivery.announce(app, callback(core, app, event, None))


def callback(core: Core, app: App, event: Json, channel_id: str | None) -> Json:
    """Return the event in its outer shape."""
    return {
        "token": app.verification_token,
        "team_id": core.team.id,
        "context_team_id": core.team.id,
        "context_enterprise_id": None,
        "api_app_id": app.id,
        "event": event,
        "type": "event_callback",
        "event_id": core.team.ids.new("Ev"),
        "event_time": core.team.epoch(),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": core.team.id,
                "user_id": app.user_id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event['type']}-{core.team.id}-{app.id}-{channel_id or ''}",
    }
