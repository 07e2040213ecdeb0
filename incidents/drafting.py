"""The words of a status update, taken from the rows: short, plain, nothing that is not recorded."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from incidents import records, timeline
from incidents.context import Context
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.response import decisions, frozen
from incidents.response.plan import FINISHED, StepState
from incidents.service import queries

#: The fields of a structured status update, in the order in which they are read.
FIELDS = ("condition", "impact", "done", "next", "needs")

_MOST_DONE = 5  # lines; more is the timeline's business
_LONGEST = 120  # characters of one thing done
_CLAUSE = re.compile(r"[,;.] ")  # where a step's outcome goes into details

#: What counts as done in an update; who was told and who was paged is for the record.
_DONE = frozenset(
    {
        EventKind.SEVERITY_CHANGED,
        EventKind.MILESTONE,
        EventKind.ESCALATED,
        EventKind.NOTE,
        EventKind.STEP_DONE,
        EventKind.STEP_TAKEN_OVER,
        EventKind.APPROVAL_DECIDED,
        EventKind.REOPENED,
    }
)
_STEP_NUMBER = re.compile(r"^\d+\.\d+ ")  # the timeline's; whoever reads an update does not know the workflow
_UNDER_WAY = frozenset({StepState.RUNNING, StepState.READY})


@dataclass(frozen=True)
class Known:
    """What a draft is made of."""

    incident: records.Incident
    events: Sequence[records.Event] = ()  #: since the last update
    titles: Mapping[str, str] = field(default_factory=dict)  #: step name -> title, in the workflow's order
    states: Mapping[str, StepState] = field(default_factory=dict)
    pending: Sequence[records.Approval] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    commanders: Sequence[str] = ()
    paused: bool = False
    first: bool = False  #: no update went out before
    reopened: str = ""  #: why it was opened again, where it was


async def draft(
    session: AsyncSession, ctx: Context, incident: records.Incident, *, since: datetime | None
) -> dict[str, str]:
    """Return the update's fields; `since` is when the last one went out (UTC)."""
    del ctx
    events = await queries.events(session, incident.number)
    run = await queries.latest_run(session, incident.number)
    titles: dict[str, str] = {}
    states: dict[str, StepState] = {}
    outputs: dict[str, Any] = {}
    if run is not None:
        definition = frozen.definition_of(run)
        titles = {step.name: step.title for step in definition.steps()}
        states = {step.name: StepState(step.state) for step in await queries.steps(session, run.number)}
        outputs = await queries.outputs(session, run.number)
    return written(
        Known(
            incident=incident,
            events=[event for event in events if since is None or event.recorded_at > since],
            titles=titles,
            states=states,
            pending=await queries.pending_approvals(session, incident.number),
            outputs=outputs,
            commanders=(await queries.roles(session, incident.number)).get(Role.COMMANDER, []),
            paused=run is not None and run.state == "paused",
            first=since is None,
            reopened=_reopened(events),
        )
    )


def _reopened(events: Sequence[records.Event]) -> str:
    reasons = [str(event.data["reason"]) for event in events if event.kind is EventKind.REOPENED]
    return reasons[-1] if reasons else ""


def written(known: Known) -> dict[str, str]:
    """Return the fields of the update that `known` calls for."""
    return {
        "condition": _condition(known),
        "impact": _impact(known.incident),
        "done": _done(known),
        "next": _next(known),
        "needs": _needs(known),
    }


def _impact(incident: records.Incident) -> str:
    if incident.status is Status.RESOLVED and incident.impact:
        return f"Over. It was: {incident.impact}"
    return incident.impact or "Not known yet."


def _condition(known: Known) -> str:
    incident = known.incident
    if incident.status is Status.RESOLVED:
        return _clip(f"Resolved. {incident.resolution}".strip(), 400)
    if incident.status is Status.CANCELLED:
        return "Cancelled: no incident, nothing more is done."
    cause = _cause(known)
    working = known.reopened or incident.started_at or incident.mitigated_at or incident.deployed_at
    # Before the work on the fix, a cause that is found says more than that it was being looked for.
    sentences = [_standing(known) if working or not cause else "", cause, _activity(known)]
    return " ".join(sentence for sentence in sentences if sentence)


def _standing(known: Known) -> str:
    incident = known.incident
    again = f"Opened again: {_clip(known.reopened, 160).rstrip('.')}." if known.reopened else ""
    for at, words in (
        (incident.deployed_at, "The fix is in production and is being watched."),
        (incident.mitigated_at, "Users are served again; the cause is still being worked on."),
        (again or None, again),  # what was reached before says nothing of the trouble that is back
        (incident.started_at, "Work on the fix is under way."),
        (incident.triaged_at, "Severity is confirmed, the cause is being looked for."),
        (incident.acknowledged_at, "Somebody has taken it, triage is under way."),
    ):
        if at is not None:
            return words
    return "Declared; nobody has acknowledged yet."


def _cause(known: Known) -> str:
    cause = known.outputs.get("preliminary_root_cause")
    if not isinstance(cause, Mapping) or not cause.get("summary") or cause.get("verdict") == "inconclusive":
        return ""
    return f"Cause ({cause.get('verdict')}): {_clip(str(cause['summary']), 160).rstrip('.')}."


def _activity(known: Known) -> str:
    if known.paused:
        return "The agents are paused."
    if known.pending:
        return f"Waiting for {_both([decisions.of(each.kind).asked for each in known.pending])}."
    failed = _titles(known, StepState.FAILED)
    if failed:
        return f"Failed: {_listed(failed)}."
    running = _titles(known, StepState.RUNNING)
    return f"Running: {_listed(running)}." if running else ""


def _done(known: Known) -> str:
    lines = [
        f"{entry.at:%H:%M} UTC {_clip(_in_short(entry.text), _LONGEST)}"
        for entry in timeline.entries(event for event in known.events if event.kind in _DONE)
    ]
    if not lines:
        return "Nothing yet." if known.first else "Nothing new since the last update."
    dropped = len(lines) - _MOST_DONE
    return "\n".join(lines[-_MOST_DONE:] + ([f"and {dropped} more on the timeline"] if dropped > 0 else []))


def _in_short(text: str) -> str:
    """Return a step's outcome without its number and its details, anything else as it is."""
    outcome = _STEP_NUMBER.sub("", text)
    return outcome if outcome == text else _CLAUSE.split(outcome, maxsplit=1)[0]


def _next(known: Known) -> str:
    if known.incident.status is Status.RESOLVED:
        return "Post-mortem and follow-ups."
    if known.incident.status is Status.CANCELLED:
        return "Nothing."
    coming = [
        _lower(title)
        for name, title in known.titles.items()
        if known.states.get(name) not in (FINISHED | {StepState.FAILED, StepState.STOPPED})
    ]
    current = [_lower(title) for name, title in known.titles.items() if known.states.get(name) in _UNDER_WAY]
    following = current or coming[:1]
    later = [title for title in coming if title not in following][:1]
    if not following:
        return "Decide what is still to be done, then resolve."
    return _capital("; then ".join(_listed(each) for each in (following, later) if each)) + "."


def _needs(known: Known) -> str:
    if known.incident.status is not Status.OPEN:
        return "nothing"
    wanted = []
    if not known.commanders:
        wanted.append("somebody to take command")
    who = f" from {_both([f'<@{person}>' for person in known.commanders])}" if known.commanders else ""
    wanted += [f"{decisions.of(each.kind).asked}{who}" for each in known.pending]
    wanted += [f"somebody to retry or take over “{title}”" for title in _titles(known, StepState.FAILED)]
    return "; ".join(wanted) or "nothing"


def _titles(known: Known, state: StepState) -> list[str]:
    return [_lower(title) for name, title in known.titles.items() if known.states.get(name) is state]


def _both(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return " and ".join([", ".join(unique[:-1]), unique[-1]] if len(unique) > 1 else unique)


def _listed(titles: Sequence[str]) -> str:
    # Titles hold "and" themselves.
    return "; ".join(dict.fromkeys(titles))


def _lower(title: str) -> str:
    return " ".join(word if word.isupper() else word.lower() for word in title.split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _clip(text: str, limit: int) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= limit else f"{one_line[: limit - 1].rstrip()}…"
