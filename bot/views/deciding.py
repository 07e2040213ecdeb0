"""What every card of a decision says: who may decide it, until when, what is in doubt, and what became of it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from slack_sdk.models.blocks import Block

from bot.views import mrkdwn, parts
from bot.views.mrkdwn import code, prose
from incidents import records
from incidents.agents.outputs import Hypothesis, RootCause
from incidents.response import decisions, four_eyes
from incidents.service import permissions

_COMMAND = 500  # characters of the command on a card; with every one escaped they fit a section's 3,000

_OVER = {
    "approved": "✅ *Approved*",
    "rejected": "↩️ *Sent back*",
    "expired": "⌛ *Expired*",
    "superseded": "⏭️ *No longer asked*: the response moved on, or was stopped",
}


@dataclass(frozen=True)
class Asked:
    """An approval and what helps to decide it."""

    row: records.Approval
    step_id: int = 0  #: the step that would do it; 0 where that does not matter
    who: Sequence[str] = ()  #: people who may decide
    remind_at: datetime | None = None
    then: str = ""  #: who is asked next, ready to show
    cause: RootCause | None = None
    ideas: Sequence[Hypothesis] = ()


def decided(row: records.Approval) -> str:
    """Return what became of it, by whom and when."""
    by = f" by {mrkdwn.person(row.decided_by)}" if row.decided_by else ""
    at = f" at {mrkdwn.clock(row.decided_at)}" if row.decided_at else ""
    if row.state == "expired" and not row.decided_by:
        at = f" at {mrkdwn.clock(row.expires_at)}" if row.expires_at else ""
        return f"{_OVER[row.state]}{at}: nobody decided   ·   `/incident retry {row.step}` asks anew"
    feedback = str(row.decision.get("feedback", ""))
    failed = str(row.decision.get("failed", ""))
    feedback = feedback or failed
    chosen = row.state == "approved" and decisions.of(row.kind).is_choice
    over = "✅ *Chosen*" if chosen else _OVER[row.state]
    if row.state == "superseded" and row.decided_by:
        over = "⏭️ *No longer valid*, whatever comes now is asked anew: approved"
    return f"{over}{by}{at}{', it failed' if failed else ''}" + (
        f"\n{mrkdwn.quote(mrkdwn.paragraphs(feedback, 900))}" if feedback else ""
    )


def waiting(asked: Asked) -> str:
    """Return for whom it waits, and who is reminded when."""
    words = f"Waiting for {mrkdwn.people(asked.who) or _nobody_yet(asked.row)} since {mrkdwn.clock(asked.row.asked_at)}"
    if asked.remind_at:
        words += f"   ·   reminds at {mrkdwn.clock(asked.remind_at)}" + (f", then {asked.then}" if asked.then else "")
    return words


def _nobody_yet(row: records.Approval) -> str:
    """Return who decides while nobody is named for it."""
    if four_eyes.made_by(row):
        return "somebody else"
    if decisions.of(row.kind).action in permissions.STRICT:
        return "a commander (`/incident role commander`)"
    return "anybody in this channel"


def command(subject: Mapping[str, Any]) -> Block | None:
    """Return the command that people put their name to, whole but for where its program is installed."""
    argv = [str(part) for part in subject.get("command") or ()]
    if not argv:
        return None
    program = PurePath(argv[0])
    named = program.name if program.is_absolute() else argv[0]
    return parts.section(f"*Runs*  {code(shlex.join([named, *argv[1:]]), _COMMAND)}")


def ending(asked: Asked, what: str, buttons: Block) -> list[Block | None]:
    """Return how a card ends: what is in doubt, the buttons, until when it is good for `what`; or what became of it."""
    row = asked.row
    doubt = str(row.subject.get("doubt", ""))
    pending, drill = row.state == "pending", row.subject.get("drill")
    return [
        parts.section("*Drill*: approving it runs nothing; the step says what would have been run.") if drill else None,
        parts.section(f":warning: *It may have happened already.* {prose(doubt, 500)}") if doubt else None,
        parts.section(_four_eyes(asked)) if pending and four_eyes.made_by(row) else None,
        buttons if pending else parts.section(decided(row)),
        parts.context(*_footer(asked, what)) if pending else None,
    ]


def _four_eyes(asked: Asked) -> str:
    makers = mrkdwn.people(four_eyes.made_by(asked.row))
    remedy = "" if asked.who else f" Nobody else may yet. {four_eyes.REMEDY}"
    return f"*Made by hand by {makers}*, so somebody else approves it.{remedy}"


def _footer(asked: Asked, what: str) -> list[str]:
    expires = asked.row.expires_at
    # Without the day, tomorrow at this hour would read as over.
    soon = expires is not None and expires - asked.row.asked_at < timedelta(hours=12)
    until = f" until {mrkdwn.clock(expires) if soon else mrkdwn.day_and_time(expires)}" if expires else ""
    return [f"Valid for exactly {what}{until}", waiting(asked), "typed: `/incident approve`"]
