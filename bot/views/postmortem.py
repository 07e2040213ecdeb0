"""The post-mortem in the channel: facts filled in, the judgement left to named people."""

from slack_sdk.models.blocks import Block

from bot.ids import Act
from bot.values import OfIncident
from bot.views import mrkdwn, parts
from bot.views.message import Message
from incidents import records
from incidents.lifecycle import Status
from incidents.postmortem import SECTIONS, Postmortem, a_week_later, is_complete
from incidents.timeline import Entry

_KEY_ENTRIES = 10  # the rest is behind the timeline's button
_FOLLOWUPS = 10


def draw(found: Postmortem, *, canvas_url: str = "") -> Message:
    """Return the post-mortem; `canvas_url` opens the whole of it."""
    incident = found.incident
    return parts.message(
        f"Post-mortem of {incident.key} {mrkdwn.said(incident.title, 150)}",
        [
            parts.header(f"Post-mortem  {incident.key}  {incident.title}"),
            parts.context(
                f"Owner {mrkdwn.person(found.owner)}",
                "draft from the record, judgement to be written by people",
                f"review by {mrkdwn.day(found.review_by)}",
            ),
            parts.facts(*_facts(found)),
            parts.section(f"*What happened*\n{_story(found)}"),
            parts.section(f"*Timeline (UTC)*\n{_timeline(found.entries)}"),
            parts.section(f"*Answered for by people*\n{_vouched(found.vouched)}") if found.vouched else None,
            parts.section("\n".join(_judgement(found, section) for section in SECTIONS)),
            parts.section(f"*Follow-ups*\n{_followups(found.followups)}"),
            _buttons(found, canvas_url),
        ],
    )


def _facts(found: Postmortem) -> list[str]:
    incident = found.incident
    measures = [
        f"*{each.title}*  {each.value if each.reached else 'not reached'}{_target(each.target, met=each.met)}"
        for each in found.measures
    ]
    return [
        f"*Duration*  {found.duration or 'still open'}",
        f"*Impact*  {mrkdwn.with_mentions(incident.impact) if incident.impact else '_not recorded_'}",
        *measures[:6],
        f"*Fix*  {_fix(found)}",
        f"*Told*  {mrkdwn.plural(len(found.told), 'notice')}",
    ]


def _target(target: str, *, met: bool | None) -> str:
    mark = {True: " ✓", False: " ✗", None: ""}[met]
    return f", target {target}{mark}" if target else mark


def _fix(found: Postmortem) -> str:
    commit = str(found.fix.get("commit") or "")
    if not commit:
        return mrkdwn.said(found.incident.resolution, 200) or "_no commit recorded_"
    undone = str(found.cause.get("commit") or "")
    reverted = f", undoes {mrkdwn.code(undone[:7])}" if undone and found.fix.get("approach") == "revert" else ""
    release = found.deployed.get("release")
    shipped = f", release {mrkdwn.said(str(release), 40)}" if release and found.deployed.get("deployed") else ""
    return f"{mrkdwn.code(commit[:7])}{reverted}{shipped}"


def _story(found: Postmortem) -> str:
    if not found.cause.get("summary"):
        return mrkdwn.paragraphs(found.incident.resolution, 1500) or "_No cause was recorded._"
    verdict = f" ({mrkdwn.said(str(found.cause['verdict']), 20)})" if found.cause.get("verdict") else ""
    mechanism = mrkdwn.prose(str(found.cause.get("mechanism") or ""), 800)
    return f"{mrkdwn.prose(str(found.cause['summary']), 600)}{verdict}\n{mechanism}".rstrip()


def _timeline(entries: tuple[Entry, ...]) -> str:
    shown = [entry for entry in entries if entry.key][:_KEY_ENTRIES]
    lines = [f"`{entry.at:%H:%M}` {mrkdwn.with_mentions(entry.text, 140)}" for entry in shown]
    more = len(entries) - len(shown)
    return "   ".join(lines) + (f"   _{more} more_" if more > 0 else "")


def _vouched(entries: tuple[Entry, ...]) -> str:
    return parts.fitting(f"• `{each.at:%H:%M}` {mrkdwn.with_mentions(each.text, 250)}" for each in entries)


def due(found: Postmortem) -> Message:
    """Return the reminder to its owner that the post-mortem is to be written."""
    incident = found.incident
    if is_complete(found.sections):
        written = f"Post-mortem of {incident.key} is written"
        return parts.message(written, [parts.section(f"✅ *{written}*   {mrkdwn.said(incident.title, 150)}")])
    lead = f"Post-mortem of {incident.key} is due"
    return parts.message(
        f"{lead}: {mrkdwn.said(incident.title, 150)}",
        [
            parts.section(f"🗓️ *{lead} {mrkdwn.day_and_time(found.review_by)}*   {mrkdwn.said(incident.title, 150)}"),
            parts.section("The facts are filled in; what went well and badly is yours to write."),
            parts.actions(
                parts.button("Write my part", Act.WRITE, OfIncident(incident=incident.number), style=parts.PRIMARY)
            ),
            parts.context(
                f"typed: `/incident {incident.key} postmortem`",
                f"`/incident {incident.key} postmortem date {a_week_later(found.review_by)}` moves it",
            ),
        ],
    )


def _judgement(found: Postmortem, section: str) -> str:
    row = found.sections.get(section)
    if row is None:
        return f"*{SECTIONS[section]}*   :pencil2: _for_ {mrkdwn.person(found.writers.get(section, found.owner))}"
    return f"*{SECTIONS[section]}*   {mrkdwn.paragraphs(row.text, 450)}  _{mrkdwn.person(row.author)}_"


def _followups(followups: tuple[records.Followup, ...]) -> str:
    if not followups:
        return "_none filed yet_"
    lines = []
    for each in followups:
        title = mrkdwn.with_mentions(each.title, 150)
        owner = mrkdwn.person(each.owner) if each.owner else "_no owner yet_"
        due = f", {mrkdwn.day(each.due)}" if each.due else ""
        lines.append(f"• #{each.number} {f'~{title}~ done' if each.state == 'done' else title}, {owner}{due}")
    more = [f"_{len(lines) - _FOLLOWUPS} more_"] if len(lines) > _FOLLOWUPS else []
    return "\n".join(lines[:_FOLLOWUPS] + more)


def _buttons(found: Postmortem, canvas_url: str) -> Block:
    incident = found.incident
    this = OfIncident(incident=incident.number)
    unwritten = set(SECTIONS) - set(found.sections)
    resolved = incident.status is Status.RESOLVED
    write = parts.button("Write my part", Act.WRITE, this, style=parts.PRIMARY if unwritten else None)
    close = parts.button("Close", Act.CLOSE, this, style=None if unwritten else parts.PRIMARY) if resolved else None
    return parts.actions(
        write,
        parts.button("Add follow-up", Act.FOLLOWUP, this),
        parts.button("Timeline", Act.TIMELINE, this),
        parts.button("Open canvas", Act.CANVAS, this, url=canvas_url) if canvas_url else None,
        close,
    )
