"""What can be typed, in the order in which it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import Block

from bot.views import mrkdwn, parts
from bot.views.message import Message

#: Word after `/incident help` -> the group that it shows.
KEYS = {"look": "Look", "act": "Act", "decide": "Decide and steer", "end": "End and learn"}


@dataclass(frozen=True)
class Word:
    """One subcommand as the help shows it."""

    name: str
    usage: str  #: "severity critical|high|medium|low [why]"
    summary: str
    group: str


def draw(words: Sequence[Word], *, unknown: str = "", nearest: str = "", group: str = "") -> Message:
    """Return the help; after an unknown word, with the nearest one first.

    `group` (a key of KEYS) shows the words of one group with what each does; else each group is one line.
    """
    lead = None
    if unknown:
        guess = f"  Did you mean `/incident {nearest}`?" if nearest else ""
        lead = parts.section(f"There is no `/incident {mrkdwn.said(unknown, 60)}`.{guess}")
    return parts.message(
        f"There is no /incident {mrkdwn.said(unknown, 60)}." if unknown else "What /incident can do",
        [
            lead,
            parts.section(
                "`/incident checkout returns 500s`  declares an incident: words that are no command become its title"
            ),
            *[_group(key, title, words, whole=key == group) for key, title in KEYS.items() if group in ("", key)],
            parts.context(
                "In threads, where slash commands do not work: `@Sitrep ack`, `>option 2`, or `?` and a question",
                "an incident's name may come first: `/incident inc-7 status`",
            ),
        ],
    )


def _group(key: str, title: str, words: Sequence[Word], *, whole: bool) -> Block:
    mine = [word for word in words if word.group == title]
    if whole:
        lines = [f"`/incident {mrkdwn.escape(word.usage)}`  {word.summary}" for word in mine]
        return parts.section(f"*{title}*\n" + "\n".join(lines))
    names = "  ".join(f"`{word.name}`" for word in mine)
    return parts.section(f"*{title}*   {names}\n_`/incident help {key}` says what each does_")


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
