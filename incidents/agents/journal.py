"""What a step began that cannot be undone, written down before it begins, so that no later attempt begins it again."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

VERBS = ("deploy", "redeploy", "rollback", "switch")  #: `redeploy` is the same commit once more


class Telling(StrEnum):
    """Who tells people what became of a command."""

    RESULT = "result"  #: the result of the step, whichever attempt brings it
    OWED = "owed"  #: its step was stopped while it ran: whoever finds out
    TOLD = "told"  #: nobody any more, they know


class Begun(BaseModel):
    """One command that was begun, and how to find out what became of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    verb: str  #: one of VERBS
    environment: str
    what: str  #: the commit, the release to put back, or what is switched off
    at: AwareDatetime  #: UTC
    machine: str  #: where it runs, see launches.machine
    folder: str  #: where its recorder writes
    before: dict[str, JsonValue] = Field(default_factory=dict)  #: what was seen of the service before it
    doubt: str = ""  #: why nobody can tell whether it stands; people were asked
    former: bool = False  #: its step was queued anew since, and what it was approved under is no more
    telling: Telling = Telling.RESULT

    @property
    def what_in_words(self) -> str:
        """Return `9f8e7d6`, `release 40` or `new-prices`."""
        if self.verb == "switch":
            return self.what
        return f"release {self.what}" if self.verb == "rollback" else self.what[:7]

    @property
    def in_words(self) -> str:
        """Return `deploy of 9f8e7d6 to production`."""
        if self.verb == "switch":
            return f"switching off of {self.what} in {self.environment}"
        return f"{self.verb} of {self.what_in_words} to {self.environment}"

    def is_for(self, verb: str, environment: str, what: str) -> bool:
        """Tell whether it does this."""
        return (self.verb, self.environment, self.what) == (verb, environment, what)


def found(begun: Sequence[Begun], cleared: str, verb: str, environment: str, what: str | None) -> Begun | None:
    """Return what was begun last of this kind, of whatever where `what` is None; None where none still counts.

    `cleared` is the doubt in spite of which people approved: what had been begun by then is over, by their word.
    """
    over = next((n for n in range(len(begun), 0, -1) if cleared and begun[n - 1].doubt == cleared), 0)
    like = [each for each in begun[over:] if (each.verb, each.environment) == (verb, environment)]
    return next((each for each in reversed(like) if what in (None, each.what)), None)


def with_begun(begun: Sequence[Begun], new: Begun) -> list[Begun]:
    """Return what the journal holds once `new` has begun: in the place of its like, and of what took back a former.

    A deploy that begins anew ends what came of the one before it: its way back is not that of this one.
    """
    undone = ("rollback", "redeploy") if new.verb == "deploy" else ()
    return [
        *(
            each
            for each in begun
            if not each.is_for(new.verb, new.environment, new.what)
            and not (each.environment == new.environment and each.verb in undone)
        ),
        new,
    ]


class Journal(Protocol):
    """Keeps what one step began until its result is stored, also when an attempt is cut off."""

    def open(self, verb: str, environment: str, what: str | None = None) -> Begun | None:
        """Return what was begun last of this kind, and still counts; of whatever where `what` is None."""
        ...

    def folder(self) -> Path:
        """Return a folder that does not exist yet, for a command's recorder."""
        ...

    async def begin(self, begun: Begun) -> None:
        """Write down that this begins, in the place of what was begun of this kind; it is safe once this returns.

        Raises:
            StepFailed: when the step is no longer ours; nothing may begin.
        """
        ...

    async def adopt(self, begun: Begun) -> Begun:
        """Write down that this attempt goes on with what was begun before its step was queued anew; return it.

        Raises:
            StepFailed: when the step is no longer ours; what was begun runs on by itself.
        """
        ...

    def ended(self, begun: Begun, outcome: str) -> None:
        """Note what became of it, in one sentence for people, in case no result of the step will tell."""
        ...

    def under_way(self) -> AbstractContextManager[None]:
        """Keep the step from being interrupted while a command runs."""
        ...
