"""The rows of a workspace: people, channels, messages, views, files."""

import bisect
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.workspace.rules.manifest import Manifest

Json = dict[str, Any]


class ChannelKind(StrEnum):
    """What sort of conversation a channel is."""

    PUBLIC = "channel"  #: Everybody may read and join
    PRIVATE = "group"  #: Only members know of it
    IM = "im"  #: Two people, or a person and an app
    MPIM = "mpim"  #: A few people, nameless

    @property
    def is_direct(self) -> bool:
        """Whether such a conversation has people instead of a name."""
        return self in (ChannelKind.IM, ChannelKind.MPIM)


@dataclass(slots=True)
class User:
    """A person or an app's bot."""

    id: str
    name: str
    real_name: str
    created: int
    email: str = ""
    title: str = ""
    tz: str = "Etc/UTC"
    is_admin: bool = False
    app_id: str | None = None
    bot_id: str | None = None
    deleted: bool = False

    @property
    def is_bot(self) -> bool:
        """Whether an app speaks as this user."""
        return self.bot_id is not None


@dataclass(slots=True)
class App:
    """An installed app."""

    id: str
    name: str
    user_id: str
    bot_id: str
    manifest: Manifest
    signing_secret: str
    verification_token: str
    request_url: str | None


@dataclass(slots=True)
class Message:
    """A message of a channel, or an ephemeral one; `user` is the id of who is shown as its author."""

    ts: str
    channel_id: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    subtype: str | None = None
    app_id: str | None = None
    bot_id: str | None = None
    client_msg_id: str | None = None
    username: str | None = None
    icons: Json | None = None
    metadata: Json | None = None
    edited: Json | None = None
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    extra: Json = field(default_factory=dict)
    ephemeral_to: str | None = None
    streaming: bool = False

    @property
    def is_reply(self) -> bool:
        """Whether the message lives in a thread and does not start it."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(slots=True)
class Note:
    """A channel's topic or purpose."""

    value: str = ""
    creator: str = ""
    last_set: int = 0


@dataclass(slots=True)
class Pin:
    """A pinned message."""

    ts: str
    user: str
    created: int


#: Slack's own lines that make no channel unread.
QUIET_SUBTYPES = frozenset(
    {"channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive"}
)


@dataclass(slots=True)
class Channel:
    """A conversation; `order`, `countable` and `threads` hold timestamps, oldest first."""

    id: str
    name: str
    kind: ChannelKind
    creator: str
    created: int
    topic: Note = field(default_factory=Note)
    purpose: Note = field(default_factory=Note)
    members: dict[str, None] = field(default_factory=dict)
    is_archived: bool = False
    is_general: bool = False
    previous_names: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    countable: list[str] = field(default_factory=list)
    threads: dict[str, list[str]] = field(default_factory=dict)
    repliers: dict[str, Counter[str]] = field(default_factory=dict)
    pins: dict[str, Pin] = field(default_factory=dict)
    bookmarks: dict[str, Json] = field(default_factory=dict)
    last_read: dict[str, str] = field(default_factory=dict)
    mentions: dict[str, list[str]] = field(default_factory=dict)
    canvas_id: str | None = None
    updated: int = 0

    def add(self, message: Message) -> None:
        """Store a message whose timestamp is newer than all others."""
        self.messages[message.ts] = message
        if message.is_reply and message.thread_ts:
            self.threads.setdefault(message.thread_ts, []).append(message.ts)
            self.repliers.setdefault(message.thread_ts, Counter())[message.user] += 1
        if not message.is_reply or message.subtype == "thread_broadcast":
            self.order.append(message.ts)
            if message.subtype not in QUIET_SUBTYPES:
                self.countable.append(message.ts)

    def remove(self, message: Message) -> None:
        """Forget a message; the thread below it is forgotten only when it is empty."""
        del self.messages[message.ts]
        self.pins.pop(message.ts, None)
        _take_out(self.order, message.ts)
        _take_out(self.countable, message.ts)
        if message.is_reply and message.thread_ts:
            _take_out(self.threads[message.thread_ts], message.ts)
            self.repliers[message.thread_ts] -= Counter([message.user])
            if not self.threads[message.thread_ts]:
                del self.threads[message.thread_ts], self.repliers[message.thread_ts]

    def unread_count(self, user_id: str) -> int:
        """Return how many messages came after what the person last read."""
        return len(self.countable) - bisect.bisect_right(self.countable, self.last_read.get(user_id, ""))

    def mention_count(self, user_id: str) -> int:
        """Return how many unread messages mention the person."""
        mentions = self.mentions.get(user_id, [])
        return len(mentions) - bisect.bisect_right(mentions, self.last_read.get(user_id, ""))


def _take_out(timestamps: list[str], ts: str) -> None:
    place = bisect.bisect_left(timestamps, ts)
    if place < len(timestamps) and timestamps[place] == ts:
        del timestamps[place]


@dataclass(slots=True)
class View:
    """A modal or an App Home; `layout` is what the app sent, with ids filled in."""

    id: str
    app_id: str
    user_id: str
    kind: str
    layout: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    values: Json = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        """The app's own name for the view, empty when it gave none."""
        return str(self.layout.get("external_id") or "")


@dataclass(slots=True)
class File:
    """An uploaded file or a canvas; `content` is None until the upload is complete."""

    id: str
    name: str
    title: str
    user: str
    created: int
    length: int
    content: bytes | None = None
    mimetype: str = "application/octet-stream"
    snippet_type: str = ""
    alt_txt: str = ""
    shares: dict[str, list[str]] = field(default_factory=dict)
    complete: bool = False


@dataclass(slots=True)
class Canvas:
    """A document of Markdown sections, each with an id that edits refer to."""

    id: str
    title: str
    user: str
    created: int
    sections: list[tuple[str, str]] = field(default_factory=list)
    channel_id: str | None = None
    access: dict[str, str] = field(default_factory=dict)
    updated: int = 0

    @property
    def markdown(self) -> str:
        """The whole text."""
        return "\n\n".join(text for _, text in self.sections)


@dataclass(slots=True)
class Usergroup:
    """A group of people with a handle."""

    id: str
    handle: str
    name: str
    created: int
    creator: str
    users: list[str] = field(default_factory=list)
    description: str = ""
    disabled: bool = False
    updated: int = 0
