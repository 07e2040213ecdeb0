"""The App Home: what is open, and what waits for the reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.ids import Act
from bot.values import OfFollowup, OfIncident
from bot.views import menu, mrkdwn, overview, parts
from bot.views.message import Json, Message
from incidents import records


@dataclass(frozen=True)
class Home:
    """What one person's home shows."""

    now: datetime
    open_rows: Sequence[overview.Row]
    open_count: int
    waiting: Sequence[str] = ()  #: "the fix of inc-7 waits for your decision", ready to show
    followups: Sequence[records.Followup] = ()  #: the reader's open ones
    figures: Sequence[str] = ()  #: "acknowledged 3 min (median, n=9)"
    workspace_name: str = ""  #: what the organisation is called


def draw(home: Home) -> Message:
    """Return the home's blocks; `view` wraps them for views.publish."""
    return Message(text="Sitrep", blocks=[each.to_dict() for each in _blocks(home)][: parts.MAX_VIEW_BLOCKS])


def view(message: Message) -> Json:
    """Return the blocks as a home view."""
    shown: Json = View(type="home", blocks=message.blocks).to_dict()
    return shown


def _blocks(home: Home) -> list[Block]:
    return [
        parts.header(f"Sitrep at {home.workspace_name}" if home.workspace_name else "Sitrep"),
        menu.row(),
        parts.section(f"*Open now: {home.open_count}*"),
        *_open(home),
        *([beyond] if (beyond := overview.beyond(home.open_rows, home.open_count)) else []),
        parts.divider(),
        *_yours(home),
        parts.context(mrkdwn.listed(home.figures) or "No incident in the last 30 days"),
    ]


def _open(home: Home) -> list[Block]:
    return [
        parts.section(
            overview.incident_line(row, home.now),
            parts.button("Catch me up", Act.CATCH_UP, OfIncident(incident=row.incident.number)),
        )
        for row in home.open_rows
    ]


def _yours(home: Home) -> list[Block]:
    waiting = "\n".join(f"• {each}" for each in home.waiting[:10])
    lead = f"*You:*\n{waiting}" if waiting else "*You:* nothing waits for you"
    return [
        parts.section(lead),
        *[
            parts.section(
                f"Follow-up {each.number}: {mrkdwn.said(each.title, 150)}"
                + (f", due {mrkdwn.day(each.due)}" if each.due else ""),
                parts.button("Done", Act.FOLLOWUP_DONE, OfFollowup(followup=each.number)),
            )
            for each in home.followups[:10]
        ],
    ]
