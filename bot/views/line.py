"""One line in the channel for what everybody there must know."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.views import mrkdwn, parts, words
from bot.views.message import Message
from escalation import oncall
from incidents import postmortem, records
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.lifecycle import ROLE_TITLES, Role, Status
from incidents.response import gates

_A_PIECE = 2800  # what fits into one section beside its marks

#: Event's payload, "by whom", ": because why" -> the line.
Words = Callable[[dict[str, Any], str, str], str]


def _severity(data: dict[str, Any], by: str, because: str) -> str:
    after = Severity(str(data["after"]))
    return f"{words.SEVERITY_MARK[after]} *Severity {data['before']} → {after}*{by}{because}"


def _escalated(data: dict[str, Any], by: str, because: str) -> str:
    told = oncall.called(str(data.get("audience", "")))
    return f":arrow_double_up: *Escalated to {mrkdwn.said(told, 80)}*{by}{because}"


def _role(data: dict[str, Any], by: str, because: str) -> str:
    del by, because
    role = Role(data["role"])
    before = mrkdwn.people(data.get("before") or ()) if role is not Role.RESPONDER else ""
    instead = f", instead of {before}" if before else ""
    return f"{mrkdwn.person(str(data['person']))} is *{ROLE_TITLES[role].lower()}*{instead}"


def _released(data: dict[str, Any], by: str, because: str) -> str:
    del by, because
    role = Role(data["role"])
    open_ = f"   `/incident role {role}` takes it" if role is not Role.RESPONDER else ""
    return f"{mrkdwn.person(str(data['person']))} is *no longer {ROLE_TITLES[role].lower()}*{open_}"


def _left(data: dict[str, Any], by: str, because: str) -> str:
    """Return who is gone, what they leave open, and who takes it: nobody should have to find that out by waiting."""
    del by, because
    who, roles = mrkdwn.person(str(data["person"])), [Role(each) for each in data["roles"]]
    gone = data["how"] == "slack"
    part = f", {mrkdwn.listed([ROLE_TITLES[role].lower() for role in roles])}," if roles else ""
    said = [f"🚪 *{who}{part} {'is deactivated in Slack' if gone else 'left this channel'}.*"]
    if not gone:
        said += [f"`/incident role {role}` takes over" for role in roles]
    if data["waiting"]:
        others = mrkdwn.people([str(each) for each in data["others"]])
        back = "name an approver in `sitrep.yml`" if gone else f"bring them back with `/invite {who}`"
        said.append(f"A decision waits for them: {f'{others} may take it' if others else back}")
    if data["sole"]:
        audiences = mrkdwn.listed([oncall.called(str(each)) for each in data["sole"]])
        said.append(f"Nobody else is named as {audiences}: name somebody in `sitrep.yml`")
    return "   ".join(said)


def _cancelled(data: dict[str, Any], by: str, because: str) -> str:
    other = f" Go on in inc-{int(data['duplicate_of'])}." if data.get("duplicate_of") else ""
    return f"🚫 *Cancelled*{by}{because}{other}"


def _scheduled(data: dict[str, Any], by: str, because: str) -> str:
    del by, because
    at = mrkdwn.day_and_time(datetime.fromisoformat(str(data["begins_at"])))
    return f"🗓️ *Work begins {at}*, when business opens next.   `/incident begin` begins it now"


def _mitigation(data: dict[str, Any], by: str, because: str) -> str:
    del because
    waits = "   It waits for approval below." if data.get("step") else ""
    return f"🩹 *Users are to be relieved: {mrkdwn.said(str(data['what']), 200)}*{by}.{waits}"


def _postmortem(data: dict[str, Any], by: str, because: str) -> str:
    del because
    due = datetime.fromisoformat(str(data["due"]))
    owner = mrkdwn.person(str(data["owner"]))
    moved = f"`/incident postmortem date {postmortem.a_week_later(due)}` moves it"
    return f"🗓️ *Post-mortem due {mrkdwn.day_and_time(due)}*{by}, {owner} writes it.   {moved}"


def _step(data: dict[str, Any]) -> str:
    return f"{mrkdwn.said(str(data['step']), 20)} {mrkdwn.said(str(data['title']), 80)}"


def _replanned(data: dict[str, Any], by: str, because: str) -> str:
    del by, because
    kept = [str(name) for name in data["kept"]]
    work = f"kept {mrkdwn.listed(kept)}" if kept else "nothing done so far serves it"
    plan = f"🧭 *Plan is now {mrkdwn.said(str(data['title']), 80)}*"
    return f"{plan}: {work}, {mrkdwn.plural(int(data['left']), 'step')} to do"


def _contradicted(data: dict[str, Any], by: str, because: str) -> str:
    del by, because
    who, did = mrkdwn.person(str(data["person"])), "overrode it" if data.get("overridden") else "vouched for it"
    against = mrkdwn.with_mentions(str(data["against"]), 300)
    return (
        f"❗ *The evidence now speaks against {gates.title(str(data['gate'])).lower()}*: {against}. "
        f"{who} {did}, and that still counts.   `/incident pause` stops what comes next"
    )


_WORDS: dict[EventKind, Words] = {
    EventKind.SEVERITY_CHANGED: _severity,
    EventKind.ESCALATED: _escalated,
    EventKind.ROLE_TAKEN: _role,
    EventKind.ROLE_RELEASED: _released,
    EventKind.PERSON_LEFT: _left,
    EventKind.PERSON_BACK: lambda data, by, because: f"↩️ {mrkdwn.person(str(data['person']))} is back.",
    EventKind.UPDATE_MISSED: lambda data, by, because: (
        ":loudspeaker: *The status update was not sent in time.* Sitrep sent the facts."
    ),
    EventKind.MITIGATION_CHOSEN: _mitigation,
    EventKind.RUN_SCHEDULED: _scheduled,
    EventKind.RUN_BEGUN: lambda data, by, because: f"▶️ *Work begins now*{by}.",
    EventKind.REPLANNED: _replanned,
    EventKind.RUN_DONE: lambda data, by, because: (
        "✅ *The fix is merged everywhere*, every review is done.   `/incident resolve` ends it"
    ),
    EventKind.RUN_PAUSED: lambda data, by, because: (
        f"⏸️ *Agents paused*{by}. What runs finishes, nothing new starts.   `/incident resume`"
    ),
    EventKind.RUN_RESUMED: lambda data, by, because: f"▶️ *Agents resumed*{by}.",
    EventKind.RUN_STOPPED: lambda data, by, because: (
        f"⏹️ *Agents stopped*{by}{because}. People go on by hand; a step can still be retried."
    ),
    EventKind.RUN_RESTARTED: lambda data, by, because: (
        f"🔁 *The pipeline begins anew*{by}{because}. What was found so far stays in the timeline."
    ),
    EventKind.GATE_OVERRIDDEN: lambda data, by, because: (
        f"⚠️ *{gates.title(str(data['gate']))} overridden*{by}{because}"
    ),
    EventKind.FOUR_EYES_OVERRIDDEN: lambda data, by, because: (
        f"⚠️ *Four eyes overridden*{by}, who approves their own work{because}"
    ),
    EventKind.POSTMORTEM_SCHEDULED: _postmortem,
    EventKind.GATE_CONTRADICTED: _contradicted,
    EventKind.STEP_STOPPED: lambda data, by, because: (
        f"⏹️ *Step {_step(data)} stopped*{by}{because}   `/incident retry {mrkdwn.said(str(data['step']), 20)}`"
    ),
    EventKind.STEP_SKIPPED: lambda data, by, because: f"⏭️ *Step {_step(data)} left out*{by}{because}",
    EventKind.STEP_REBASED: lambda data, by, because: (
        f"🔀 *The fix of {mrkdwn.said(str(data['repository']), 60)} is rebased*{by}; it is tested and asked about anew"
    ),
    EventKind.STEP_HANDED_OVER: lambda data, by, because: (
        f"🤝 *Step {_step(data)} handed to {mrkdwn.said(str(data['provider']), 20)}*{by}"
    ),
    EventKind.REOPENED: lambda data, by, because: f"🔁 *Opened again*{by}{because}",
    EventKind.CLOSED: lambda data, by, because: f"☑️ *Closed*{by}{because}",
    EventKind.CANCELLED: _cancelled,
    EventKind.NOTE: lambda data, by, because: f":warning: {mrkdwn.with_mentions(str(data.get('text', '')), 500)}",
}


def announcement(incident: records.Incident) -> Message:
    """Return the line that announces an incident to everybody: how bad, what, where, how it ended."""
    mark = words.STATUS_MARK.get(incident.status) or words.SEVERITY_MARK[incident.severity]
    state = incident.severity.value if incident.status is Status.OPEN else incident.status.value
    end = incident.resolved_at
    after = f" after {mrkdwn.spoken(end - incident.declared_at)}" if end and incident.status is Status.RESOLVED else ""
    line = f"{mark} *{incident.key} {state}*{after}   {mrkdwn.said(incident.title, 150)}"
    where = mrkdwn.channel(incident.channel) if incident.channel else ""
    return parts.message(line, [parts.section(mrkdwn.listed([line, where, _by(incident)]))])


def reported(incident: records.Incident) -> Message:
    """Return what the reporter wrote while declaring, word for word."""
    head = f"{mrkdwn.person(incident.reporter)} wrote when declaring:"
    written = [parts.section(mrkdwn.pre(piece)) for piece in mrkdwn.pieces(incident.known, _A_PIECE)]
    return parts.message(head, [parts.section(head), *written])


def _by(incident: records.Incident) -> str:
    return f"declared {mrkdwn.clock(incident.declared_at)} by {mrkdwn.person(incident.reporter)}"


def draw(event: records.Event, detail: str = "") -> Message:
    """Return the event's line; `detail` (ready to show) is what only other rows know."""
    by = f" by {mrkdwn.person(event.actor)}" if event.actor else ""
    reason = str(event.data.get("reason", ""))
    because = f": {mrkdwn.with_mentions(reason, 300)}" if reason else ""
    say = _WORDS.get(event.kind)
    line = say(event.data, by, because) if say else f"{event.kind.replace('_', ' ').capitalize()}{by}{because}"
    return parts.message(line, [parts.section(line), parts.context(detail) if detail else None])
