"""Canvases: documents made of sections that can be edited one by one."""

from dataclasses import dataclass
from enum import StrEnum

from bot.workspace.contents import channels
from bot.workspace.contents.ids import secret
from bot.workspace.contents.model import Canvas, Channel
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError

Sections = list[tuple[str, str]]


class Operation(StrEnum):
    """What one change of a canvas does (Slack, "canvases.edit")."""

    AT_START = "insert_at_start"  #: New text before everything
    AT_END = "insert_at_end"  #: New text after everything
    BEFORE = "insert_before"  #: New text before a section
    AFTER = "insert_after"  #: New text after a section
    REPLACE = "replace"  #: New text instead of a section, or of everything
    DELETE = "delete"  #: A section goes
    RENAME = "rename"  #: A new title


OPERATIONS = frozenset(Operation)


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `section_id` is empty where the operation needs none."""

    operation: Operation
    section_id: str
    text: str


def create(core: Core, title: str, markdown: str, user_id: str, channel: Channel | None) -> Canvas:
    """Create a canvas, as the channel's own when there is one."""
    row = Canvas(core.team.ids.new("F"), title, user_id, core.team.epoch(), split(markdown))
    row.updated = row.created
    core.team.canvases[row.id] = row
    if channel is not None:
        row.channel_id = channel.id
        channel.canvas_id = row.id
    _tell(core, row)
    return row


def apply(row: Canvas, changes: list[Change]) -> tuple[str, Sections]:
    """Return the title and the sections after all changes; the canvas stays as it is.

    Raises:
        SlackError: section_not_found.
    """
    title, sections = row.title, list(row.sections)
    for change in changes:
        if change.operation is Operation.RENAME:
            title = change.text
        else:
            sections = _changed(sections, change)
    return title, sections


def _changed(sections: Sections, change: Change) -> Sections:
    new = split(change.text)
    match change.operation:
        case Operation.AT_START:
            return [*new, *sections]
        case Operation.AT_END:
            return [*sections, *new]
        case Operation.REPLACE if not change.section_id:
            return new
    place = next((n for n, (section_id, _) in enumerate(sections) if section_id == change.section_id), None)
    if place is None:
        raise SlackError("section_not_found")
    # Everything else names a section: it stays after, before, or not at all.
    kept = [] if change.operation in (Operation.REPLACE, Operation.DELETE) else [sections[place]]
    middle = [*kept, *new] if change.operation is Operation.AFTER else [*new, *kept]
    return [*sections[:place], *middle, *sections[place + 1 :]]


def replace(core: Core, row: Canvas, title: str, sections: Sections) -> None:
    """Set what a canvas says."""
    row.title, row.sections, row.updated = title, sections, core.team.epoch()
    _tell(core, row)


def delete(core: Core, row: Canvas) -> None:
    """Take a canvas away."""
    del core.team.canvases[row.id]
    channel = core.team.channels.get(row.channel_id or "")
    if channel is not None:
        channel.canvas_id = None
    _tell(core, row)


def may_read(core: Core, row: Canvas, user_id: str) -> bool:
    """Whether a user made the canvas, is in its channel, or was let in."""
    if user_id == row.user or user_id in row.access:
        return True
    seen = {channel.id for channel in core.team.channels_seen_by(user_id)}
    return not seen.isdisjoint({row.channel_id, *row.access})


def split(markdown: str) -> Sections:
    """Return the sections of a text: what blank lines separate, code fences kept whole."""
    sections: list[list[str]] = [[]]
    in_fence = False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            in_fence = not in_fence
        if line.strip() or in_fence:
            sections[-1].append(line)
        elif sections[-1]:
            sections.append([])
    return [(f"temp:C:{secret(16)}", "\n".join(lines)) for lines in sections if lines]


def _tell(core: Core, row: Canvas) -> None:
    channel = core.team.channels.get(row.channel_id or "")
    audience = core.team.audience(channel) if channel else [row.user, *row.access]
    notice = {"type": "canvas_changed", "id": row.id, "title": row.title, "channel": row.channel_id}
    core.hub.publish(notice, audience)
    if channel is not None:
        channels.announce(core, channel)
