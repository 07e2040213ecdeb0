"""What travels to an app: a payload under an id, delivered until it is acknowledged."""

import asyncio
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.workspace.contents.model import App, Json


class Kind(StrEnum):
    """The sorts of payloads, under Socket Mode's names."""

    COMMAND = "slash_commands"  #: Somebody typed a slash command
    INTERACTIVE = "interactive"  #: A button, a modal, a shortcut, options to load
    EVENTS = "events_api"  #: Something happened that the app subscribes to


def _future() -> "asyncio.Future[Json | None]":
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False, slots=True)
class Parcel:
    """One payload; `answer` is set by the first ack, whichever attempt it belongs to."""

    kind: Kind
    payload: Json
    envelope_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: "asyncio.Future[Json | None]" = field(default_factory=_future)
    attempt: int = 0
    reason: str = ""


class Road(Protocol):
    """A way to reach apps."""

    async def attempt(self, app: App, parcel: Parcel) -> Json | None:
        """Deliver once and return the ack's payload.

        Raises:
            DeliveryError: when no good ack came in time.
        """

    def forget(self, parcel: Parcel) -> None:
        """Expect no ack any more."""
