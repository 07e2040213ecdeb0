"""How ready services are for trouble in production: what is there, and what to do about the rest."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block

from bot.views import mrkdwn, parts
from bot.views.message import Message
from incidents.hardening import Checklist, Point, Topic

_SHOWN = 5  # services in one message
_TITLES = {
    Topic.MONITORING: "Error monitoring",
    Topic.FLAGS: "Feature flags and ways back",
    Topic.TRACING: "Tracing a cause back",
}


def draw(found: Sequence[Checklist], *, more: int = 0) -> Message:
    """Return the checklists; `more` services are there that were not looked at."""
    if not found:
        plainly = "No services are in the catalogue yet: add them under `services` in sitrep.yml."
        return parts.message(plainly, [parts.section(plainly)])
    missing = sum(len(each.missing) for each in found)
    return parts.message(
        f"Production hardening: {mrkdwn.plural(missing, 'point')} to mend",
        [
            *[block for each in found for block in _service(each)],
            parts.context(
                "Judged by sitrep.yml and the dependency files of the branch; what runs elsewhere is not seen",
                f"{more} more: `/incident hardening service`" if more else "`/incident hardening [service]`",
            ),
        ],
    )


def _service(found: Checklist) -> list[Block]:
    title = f"*{mrkdwn.said(found.service.title or found.service.key, 80)}*"
    count = mrkdwn.plural(len(found.missing), "point") + " to mend" if found.missing else "nothing to mend"
    unread = f"\n{mrkdwn.prose(found.unread, 200)} What is installed is not known." if found.unread else ""
    return [
        parts.section(f"{title}   {count}{unread}"),
        *[
            parts.section(parts.fitting([f"*{name}*", *map(_line, points)]))
            for topic, name in _TITLES.items()
            if (points := [point for point in found.points if point.topic is topic])
        ],
    ]


def _line(point: Point) -> str:
    return f"✓ {mrkdwn.prose(point.says, 200)}" if point.ready else _missing(point)


def _missing(point: Point) -> str:
    return f"☐ *{mrkdwn.prose(point.says, 200)}*\n      {mrkdwn.prose(point.remedy, 250)}"


def shown(every: Sequence[str]) -> tuple[Sequence[str], int]:
    """Return the services of one message, and how many more there are."""
    return every[:_SHOWN], max(len(every) - _SHOWN, 0)
