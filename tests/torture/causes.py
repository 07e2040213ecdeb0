"""What may be said because of something that happened: messages that no deadline promises, each with its cause.

A message is owed by a policy (`tests.torture.debts`), or it has a cause here, or nobody owes it. Whether one with a
cause arrives depends on who holds a role and on what was withdrawn before it left: so none of these is certain.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache

from incidents.room import LINE_EVENTS
from tests import installation
from tests.torture import debts, town
from tests.torture.debts import Debt
from tests.torture.timeline import GRACE_SECONDS, Happened, Incident

_REMIND_SECONDS = timedelta(hours=1).total_seconds()  # of the town's approvals
_GRAVE = ("critical", "high")  # how users are relieved is asked at once
_STAGES = range(10)

#: Events of which the room reads a line: the room's own, what is told of the post-mortem, and of who overrode what.
_LINES = (*(kind.value for kind in LINE_EVENTS), "four_eyes_overridden", "run_done")

#: Families whose keys name rows or times that the timeline does not: which event has to be there.
_NAMED_ELSEWHERE = {
    "told_elsewhere": ("told", "paged"),
    "postmortem-due": ("postmortem_scheduled",),
    "lost_room": ("delivery_failed",),
}


def messages(incident: Incident) -> Iterator[Debt]:
    """Yield what may be said in the room of `incident`, and to people, because of what its timeline tells."""
    for family in (_questions_at_once, _lines, _of_steps, _gates, _decisions, _updates, _offers):
        yield from family(incident)


def is_named_elsewhere(found: Iterable[Incident], key: str) -> bool:
    """Whether `key` is of a family that events cause without naming it, and one of these events is there."""
    of, _, rest = key.partition(":")
    wanted = _NAMED_ELSEWHERE.get(rest.partition(":")[0], ())
    return any(incident.key == of and incident.all(*wanted) for incident in found)


def _in_room(incident: Incident, rest: str, at: float) -> Debt:
    return Debt(f"{incident.key}:{rest}", f"room:{incident.key}", at, is_certain=False)


def _to_people(incident: Incident, rest: str, at: float) -> Iterator[Debt]:
    for handle, slack in town.PEOPLE.items():
        if slack:
            yield Debt(f"{incident.key}:{rest}:{slack}", debts.place_of(handle), at, is_certain=False)


def _questions_at_once(incident: Incident) -> Iterator[Debt]:
    yield _in_room(incident, "reported", incident.declared)
    if any(severity in _GRAVE for _, _, severity in incident.severities()):
        yield _in_room(incident, "mitigation", incident.declared)


def _lines(incident: Incident) -> Iterator[Debt]:
    for event in incident.all(*_LINES):
        yield _in_room(incident, f"line:{event.id}", event.at)
    for event in incident.all("note"):
        if not event.data.get("link") and "approval" not in event.data:  # Sitrep's own, but what `debts` reckons
            yield _in_room(incident, f"line:{event.id}", event.at)


def _of_steps(incident: Incident) -> Iterator[Debt]:
    for event in incident.events:
        if not event.kind.startswith("step_"):
            continue
        if "phase" in event.data:
            yield _in_room(incident, f"phase:{event.data['phase']}", event.at)
        if event.kind == "step_started":
            yield _in_room(incident, "plan", event.at)
        if event.kind == "step_taken_over" and event.data.get("version"):
            yield _in_room(incident, f"step:{event.data['step_id']}:{event.data['version']}", event.at)


def _gates(incident: Incident) -> Iterator[Debt]:
    for run in incident.runs:
        for stage in _STAGES:
            for gate in _gate_names():
                yield _in_room(incident, f"gate:{run}:{stage}:{gate}", incident.declared)


@cache
def _gate_names() -> tuple[str, ...]:
    policies = installation.library().policies
    return tuple({*policies.gates, *(name for phases in policies.quality_gates.values() for each in phases.values()
                                     for name in each)})  # fmt: skip


def _decisions(incident: Incident) -> Iterator[Debt]:
    for event in incident.all("approval_asked"):
        yield from _reminders(incident, event, f"approval:{event.data['approval']}")
    for event in incident.all("question_asked"):
        yield from _to_people(incident, f"question:{event.data['question']}:remind", event.at)


def _reminders(incident: Incident, asked: Happened, card: str) -> Iterator[Debt]:
    """Yield the reminders of a decision that nobody took in the time after which people are reminded."""
    decided = incident.first("approval_decided", approval=asked.data["approval"])
    until = min(incident.end(), decided.at if decided else float("inf"))
    if until >= asked.at + _REMIND_SECONDS - GRACE_SECONDS:
        for word in ("remind", "expiring"):
            yield from _to_people(incident, f"{card}:{word}", asked.at + _REMIND_SECONDS)


def _updates(incident: Incident) -> Iterator[Debt]:
    for event in incident.all("update_drafted"):
        yield from _to_people(incident, f"update:{event.data['slot']}:due", event.at)


def _offers(incident: Incident) -> Iterator[Debt]:
    """Yield who may be offered the command that somebody gave back, or left."""
    for kind, trigger in (("role_released", "nobody_commands"), ("person_left", "commander_left")):
        for event in incident.all(kind):
            yield from _to_people(incident, f"{trigger}:{event.id}", event.at)
