"""What a surface becomes: a message's text and blocks."""

from dataclasses import dataclass, field
from typing import Any

#: A block or a view as Slack takes it.
Json = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """A message for Slack; for e-mail and files the text alone."""

    text: str  #: what notifications and screen readers say, and what is sent where there are no blocks
    blocks: list[Json] = field(default_factory=list)
