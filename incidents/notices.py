"""What leaves Sitrep, as values. Deciding code says *what* and *to whom*; rendering and sending is bot.delivery's work.

A notice for Slack names a surface (a view of bot/views) and its parameters. The view is drawn when it is sent, from the
rows as they are then: an edit always shows the newest state, and several waiting edits of one surface are one.
"""

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Lane(IntEnum):
    """What goes first when everything cannot go at once."""

    PAGE = 0  #: somebody must wake up
    DECISION = 1  #: a person is asked to decide, or hears what was decided
    ROOM = 2  #: the channel itself, its people and its card
    STATUS = 3  #: what was promised to be told
    CHATTER = 4  #: progress, threads, decoration


class Road(StrEnum):
    """How a notice travels."""

    SLACK = "slack"
    EMAIL = "email"
    PAGER = "pager"
    WEBHOOK = "webhook"  #: an address that takes JSON: a chat elsewhere, a text-message gateway


class Action(StrEnum):
    """What is done on the road; each Slack action is one Web API call, or a few that belong together."""

    CREATE_CHANNEL = "create_channel"  #: params: name, private -> {channel, name}
    INVITE = "invite"  #: params: people [ids]
    SET_TOPIC = "set_topic"
    BOOKMARK = "bookmark"  #: params: title, link
    POST = "post"  #: surface, params -> {channel, ts}
    EDIT = "edit"  #: of the message posted under `of` (an outbox key), surface, params
    PIN = "pin"  #: the message posted under `of`
    EPHEMERAL = "ephemeral"  #: params: person
    DIRECT = "direct"  #: to one person; params: person -> {channel, ts}
    HOME = "home"  #: App Home of params: person
    CANVAS = "canvas"  #: params: title; markdown drawn from the surface
    FILE = "file"  #: params: filename, title; text drawn from the surface
    ARCHIVE = "archive"
    RENAME = "rename"  #: params: name
    MAIL = "mail"  #: params: to [addresses], subject; text from the surface
    PAGE = "page"  #: params: person or routing key; to the pager's webhook
    HOOK = "hook"  #: params: person, to; text from the surface; to the person's webhook or the installation's


class Notice(BaseModel):
    """One thing that leaves Sitrep, once."""

    model_config = ConfigDict(frozen=True)

    key: str  #: says what it is and is unique: `inc-7:matrix:within_30_min:cto`
    lane: Lane
    road: Road = Road.SLACK
    action: Action
    #: `channel` (the incident's), `thread:<outbox key>`, `at:<channel id>:<ts>` (people's own thread), `user:<id>`,
    #: `channel:<id>`, `mail:<address>`
    target: str = ""
    surface: str = ""  #: name of a view
    params: dict[str, Any] = Field(default_factory=dict)
    after: str = ""  #: outbox key that must be done first
    of: str = ""  #: outbox key of the message that is edited or pinned
    coalesce: str = ""  #: waiting rows with the same word are superseded by the newest
    holds_while: str = ""  #: "" always | `open` | `unacknowledged` | `update:<slot>`: re-checked just before sending
    due_at: datetime | None = None  #: when it should leave; lateness is measured from here (UTC)
    expires_at: datetime | None = None  #: after this it is no longer worth sending (UTC)


def comes_after_in_order_only(action: str, target: str, after: str) -> bool:
    """Tell whether what waits for `after` needs no more of it than its place in the channel.

    A post into the channel and an invitation need the channel alone; where what they come after cannot go, they go all
    the same. What needs a message says so: by `of`, or by the thread that is its target.
    """
    return bool(after) and target == "channel" and action in (Action.POST, Action.INVITE) and after != room_of(after)


def room_of(key: str) -> str:
    """Return the outbox key of the channel of the incident whose key, or the key of whose notice, is `key`."""
    return f"{key.partition(':')[0]}:room"
