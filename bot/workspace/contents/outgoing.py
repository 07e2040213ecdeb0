"""What is to be written: its author, its draft, and drafts that wait for their time."""

from dataclasses import dataclass, field

from bot.workspace.contents.model import App, Json


@dataclass(frozen=True, slots=True)
class Author:
    """Who a message is shown to be from."""

    user_id: str
    app: App | None = None
    username: str | None = None
    icons: Json | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message will say; blocks have passed the check."""

    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    subtype: str | None = None
    files: tuple[str, ...] = ()
    extra: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A message that waits; times are in whole seconds since the epoch."""

    id: str
    channel_id: str
    post_at: int
    created: int
    author: Author
    draft: Draft
