"""What operators read in their own channel."""

from typing import Any

from bot.views import mrkdwn, parts
from bot.views.message import Message
from escalation import operators


def draw(params: dict[str, Any]) -> Message:
    """Return that delivery is late, or that it is in time again."""
    said, more = operators.words(params)
    mark = ":white_check_mark:" if params["ended_at"] else ":warning:"
    return parts.message(said, [parts.section(f"{mark} *{said}*\n{mrkdwn.prose(more, 1000)}")])
