"""What an app's manifest grants and subscribes to."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ShortcutKind(StrEnum):
    """Where a shortcut is offered."""

    GLOBAL = "global"  #: In the composer's menu
    MESSAGE = "message"  #: In a message's menu


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command; with `should_escape` mentions in its text arrive as ids."""

    name: str
    description: str
    usage_hint: str
    should_escape: bool


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A global or message shortcut."""

    name: str
    kind: ShortcutKind
    callback_id: str
    description: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The parts of a manifest that decide what Slack allows and sends."""

    bot_name: str
    bot_scopes: frozenset[str]
    commands: tuple[Command, ...]
    shortcuts: tuple[Shortcut, ...]
    bot_events: frozenset[str]
    home_tab: bool
    read_only_messages: bool

    @classmethod
    def parse(cls, document: dict[str, Any], *, app_name: str) -> "Manifest":
        """Return the manifest read from its YAML or JSON document; absent sections count as empty."""
        features = document.get("features") or {}
        settings = document.get("settings") or {}
        scopes = (document.get("oauth_config") or {}).get("scopes") or {}
        bot_user = features.get("bot_user") or {}
        app_home = features.get("app_home") or {}
        return cls(
            bot_name=bot_user.get("display_name") or app_name,
            bot_scopes=frozenset(scopes.get("bot") or ()) | frozenset(scopes.get("bot_optional") or ()),
            commands=tuple(_command(entry) for entry in features.get("slash_commands") or ()),
            shortcuts=tuple(_shortcut(entry) for entry in features.get("shortcuts") or ()),
            bot_events=frozenset((settings.get("event_subscriptions") or {}).get("bot_events") or ()),
            home_tab=bool(app_home.get("home_tab_enabled")),
            read_only_messages=bool(app_home.get("messages_tab_read_only_enabled")),
        )


def _command(entry: dict[str, Any]) -> Command:
    return Command(
        name=entry["command"],
        description=entry.get("description", ""),
        usage_hint=entry.get("usage_hint", ""),
        should_escape=bool(entry.get("should_escape", False)),
    )


def _shortcut(entry: dict[str, Any]) -> Shortcut:
    return Shortcut(
        name=entry["name"],
        kind=ShortcutKind(entry["type"]),
        callback_id=entry["callback_id"],
        description=entry.get("description", ""),
    )
