"""What was shown to one person alone: all of it, for the workspace keeps only the latest."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.workspace.apps.response_urls import ResponseUrl
from bot.workspace.contents.model import Message
from bot.workspace.core import Core


@dataclass
class Shown:
    """Messages for one person's eyes, counted as they come."""

    messages: Counter[tuple[str, str]] = field(default_factory=Counter)  #: (person, channel) -> how many
    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: (person, channel, the command's address)

    @classmethod
    def watch(cls, core: Core) -> "Shown":
        """Count what `core` shows from now on."""
        shown, keep, redeem = cls(), core.ephemerals.keep, core.responses.redeem

        def keeping(row: Message) -> None:
            shown.messages[row.ephemeral_to or "", row.channel_id] += 1
            keep(row)

        def redeeming(token: str) -> ResponseUrl:
            place = redeem(token)
            shown.answers[place.user_id, place.channel_id, token] += 1
            return place

        core.ephemerals.keep = keeping  # type: ignore[method-assign]
        core.responses.redeem = redeeming  # type: ignore[method-assign]
        return shown

    def twice(self, asked: Mapping[tuple[str, str], int]) -> list[str]:
        """Return who was answered more than once, or saw more in a place than they asked for there.

        A command has an address of its own, by which a double shows though the answer to another one was lost.
        """
        again = [
            f"{person} in {channel}: one command answered {times} times"
            for (person, channel, _), times in self.answers.items()
            if times > 1
        ]
        return again + [
            f"{person} in {channel}: asked {asked.get((person, channel), 0)}, shown {times}"
            for (person, channel), times in self.messages.items()
            if times > asked.get((person, channel), 0)
        ]
