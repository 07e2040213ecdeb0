"""manifest.yml against the code: the ids, events and scopes that it uses, no more and no less."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from bot import app
from bot.ids import COMMAND, Shortcut

ROOT = Path(__file__).parents[3]
MANIFEST = YAML(typ="safe").load(ROOT / "manifest.yml")

#: Web API method -> the scopes it needs, public channels first, those for private channels behind.
#: Source: each method's page below https://docs.slack.dev/reference/methods.
SCOPES = {
    "auth.test": (),
    "apps.connections.open": (),
    "bookmarks.add": ("bookmarks:write",),
    "bookmarks.list": ("bookmarks:read",),
    "canvases.edit": ("canvases:write",),
    "chat.getPermalink": (),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write", "chat:write.public"),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "conversations.archive": ("channels:manage", "groups:write"),
    "conversations.canvases.create": ("canvases:write",),
    "conversations.create": ("channels:manage", "groups:write"),
    "conversations.history": ("channels:history", "groups:history", "im:history"),
    "conversations.info": ("channels:read", "groups:read"),
    "conversations.invite": ("channels:write.invites", "groups:write.invites"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.open": ("im:write",),
    "conversations.rename": ("channels:manage", "groups:write"),
    "conversations.replies": ("channels:history", "groups:history"),
    "conversations.setTopic": ("channels:write.topic", "groups:write.topic"),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "pins.add": ("pins:write",),
    "reactions.add": ("reactions:write",),
    "users.conversations": ("channels:read", "groups:read"),
    "users.info": ("users:read",),
    "users.lookupByEmail": ("users:read.email", "users:read"),
    "views.open": (),
    "views.publish": (),
    "views.push": (),
    "views.update": (),
}

#: Event -> the scopes it needs. Source: each event's page below https://docs.slack.dev/reference/events.
EVENT_SCOPES = {
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "member_left_channel": ("channels:read", "groups:read"),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "pin_added": ("pins:read",),
    "reaction_added": ("reactions:read",),
    "user_change": ("users:read",),
}

_CALLED_BY_NAME = re.compile(
    r'"((?:apps|auth|bookmarks|canvases|chat|conversations|files|pins|reactions|team|usergroups|users|views)'
    r"(?:\.[a-z]+[A-Za-z]*)+)\""
)
_CALLED_ON_CLIENT = re.compile(r"client\.([a-z]+(?:_[a-zA-Z]+)+)\(")


def methods_called() -> set[str]:
    """Return the Web API methods that the product's sources name."""
    found: set[str] = set()
    for source in (ROOT / "bot").rglob("*.py"):
        if {"workspace", "demo"} & set(source.relative_to(ROOT).parts):
            continue
        text = source.read_text(encoding="utf-8")
        found |= set(_CALLED_BY_NAME.findall(text))
        found |= {name.replace("_", ".") for name in _CALLED_ON_CLIENT.findall(text)}
    return found - {"is.connected", "api.call"}


def granted() -> set[str]:
    scopes = MANIFEST["oauth_config"]["scopes"]
    return {*scopes["bot"], *scopes["bot_optional"]}


def test_every_method_that_is_called_has_its_scopes_known_here() -> None:
    assert methods_called() <= set(SCOPES)


def test_scopes_are_exactly_those_of_the_methods_events_and_features() -> None:
    needed = {scope for method in methods_called() for scope in SCOPES[method]}
    needed |= {
        scope for event in MANIFEST["settings"]["event_subscriptions"]["bot_events"] for scope in EVENT_SCOPES[event]
    }
    assert granted() == needed | {"commands"}


def test_only_what_private_channels_need_may_be_refused() -> None:
    assert {scope.split(":")[0] for scope in MANIFEST["oauth_config"]["scopes"]["bot_optional"]} == {"groups"}


def test_events_are_those_that_have_a_listener() -> None:
    subscribed = {name.partition(".")[0] for name in MANIFEST["settings"]["event_subscriptions"]["bot_events"]}
    assert subscribed == set(app.EVENTS)


def test_command_and_shortcuts_carry_the_ids_of_the_code() -> None:
    features = MANIFEST["features"]
    assert [each["command"] for each in features["slash_commands"]] == [COMMAND]
    assert {each["callback_id"] for each in features["shortcuts"]} == set(Shortcut)
    assert all(len(each["name"]) <= 24 for each in features["shortcuts"])  # Slack's limit
