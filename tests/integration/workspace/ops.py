"""A workspace of two people and one app, for the tests beside this module."""

from bot.workspace.config import AppConfig, ChannelConfig, LimitConfig, PersonConfig, WorkspaceConfig
from tests.installation import PATIENT

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-ops", "xapp-ops", "ops-signing-secret"

SCOPES = [
    "app_mentions:read", "bookmarks:read", "bookmarks:write", "canvases:read", "canvases:write", "channels:history",
    "channels:join", "channels:manage", "channels:read", "chat:write", "commands", "files:read", "files:write",
    "groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write", "mpim:history", "mpim:read",
    "mpim:write", "pins:read", "pins:write", "reactions:read", "reactions:write", "team:read", "usergroups:read",
    "usergroups:write", "users:read", "users:read.email",
]  # fmt: skip

MANIFEST = {
    "display_information": {"name": "Ops"},
    "features": {
        "bot_user": {"display_name": "Ops", "always_online": True},
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "slash_commands": [
            {"command": "/ops", "description": "Do something", "usage_hint": "[what]"},
            {"command": "/page", "description": "Page somebody", "should_escape": True},
        ],
        "shortcuts": [
            {"name": "Declare", "type": "global", "callback_id": "declare", "description": "Declare"},
            {"name": "Keep", "type": "message", "callback_id": "keep", "description": "Keep as evidence"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {
        "event_subscriptions": {
            "bot_events": [
                "app_home_opened",
                "app_mention",
                "member_joined_channel",
                "message.channels",
                "message.groups",
                "message.im",
                "pin_added",
                "reaction_added",
                "reaction_removed",
            ]
        },
        "socket_mode_enabled": True,
    },
}


def ops_app(**changes) -> AppConfig:
    fields = {
        "name": "Ops",
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "signing_secret": SECRET,
        "manifest": MANIFEST,
    }
    return AppConfig(**{**fields, **changes})


def configuration(**changes) -> WorkspaceConfig:
    fields = {
        "people": [
            PersonConfig(id="U0AVA", name="ava", real_name="Ava Stone", email="ava@example.com", is_admin=True),
            PersonConfig(id="U0BEN", name="ben", real_name="Ben Okafor", email="ben@example.com", title="SRE"),
        ],
        "apps": [ops_app()],
        "channels": [
            ChannelConfig(name="general", purpose="All"),
            ChannelConfig(name="secret", is_private=True, members=["ben"]),
        ],
        "limits": LimitConfig(enabled=False),
        "delivery": PATIENT.model_copy(update={"retry_seconds": (0.0, 0.05, 0.1)}),
    }
    return WorkspaceConfig(**{**fields, **changes})
