"""One notice on its way: the row, where it goes, and how a trip can fail."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from bot.slack_client import ANSWER_TIMEOUT_SECONDS
from bot.slack_errors import Refusal, Verdict
from bot.views.message import Message
from incidents import records, sending
from incidents.context import Context

#: Draws what a row shows, from the rows as they are now.
Draw = Callable[[AsyncSession, Context, records.Outbox], Awaitable[Message]]


#: The error of a trip for which its lease left no time: it speaks of this side, and of no road.
HELD_UP: Final = "lease"


@dataclass(frozen=True)
class Place:
    """Where a notice goes. Empty strings where the action needs none."""

    channel: str = ""  #: Slack id
    thread_ts: str = ""  #: root of the thread it belongs to
    message_ts: str = ""  #: the message that is edited or pinned
    person: str = ""  #: Slack id


@dataclass
class Trip:
    """A row that was begun."""

    row: records.Outbox
    place: Place
    incident: records.Incident | None
    unclear: bool  #: an earlier try may have taken effect; until a look that Slack answered has shown what it did
    began_at: float  #: time.monotonic() when it was begun, in seconds
    nowhere: str = ""  #: why there is no place to go to
    withdrawn: str = ""  #: why it is only looked for, and not sent
    edits: int | None = None  #: how often an edit of the message was begun before this one; None where nobody counts
    renewed_at: float = 0.0  #: time.monotonic() from which on its lease was prolonged, in seconds

    def require_time(self) -> None:
        """Return when the lease still has time for one call; after a long look or a standstill another may send it.

        Raises:
            Undelivered: nothing was sent.
        """
        if self.seconds_left < ANSWER_TIMEOUT_SECONDS:
            raise Undelivered(Refusal(Verdict.AGAIN, HELD_UP, "The notice was held up for too long to be sent."))

    @property
    def seconds_left(self) -> float:
        """Return how long the lease still lasts."""
        return max(self.began_at, self.renewed_at) + sending.LEASE.total_seconds() - time.monotonic()

    @property
    def scope(self) -> str:
        """Return the channel, or the person, that Slack counts posts by."""
        return self.place.channel or self.place.person


class Undelivered(Exception):
    """A call failed; `refusal` says what that means."""

    def __init__(self, refusal: Refusal, *, method: str = "") -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.method = method  #: the Web API method, where it was one


class NoLongerWanted(Exception):
    """Sending it now would do harm or nothing; the text says why."""
