"""What the policies owe, computed from the timeline and the town's own tables; the outbox is not asked."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.torture import town
from tests.torture.arrivals import Received
from tests.torture.timeline import GRACE_SECONDS, LEASE_SECONDS, Happened, Incident, Life, is_due

#: Events that deserve a line of their own in the channel.
_LINES = (
    "severity_changed",
    "escalated",
    "update_missed",
    "replanned",
    "run_scheduled",
    "postmortem_scheduled",
    "mitigation_chosen",
)
_STEP_ENDS = ("step_done", "step_failed", "step_stopped", "step_skipped", "step_taken_over")
_RUN_ENDS = ("replanned", "run_stopped", "run_restarted")


@dataclass(frozen=True)
class Debt:
    """One thing that somebody is to receive: `key` names it, `place` says where."""

    key: str
    place: str
    due: float
    is_certain: bool = True  #: False where it depends on what a process did first


def person_id(handle: str) -> str:
    """Return how Sitrep calls a person: the Slack id, or the handle of somebody without one."""
    return town.PEOPLE[handle] or handle


def place_of(handle: str) -> str:
    """Return where a person reads."""
    return f"dm:{town.PEOPLE[handle]}" if town.PEOPLE[handle] else f"mail:{handle}"


def message_id(key: str) -> str:
    """Return the Message-ID of the letter `key`."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@example.com>"


def _seconds_of(label: str) -> float:
    return 0.0 if label == "immediate" else float(label.removeprefix("within_").removesuffix("s"))


def people(audiences: Iterable[str]) -> Iterator[str]:
    for audience in audiences:
        yield from town.AUDIENCES[audience]


def matrix(incident: Incident, lives: list[Life]) -> Iterator[Debt]:
    """Yield what the communication matrix owes: everybody once, by the earliest row that names them."""
    heard: set[str] = set()
    doubtful: set[str] = set()
    for start, end, severity in incident.severities():
        promised: set[str] = set()
        for label, audiences in town.MATRIX.get(severity, {}).items():
            due = max(incident.declared + _seconds_of(label), start)
            for handle in people(audiences):
                if handle in heard or handle in promised:
                    continue
                promised.add(handle)
                at_once = due <= start
                if due > end and not at_once:
                    continue
                certain = at_once or is_due(due, end, lives)
                debt = Debt(f"{incident.key}:matrix:{label}:{person_id(handle)}", place_of(handle), due)
                if certain and handle not in doubtful:
                    heard.add(handle)
                    yield debt
                else:
                    doubtful.add(handle)
                    yield Debt(debt.key, debt.place, due, is_certain=False)


def paging(incident: Incident, lives: list[Life]) -> Iterator[Debt]:
    """Yield who is woken, level by level, until somebody acknowledges; the levels are those of the timeline."""
    until = incident.acknowledged()
    for event in incident.all("paged"):
        level, certain = event.data["level"], is_due(event.at, until, lives, leased=True)
        for person in event.data["people"]:
            handle = next(name for name in town.PEOPLE if person_id(name) == person)
            for key, place in (
                (f"{incident.key}:page:{level}:{person}", f"dm:{person}"),
                (f"{incident.key}:mail:page:{level}:{person}", f"mail:{handle}"),
                (f"{incident.key}:pager:{level}:{person}:trigger", "pager"),
            ):
                # The first level's page in Slack is the matrix's message; which of both it is, the matrix owes.
                optional = level == 1 and place.startswith("dm:")
                yield Debt(key, place, event.at, is_certain=certain and not optional)


def levels_missed(incident: Incident, lives: list[Life]) -> Iterator[str]:
    """Yield the levels of paging that were due and never began."""
    until = incident.acknowledged()
    begun = {event.data["level"]: event.at for event in incident.all("paged")}
    for start, end, severity in incident.severities():
        every = town.PAGING_SECONDS.get(severity)
        if every is None:
            continue
        if not begun and is_due(start, min(until, end), lives):
            yield f"{incident.key}:page:1"
        for level, at in begun.items():
            due = at + max(town.PAGING_SECONDS.values())  # it was armed by the severity of that moment
            last = len(town.PAGING_LEVELS) + 3
            if level < last and level + 1 not in begun and is_due(due, min(until, end), lives):
                yield f"{incident.key}:page:{level + 1}"


def escalations(incident: Incident, lives: list[Life]) -> Iterator[Debt]:
    """Yield who hears by time because nobody moved."""
    for name, (severity, milestone, after, audience) in town.ESCALATIONS.items():
        reached = incident.first("milestone", milestone=milestone)
        for start, end, current in incident.severities():
            due = max(incident.declared + after, start)
            until = min(end, reached.at if reached else float("inf"))
            if current != severity or due > until:
                continue
            fired = incident.first("escalated", trigger=name)
            until_sent = incident.end()
            certain = is_due(due, until, lives) and is_due(fired.at if fired else due, until_sent, lives, leased=True)
            for handle in people([audience]):
                key = f"{incident.key}:escalate:{name}:{person_id(handle)}"
                yield Debt(key, place_of(handle), due, is_certain=certain)


def held_up(incident: Incident, lives: list[Life]) -> Iterator[Debt]:
    """Yield who hears because nobody decides: whom the timeline names, no sooner than the policy says."""
    for asked in incident.all("approval_asked"):
        trigger = f"approval_{asked.data['approval']}"
        for event in incident.all("escalated"):
            if event.data["trigger"] != trigger or event.at < asked.at + min(town.HELD_UP_SECONDS.values()):
                continue
            certain = is_due(event.at, incident.end(), lives, leased=True)
            for person in event.data["people"]:
                handle = next(name for name in town.PEOPLE if person_id(name) == person)
                yield Debt(f"{incident.key}:escalate:{trigger}:{person}", place_of(handle), event.at, certain)
        soonest = asked.at + min(town.HELD_UP_SECONDS.values())
        for event in nobody_left(incident):
            if event.data["approval"] != asked.data["approval"] or event.at < soonest:
                continue
            yield Debt(f"{incident.key}:line:{event.id}", f"room:{incident.key}", event.at)
            certain = is_due(event.at, incident.end(), lives, leased=True)
            for person in event.data["people"]:
                handle = next(name for name in town.PEOPLE if person_id(name) == person)
                key = f"{incident.key}:escalate:{trigger}:all-hands:{person}"
                yield Debt(key, place_of(handle), event.at, certain)


def nobody_left(incident: Incident) -> list[Happened]:
    """Return the notes which say that everybody was asked about a decision; they are Sitrep's own."""
    return [event for event in incident.all("note") if "approval" in event.data]


def holdups_missed(incident: Incident, lives: list[Life]) -> Iterator[str]:
    """Yield the decisions that held an incident up and of which nobody else heard."""
    for asked in incident.all("approval_asked"):
        trigger = f"approval_{asked.data['approval']}"
        # A change of severity counts anew, and may withdraw what was asked; so may asking again.
        over = incident.all("approval_asked", "approval_decided", "severity_changed", "resolved")
        until = min((event.at for event in over if event.id > asked.id), default=float("inf"))
        due = asked.at + max(town.HELD_UP_SECONDS.values())
        if not incident.first("escalated", trigger=trigger) and is_due(due, until, lives):
            yield f"{incident.key}:escalate:{trigger}"


def lines(incident: Incident) -> Iterator[Debt]:
    """Yield what the channel is told of what happened, and asked."""
    room = f"room:{incident.key}"
    for event in incident.all(*_LINES):
        yield Debt(f"{incident.key}:line:{event.id}", room, event.at)
    for event in incident.all("step_done"):
        yield Debt(f"{incident.key}:step:{event.data['step_id']}:{event.data['version']}", room, event.at)
    for event in incident.all("step_failed"):
        yield Debt(f"{incident.key}:step:{event.data['step_id']}:failed:{event.data['attempt']}", room, event.at)
    for event in incident.all("resolved"):
        yield Debt(f"{incident.key}:resolved:{event.id}", room, event.at)
        yield Debt(f"{incident.key}:postmortem", room, event.at)
        yield Debt(f"{incident.key}:postmortem:file", room, event.at)
        yield Debt(f"{incident.key}:postmortem:canvas", room, event.at)
    # A card goes even if its question was withdrawn meanwhile: nothing takes its place, and it is drawn as it stands.
    for event in incident.all("approval_asked"):
        yield Debt(f"{incident.key}:approval:{event.data['approval']}", room, event.at)
    for event in incident.all("question_asked"):
        yield Debt(f"{incident.key}:question:{event.data['question']}", room, event.at)


def bare_room(incident: Incident) -> Iterator[Debt]:
    """Yield what every room has, of whatever company."""
    for name in ("room", "card", "card:pin", "triage", "topic"):
        yield Debt(f"{incident.key}:{name}", f"room:{incident.key}", incident.declared)


def furniture(incident: Incident) -> Iterator[Debt]:
    """Yield what every room of the town has."""
    yield from bare_room(incident)
    room = f"room:{incident.key}"
    for title in town.BOOKMARKS:
        yield Debt(f"{incident.key}:bookmark:{title}", room, incident.declared)
    severity = str(incident.events[0].data["severity"])
    for handle in {"dee", *people(town.MATRIX.get(severity, {}).get("immediate", ()))}:
        yield Debt(f"{incident.key}:member:{town.PEOPLE[handle]}", room, incident.declared)


def updates(incident: Incident, lives: list[Life], received: Received) -> Iterator[Debt]:
    """Yield the status updates that were sent, by whatever hand, to whom they were promised."""
    told = {
        handle: min(
            (
                min(times)
                for (place, key), times in received.arrivals.items()
                if place in (place_of(handle), f"mail:{handle}")
                and key.startswith((f"{incident.key}:matrix:", f"{incident.key}:escalate:"))
            ),
            default=float("inf"),
        )
        for handle in town.PEOPLE
    }
    sent, resolved = incident.all("update_sent", "update_missed"), incident.first("resolved")
    for event, following in zip(sent, [*sent[1:], None][: len(sent)], strict=True):
        slot = event.data["slot"]
        # By their order, not their times: on PostgreSQL a decision that began first may be stored second.
        is_last = resolved is not None and event.id > resolved.id
        if not is_last:
            # One that waited until the next was ready gives way to it.
            stands = following is None or is_due(event.at, following.at, lives, leased=True)
            yield Debt(f"{incident.key}:update:{slot}", f"room:{incident.key}", event.at, is_certain=stands)
        for handle, since in told.items():
            certain = since < event.at - GRACE_SECONDS - LEASE_SECONDS and (is_last or not town.PEOPLE[handle])
            person = person_id(handle)
            if town.PEOPLE[handle]:
                key = f"{incident.key}:update:{slot}:to:{person}"
                yield Debt(key, f"dm:{person}", event.at, is_certain=certain)
            if handle not in town.NO_MAILBOX:
                key = f"{incident.key}:mail:update:{slot}:{person}"
                yield Debt(key, f"mail:{handle}", event.at, is_certain=certain)
    for event in incident.all("update_drafted"):
        slot = event.data["slot"]
        yield Debt(f"{incident.key}:update:{slot}:draft", f"room:{incident.key}", event.at, is_certain=False)
    for event in incident.all("update_missed"):
        for person in event.data["people"]:
            key = f"{incident.key}:update:{event.data['slot']}:missed:{person}"
            yield Debt(key, f"dm:{person}", event.at, is_certain=False)


def updates_missed(incident: Incident, lives: list[Life]) -> Iterator[str]:
    """Yield the times at which an update was owed and none was sent, nor its absence noted."""
    longest = max(town.UPDATES_SECONDS.values()) + town.OVERDUE_SECONDS
    marks = [
        incident.declared,
        *(event.at for event in incident.all("update_sent", "update_missed", "severity_changed")),
    ]
    for last, following in zip(sorted(marks), [*sorted(marks)[1:], incident.end()], strict=True):
        if is_due(last + longest, following, lives):
            yield f"{incident.key}:update after {last - incident.declared:.0f} s"


def steps_missed(incident: Incident, lives: list[Life]) -> Iterator[str]:
    """Yield what agents began and never ended, and the response of which nothing ever began; asked at the very end.

    What was under way when the plan changed may have gone on under another name, or been let go; `reckoning.unended`
    asks the rows.
    """
    left: dict[str, str] = {}
    for event in incident.events:
        if event.kind == "step_started":
            left[event.data["step"]] = f"{incident.key} {event.data['step']}, attempt {event.data['attempt']}: no end"
        elif event.kind in _STEP_ENDS:
            left.pop(event.data["step"], None)
        elif event.kind in _RUN_ENDS:
            left.clear()
    yield from left.values()
    # A response that has no analysis is over where somebody resolves before its first step could begin.
    began = incident.first("step_started") or (
        incident.first("run_done") and not is_due(incident.declared, incident.end(), lives)
    )
    if not began:
        yield f"{incident.key}: no step began"


def instead(debt: Debt) -> Iterator[tuple[str, str]]:
    """Yield (place, key) of what goes to somebody for no other reason than that Slack did not take `debt` in time."""
    handle = next((name for name, slack in town.PEOPLE.items() if debt.place == f"dm:{slack}"), None)
    if handle is None:
        return
    incident, _, rest = debt.key.partition(":")
    yield f"mail:{handle}", message_id(f"{incident}:instead:email:{rest}")
    yield f"webhook:{handle}", f"{incident}:instead:webhook:{rest}"


def elsewhere(debt: Debt) -> Iterator[tuple[str, str]]:
    """Yield (place, key) of what may stand in for a direct message that Slack did not take in time."""
    yield from instead(debt)
    handle = next((name for name, slack in town.PEOPLE.items() if debt.place == f"dm:{slack}"), None)
    incident, _, rest = debt.key.partition(":")
    if handle is not None and rest.startswith("page:"):
        yield f"mail:{handle}", message_id(f"{incident}:mail:{rest}")
    if handle is not None and rest.startswith("update:"):
        yield f"mail:{handle}", message_id(f"{incident}:mail:{rest.replace(':to:', ':')}")


def first_page(debt: Debt, received: Received) -> Iterator[tuple[str, str]]:
    """Yield (place, key) of the first page's letter where it stood in for what the matrix owes at once.

    To who is on call that is one message in Slack. The letter goes anyway: it counts where the channel reads that
    somebody was told by another road.
    """
    incident, _, rest = debt.key.partition(":")
    handle = next((name for name, slack in town.PEOPLE.items() if debt.place == f"dm:{slack}"), None)
    said = [key for place, key in received.arrivals if place == f"room:{incident}" and ":told_elsewhere:" in key]
    if said and rest.startswith("matrix:immediate:"):
        yield f"mail:{handle}", message_id(f"{incident}:mail:page:1:{debt.place.removeprefix('dm:')}")
