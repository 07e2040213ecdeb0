"""The timeline: events in words, in the order in which they happened. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incidents import durations, records
from incidents.events import EventKind
from incidents.lifecycle import ROLE_TITLES
from incidents.response import decisions


@dataclass(frozen=True)
class Entry:
    """One line of the timeline."""

    at: datetime  #: UTC
    text: str  #: plain words; people as `<@id>`, not yet escaped
    link: str = ""
    actor: str = ""
    key: bool = False  #: belongs in the short form
    event_id: int | None = None


class _Data(dict[str, Any]):
    """An event's data; what an older version did not record reads as empty, so one event breaks no timeline."""

    def __missing__(self, name: str) -> str:
        return ""


Words = Callable[[records.Event, dict[str, Any]], str]


def _by(event: records.Event, text: str) -> str:
    return f"{text} by <@{event.actor}>" if event.actor and event.actor not in ("playbook", "claude") else text


def _milestone(event: records.Event, data: dict[str, Any]) -> str:
    if data.get("implied") or data["milestone"] in ("resolved", "closed"):
        return ""
    words = {"acknowledged": "acknowledged", "triaged": "triaged", "started": "work on the fix started"}
    words |= {"mitigated": "mitigated", "deployed": "fix in production"}
    said = words.get(data["milestone"])
    return _by(event, said) if said else ""


_ROLES = {role.value: title.lower() for role, title in ROLE_TITLES.items()}


def _role(event: records.Event, data: dict[str, Any]) -> str:
    return f"<@{data['person']}> is {_ROLES.get(data['role'], 'responder')}"


def _released(event: records.Event, data: dict[str, Any]) -> str:
    no_longer = f"<@{data['person']}> is no longer {_ROLES.get(data['role'], 'responder')}"
    return no_longer if event.actor == data["person"] else _by(event, no_longer)


def _told(event: records.Event, data: dict[str, Any]) -> str:
    late = float(data.get("late_seconds") or 0)
    lateness = f", {durations.spoken(_seconds(late))} late" if late >= 60 else ""
    return f"{str(data.get('audience', '')).replace('_', ' ')} told by {data.get('road', 'slack')}{lateness}"


def _seconds(count: float) -> Any:
    return durations.parse(f"{count:.0f}s")


def _approval(event: records.Event, data: dict[str, Any]) -> str:
    asked = decisions.find(str(data["about"]))
    what = asked.thing if asked else str(data["about"])
    if data["decision"] == "expired":
        return f"approval of the {what} expired"
    if data["decision"] != "approved":
        return _by(event, f"{what} sent back")
    return _by(event, asked.taken(data.get("subject") or {}) if asked else f"{what} approved")


def _facts(data: dict[str, Any]) -> str:
    """Return which facts were added, corrected (with what stood there) and taken back."""
    before = data.get("before", {})
    names = {name: name.replace("_", " ") for name in (*data["facts"], *before)}
    said = {
        "added": [names[name] for name in data["facts"] if name not in before],
        "corrected": [f"{names[name]} (was {before[name]})" for name in data["facts"] if name in before],
        "taken back": [f"{names[name]} (was {before[name]})" for name in before if name not in data["facts"]],
    }
    return "; ".join(f"facts {done}: {', '.join(told)}" for done, told in said.items() if told)


def _note(said: Any) -> str:
    return f": {said}" if said else ""


_WORDS: dict[EventKind, Words] = {
    EventKind.DECLARED: lambda e, d: _by(e, f"declared {d['severity']}: {d['title']}"),
    EventKind.FACTS_ADDED: lambda e, d: _by(e, _facts(d)),
    EventKind.SEVERITY_CHANGED: lambda e, d: _by(e, f"severity {d['before']} → {d['after']}"),
    EventKind.MILESTONE: _milestone,
    EventKind.ROLE_TAKEN: _role,
    EventKind.ROLE_RELEASED: _released,
    EventKind.PERSON_LEFT: lambda e, d: f"<@{d['person']}> left {'Slack' if d['how'] == 'slack' else 'the channel'}",
    EventKind.PERSON_BACK: lambda e, d: f"<@{d['person']}> is back",
    EventKind.IMPACT_FOUND: lambda e, d: f"found: {d['trigger'].replace('_', ' ')}",
    EventKind.PAGED: lambda e, d: f"{str(d.get('audience', '')).replace('_', ' ')} paged",
    EventKind.PAGE_PASSED: lambda e, d: f"<@{d['person']}> cannot take it",
    EventKind.TOLD: _told,
    EventKind.ESCALATED: lambda e, d: (
        f"escalated to {str(d.get('audience', '')).replace('_', ' ')}: {d.get('reason', '')}"
    ),
    EventKind.UPDATE_SENT: lambda e, d: _by(e, "status: no change" if d.get("no_change") else "status update sent"),
    EventKind.UPDATE_SNOOZED: lambda e, d: _by(e, "status update put off"),
    EventKind.UPDATE_MISSED: lambda e, d: "status update missed; the facts were sent",
    EventKind.NOTE: lambda e, d: str(d["text"]),
    EventKind.RUN_SCHEDULED: lambda e, d: f"work begins {d['begins_at'][:16].replace('T', ' ')} UTC",
    EventKind.RUN_BEGUN: lambda e, d: _by(e, "work begun early"),
    EventKind.REPLANNED: lambda e, d: f"plan is now {d['title']}, {len(d['kept'])} steps kept, {d['left']} to do",
    EventKind.RUN_PAUSED: lambda e, d: _by(e, "agents paused"),
    EventKind.RUN_RESUMED: lambda e, d: _by(e, "agents resumed"),
    EventKind.RUN_STOPPED: lambda e, d: _by(e, "agents stopped"),
    EventKind.RUN_RESTARTED: lambda e, d: _by(e, "pipeline begun anew"),
    EventKind.STEP_DONE: lambda e, d: f"{d['step']} {d['title']}: {d['summary']}",
    EventKind.STEP_FAILED: lambda e, d: f"{d['step']} {d['title']} failed: {d['error']}",
    EventKind.STEP_SENT_BACK: lambda e, d: f"{d['step']} {d['title']} sent back: {d['critique']}",
    EventKind.QUESTION_ASKED: lambda e, d: f"people asked: {str(d['about']).replace('_', ' ')}",
    EventKind.QUESTION_ANSWERED: lambda e, d: _by(e, f"answered: {d['choice']}") if d["choice"] else "",
    EventKind.MITIGATION_CHOSEN: lambda e, d: _by(e, f"mitigation chosen: {d['what']}"),
    EventKind.RUN_GREW: lambda e, d: f"tasks for {', '.join(d['repositories'])}",
    EventKind.STEP_TAKEN_OVER: lambda e, d: _by(e, f"{d['step']} {d['title']} done by hand"),
    EventKind.GATE_PASSED: lambda e, d: f"gate passed: {d['gate'].replace('_', ' ')}: {d['reason']}",
    EventKind.GATE_ATTESTED: lambda e, d: _by(e, f"gate attested: {d['gate'].replace('_', ' ')}") + _note(d["note"]),
    EventKind.GATE_OVERRIDDEN: lambda e, d: (
        _by(e, f"gate overridden: {d['gate'].replace('_', ' ')}") + _note(d["reason"])
    ),
    EventKind.FOUR_EYES_OVERRIDDEN: lambda e, d: _by(e, "own work approved against four eyes") + _note(d["reason"]),
    EventKind.GATE_CONTRADICTED: lambda e, d: (
        f"evidence now speaks against {d['gate'].replace('_', ' ')}, which <@{d['person']}> answers for: {d['against']}"
    ),
    EventKind.DRIFT_JUDGED: lambda e, d: (
        _by(e, f"{'specification' if d['verdict'] == 'spec' else 'code'} held to be wrong") + _note(d["why"])
    ),
    EventKind.STEP_STOPPED: lambda e, d: _by(e, f"{d['step']} {d['title']} stopped"),
    EventKind.STEP_SKIPPED: lambda e, d: _by(e, f"{d['step']} {d['title']} left out") + f": {d['reason']}",
    EventKind.STEP_REBASED: lambda e, d: _by(e, f"{d['step']} {d['title']}: fix of {d['repository']} is rebased"),
    EventKind.STEP_HANDED_OVER: lambda e, d: _by(e, f"{d['step']} {d['title']} handed to {d['provider']}"),
    EventKind.APPROVAL_DECIDED: _approval,
    EventKind.RESOLVED: lambda e, d: _by(e, "resolved"),
    EventKind.REOPENED: lambda e, d: _by(e, f"reopened: {d['reason']}"),
    EventKind.CLOSED: lambda e, d: _by(e, "closed"),
    EventKind.CANCELLED: lambda e, d: _by(e, f"cancelled: {d['reason']}"),
    EventKind.POSTMORTEM_SCHEDULED: lambda e, d: _by(e, f"post-mortem due {d['due'][:10]}"),
    EventKind.POSTMORTEM_POSTED: lambda e, d: "post-mortem posted",
    EventKind.FOLLOWUP_ADDED: lambda e, d: _by(e, f"follow-up: {d['title']}"),
    EventKind.FOLLOWUP_DONE: lambda e, d: _by(e, f"follow-up done: {d['title']}"),
    EventKind.DELIVERY_FAILED: lambda e, d: f"could not deliver {d.get('key', '')}: {d.get('error', '')}",
}

#: What the short form keeps.
_KEY = frozenset(
    {
        EventKind.DECLARED,
        EventKind.SEVERITY_CHANGED,
        EventKind.MILESTONE,
        EventKind.ESCALATED,
        EventKind.MITIGATION_CHOSEN,
        EventKind.APPROVAL_DECIDED,
        EventKind.NOTE,
        EventKind.RESOLVED,
        EventKind.REOPENED,
        EventKind.UPDATE_MISSED,
    }
)


def entries(events: Iterable[records.Event]) -> list[Entry]:
    """Return the timeline's lines, oldest first; events that say nothing to people are left out."""
    found = []
    for event in events:
        words = _WORDS.get(event.kind)
        text = words(event, _Data(event.data)) if words else ""
        if text:
            found.append(
                Entry(event.at, text, str(event.data.get("link", "")), event.actor, event.kind in _KEY, event.id)
            )
    return sorted(found, key=lambda entry: entry.at)


#: What people answered for in place of evidence, or of a second pair of eyes.
_VOUCHED = (EventKind.GATE_ATTESTED, EventKind.GATE_OVERRIDDEN, EventKind.FOUR_EYES_OVERRIDDEN)


def vouched(events: Iterable[records.Event]) -> list[Entry]:
    """Return a line for each gate that people attested or overrode, and each approval without four eyes."""
    return entries(event for event in events if event.kind in _VOUCHED)


def told(events: Iterable[records.Event]) -> list[str]:
    """Return one line for each notice that was delivered: when, who, by which road."""
    return [f"{event.at:%H:%M} {_told(event, event.data)}" for event in events if event.kind is EventKind.TOLD]
