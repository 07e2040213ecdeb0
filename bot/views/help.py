"""What can be typed, in the order in which it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.views import mrkdwn, parts
from bot.views.message import Message


@dataclass(frozen=True)
class Word:
    """One subcommand as the help shows it."""

    name: str
    usage: str  #: "severity critical|high|medium|low [why]"
    summary: str
    group: str


def draw(words: Sequence[Word], *, unknown: str = "", nearest: str = "") -> Message:
    """Return the help; after an unknown word, with the nearest one first."""
    lead = None
    if unknown:
        guess = f"  Did you mean `/incident {nearest}`?" if nearest else ""
        lead = parts.section(f"There is no `/incident {mrkdwn.said(unknown, 60)}`.{guess}")
    groups: dict[str, list[str]] = {}
    for word in words:
        groups.setdefault(word.group, []).append(f"`/incident {mrkdwn.escape(word.usage)}`  {word.summary}")
    return parts.message(
        f"There is no /incident {mrkdwn.said(unknown, 60)}." if unknown else "What /incident can do",
        [
            lead,
            parts.section(
                "`/incident checkout returns 500s`  declares an incident: words that are no command become its title"
            ),
            *[parts.section(f"*{group}*\n" + "\n".join(lines)) for group, lines in groups.items()],
            parts.context(
                "In threads, where slash commands do not work: `@Sitrep ack`, `>option 2`, or `?` and a question",
                "an incident's name may come first: `/incident inc-7 status`",
            ),
        ],
    )


def did_you_mean(unknown: str, nearest: str) -> Message:
    """Return the answer to a mistyped subcommand: the nearest one, and how to declare after all."""
    typed, meant = mrkdwn.code(f"/incident {unknown}", 200), mrkdwn.code(f"/incident {nearest}", 1000)
    return parts.message(
        f"There is no {typed}. Did you mean {meant}?".replace("`", ""),
        [
            parts.section(f"There is no {typed}. Did you mean {meant}?"),
            parts.context(
                f"To declare an incident with this title: {mrkdwn.code(f'/incident declare {unknown}', 200)}",
                "`/incident help`",
            ),
        ],
    )
