"""Overviews on request: the list, an incident in short, its roles, its timeline, its promises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slack_sdk.models.blocks import Block, ButtonElement

from bot.ids import Act
from bot.values import OfIncident, OfRole
from bot.views import mrkdwn, parts, words
from bot.views.message import Message
from incidents import records
from incidents.lifecycle import ROLE_TITLES, Role, Status
from incidents.timeline import Entry

#: Begins the ids of the roles panel's blocks; a press in one of them draws the panel anew.
ROLES_BLOCK = "roles"


@dataclass(frozen=True)
class Row:
    """One incident in a list."""

    incident: records.Incident
    now_line: str  #: "Hotfix, waiting for approval of @Ana", ready to show
    refused: str = ""  #: why Slack would not make its channel


def incident_line(row: Row, now: datetime) -> str:
    """Return an incident in two lines."""
    incident = row.incident
    mark = words.STATUS_MARK.get(incident.status) or words.SEVERITY_MARK[incident.severity]
    until = incident.resolved_at or now
    age = mrkdwn.spoken(until - incident.declared_at)
    due = incident.next_update_at
    update = f"next update {mrkdwn.clock(due)}" if due and incident.status is Status.OPEN else ""
    room = mrkdwn.channel(incident.channel) or ("_no channel_" if row.refused else "_channel is being made_")
    flags = "  _private_" if incident.private else ""
    flags += "  _drill_" if incident.drill else ""
    return (
        f"{mark} {incident.key} {incident.severity}  {room}  *{mrkdwn.said(incident.title, 150)}*{flags}\n"
        + mrkdwn.listed([row.now_line, age, update])
    )


def listing(rows: Sequence[Row], now: datetime, *, count: int) -> Message:
    """Return the open incidents, most severe first; `count` is how many there are in all."""
    if not rows:
        return parts.message(
            "No incident is open.",
            [parts.section("*No incident is open.*   `/incident what is happening` declares one")],
        )
    return parts.message(
        mrkdwn.plural(count, "open incident"),
        [
            parts.section(f"*Open now: {count}*"),
            *[parts.section(incident_line(row, now)) for row in rows],
            beyond(rows, count),
        ],
    )


def beyond(rows: Sequence[Row], count: int) -> Block | None:
    """Return the line that says how many open incidents are not among `rows`; None where all of them are."""
    left = count - len(rows)
    if left <= 0:
        return None
    verb = "is" if left == 1 else "are"
    return parts.context(f"{left} less severe or older {verb} not shown; `/incident find` looks among all")


def which(incidents: Sequence[records.Incident], to: str, words: str, *, theirs: bool, count: int) -> Message:
    """Return the question which incident `words` are about; `theirs` says that the reader has a part in each.

    `count` is how many there are in all.
    """
    lead = f"{mrkdwn.code(f'{to} {words}', 200)} was typed outside an incident's channel."
    if not incidents:
        return parts.message("No incident is open.", [parts.section(f"{lead} No incident is open.")])
    offered = [
        f"• {mrkdwn.code(f'{to} {each.key} {words}', 200)}  *{mrkdwn.said(each.title, 150)}*" for each in incidents
    ]
    asked = "Did you mean this one?" if len(incidents) == 1 else "Which one?"
    kind = "Your open incidents" if theirs else "Open now"
    return parts.message(
        f"Say which incident: {to} {incidents[0].key} {words}",
        [parts.section(f"{lead} {asked}"), parts.section(f"*{kind}*\n" + parts.fitting(offered, count=count))],
    )


def found(incidents: Sequence[records.Incident], now: datetime, *, text: str, older: int | None) -> Message:
    """Return what a search found, newest first; `older` continues it where there is more."""
    said = mrkdwn.said(text, 100)
    more = f"older ones: `/incident find {said} before inc-{older}`" if older else ""
    if not incidents:
        nothing = f"*No incident holds “{said}”.*"
        return parts.message(
            f"Nothing found for {said}", [parts.section(nothing), parts.context(more) if more else None]
        )
    rows = [Row(each, _ended(each)) for each in incidents]
    return parts.message(
        f"{mrkdwn.plural(len(incidents), 'incident')} found",
        [
            parts.section(f"*Found for “{said}”*"),
            *[
                parts.section(f"{incident_line(row, now)}  {mrkdwn.day_and_time(row.incident.declared_at)}")
                for row in rows
            ],
            parts.context(more) if more else None,
        ],
    )


def _ended(incident: records.Incident) -> str:
    if incident.status is Status.OPEN:
        return "open"
    return mrkdwn.said(incident.resolution, 150) or str(incident.status)


def roles(incident: records.Incident, held: Mapping[Role, Sequence[str]], reader: str) -> list[Block]:
    """Return the roles panel, a button beside each role: to take it, or to give it back."""
    blocks: list[Block] = [parts.section(f"*Roles in {incident.key}*   {mrkdwn.said(incident.title, 150)}")]
    for role in Role:
        holders = held.get(role, ())
        button = _give_back(incident, role) if reader in holders else _take(incident, role, holders)
        name = f"*{ROLE_TITLES[role]}*  {mrkdwn.people(holders) or '_open_'}"
        block_id = f"{ROLES_BLOCK}_{role}"
        blocks.append(parts.section(f"{name}\n{words.ROLE_GUIDANCE[role]}", button, block_id=block_id))
    blocks.append(parts.context("typed: `/incident role comms`, `… comms @Ana` or `… comms none`"))
    return blocks


def _take(incident: records.Incident, role: Role, holders: Sequence[str]) -> ButtonElement:
    label = "Take it over" if holders and role is not Role.RESPONDER else "Join"
    value = OfRole(incident=incident.number, role=role, instead=next(iter(holders), ""))
    return parts.button(label, Act.TAKE_ROLE.numbered(role), value)


def _give_back(incident: records.Incident, role: Role) -> ButtonElement:
    value = OfRole(incident=incident.number, role=role)
    sure = None
    if role is Role.COMMANDER:
        sure = parts.confirm(
            "Give the command back?", "Nobody commands until somebody takes it.", yes="Give it back", no="Keep it"
        )
    return parts.button("Give it back", Act.RELEASE_ROLE.numbered(role), value, confirm=sure)


def timeline(incident: records.Incident, entries: Sequence[Entry]) -> list[Block]:
    """Return the timeline, oldest first; the middle is left out where it is too long."""
    every = [f"{mrkdwn.day_and_time(each.at)}  {_entry(each)}" for each in entries]
    shown = every if len(every) <= 100 else [*every[:30], f"_{len(every) - 90} left out_", *every[-60:]]
    pages: list[str] = []
    for line in shown:
        if pages and len(pages[-1]) + len(line) < 2700:
            pages[-1] += f"\n{line}"
        else:
            pages.append(line)
    return [
        parts.section(f"*Timeline of {incident.key}*   {mrkdwn.plural(len(every), 'entry', 'entries')}"),
        *[parts.section(page) for page in pages[:40]],
        parts.context("📌 on a message puts it here with its own time", "typed: `/incident note what happened`"),
        parts.actions(parts.button("Add an entry", Act.NOTE, OfIncident(incident=incident.number))),
    ]


def _entry(entry: Entry) -> str:
    said = mrkdwn.with_mentions(entry.text, 400)
    return f"{said}  {mrkdwn.link(entry.link, 'message')}" if entry.link else said


@dataclass(frozen=True)
class Kept:
    """One promise of the matrix or the escalations, and what became of it."""

    at: datetime
    what: str  #: "engineering manager, CTO", ready to show
    road: str
    state: str  #: told, due, late, stopped, failed
    late: timedelta | None = None


def promises(incident: records.Incident, kept: Sequence[Kept]) -> list[Block]:
    """Return who hears what and when: what was kept, what is to come, what was stopped."""
    marks = {"told": "✓", "due": "◷", "late": "✗", "stopped": "–", "failed": "✗"}
    lines = [
        f"{marks[each.state]} {mrkdwn.clock(each.at)}  {each.what}  {each.state}"
        + (f", {mrkdwn.spoken(each.late)} late" if each.late else "")
        + f"  _{each.road}_"
        for each in kept
    ]
    return [
        parts.section(f"*Who hears of {incident.key}, and when*"),
        parts.section(parts.fitting(lines) or "_Nobody is told by the clock on this severity._"),
    ]
