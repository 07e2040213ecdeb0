"""What the policies owe, computed from the timeline and the town's own tables, beside what arrived.

The outbox is not asked: a row that was lost there is a debt here. Times are seconds on the test's clock.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.workspace.contents.model import Channel, ChannelKind
from bot.workspace.core import Core
from tests.torture import town
from tests.torture.outside import Letter, Ring

LEASE_SECONDS = 32.0  # what a killed process had claimed is nobody's for so long
GRACE_SECONDS = 4.0  # a timer that was due for so long while Sitrep ran has fired, on a busy machine, too

#: Events that deserve a line of their own in the channel.
_LINES = ("severity_changed", "escalated", "update_missed")


@dataclass(frozen=True)
class Life:
    """One process's time in service."""

    up: float
    down: float


@dataclass(frozen=True)
class Debt:
    """One thing that somebody is to receive: `key` names it, `place` says where."""

    key: str
    place: str
    due: float
    is_certain: bool = True  #: False where it depends on what a process did first


@dataclass
class Happened:
    """One event of a timeline."""

    id: int
    kind: str
    at: float
    data: dict[str, Any]


@dataclass
class Incident:
    """One incident, as it is recorded."""

    number: int
    title: str
    severity: str
    status: str
    reporter: str
    events: list[Happened]

    @property
    def key(self) -> str:
        return f"inc-{self.number}"

    def first(self, kind: str, **data: Any) -> Happened | None:
        """Return the first event of `kind` that says `data`."""
        return next(
            (e for e in self.events if e.kind == kind and data.items() <= e.data.items()),
            None,
        )

    def all(self, *kinds: str) -> list[Happened]:
        return [event for event in self.events if event.kind in kinds]

    @property
    def declared(self) -> float:
        return self.events[0].at

    def end(self) -> float:
        """Return when it was resolved, or never."""
        resolved = self.first("resolved")
        return resolved.at if resolved else float("inf")

    def acknowledged(self) -> float:
        """Return when somebody had it, or never."""
        event = self.first("milestone", milestone="acknowledged")
        return min(self.end(), event.at if event else float("inf"))

    def severities(self) -> list[tuple[float, float, str]]:
        """Return (from, until, severity) while it was open."""
        changes = self.all("severity_changed")
        starts = [(self.declared, str(self.events[0].data["severity"]))]
        starts += [(change.at, str(change.data["after"])) for change in changes]
        ends = [start for start, _ in starts[1:]] + [self.end()]
        return [(start, end, severity) for (start, severity), end in zip(starts, ends, strict=True)]


@dataclass
class Received:
    """What arrived: (place, key) -> when, each time."""

    arrivals: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, place: str, key: str, at: float) -> None:
        self.arrivals.setdefault((place, key), []).append(at)

    def has(self, place: str, key: str) -> bool:
        return (place, key) in self.arrivals


@dataclass
class Verdict:
    """The comparison."""

    owed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unowed: list[str] = field(default_factory=list)
    repeated: int = 0  #: letters and calls that came again under the same id, which readers see once
    late: list[float] = field(default_factory=list)  #: seconds after due, or after the restart where that came later

    def late_at(self, share: float) -> float:
        """Return the lateness that `share` of everything stays below."""
        ordered = sorted(self.late)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def incidents(rows: Iterable[dict[str, Any]], events: Iterable[dict[str, Any]]) -> list[Incident]:
    """Return the incidents from their rows and their events' rows, oldest first."""
    of: dict[int, list[Happened]] = {}
    for event in events:
        data = event["data"]
        said = json.loads(data) if isinstance(data, str) else data
        happened = Happened(event["id"], event["kind"], _seconds(event["at"]), said)
        of.setdefault(event["incident_id"], []).append(happened)
    return [
        Incident(row["id"], row["title"], row["severity"], row["status"], row["reporter"], of[row["id"]])
        for row in rows
    ]


def _seconds(at: datetime | str) -> float:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def is_due(due: float, until: float, lives: list[Life], *, leased: bool = False) -> bool:
    """Whether something due at `due` was certainly done by `until`, given when Sitrep ran.

    With `leased`, what a process took up before it was killed is taken up again only when its lease has run out.
    """
    before = float("-inf")
    for life in lives:
        start = max(due, life.up)
        if leased and due < life.up:
            start = max(start, before + LEASE_SECONDS)
        if min(until, life.down) - start >= GRACE_SECONDS:
            return True
        before = life.down
    return False


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


def _people(audiences: Iterable[str]) -> Iterator[str]:
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
            for handle in _people(audiences):
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
            for handle in _people([audience]):
                key = f"{incident.key}:escalate:{name}:{person_id(handle)}"
                yield Debt(key, place_of(handle), due, is_certain=certain)


def lines(incident: Incident) -> Iterator[Debt]:
    """Yield what the channel is told of what happened."""
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


def furniture(incident: Incident) -> Iterator[Debt]:
    """Yield what every room has."""
    room = f"room:{incident.key}"
    for name in ("room", "card", "card:pin", "triage", "topic"):
        yield Debt(f"{incident.key}:{name}", room, incident.declared)
    for title in town.BOOKMARKS:
        yield Debt(f"{incident.key}:bookmark:{title}", room, incident.declared)
    severity = str(incident.events[0].data["severity"])
    for handle in {"dee", *_people(town.MATRIX.get(severity, {}).get("immediate", ()))}:
        yield Debt(f"{incident.key}:member:{town.PEOPLE[handle]}", room, incident.declared)


def updates(incident: Incident, received: Received) -> Iterator[Debt]:
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
    for event in incident.all("update_sent", "update_missed"):
        slot = event.data["slot"]
        is_last = event.at >= incident.end()
        if not is_last:
            yield Debt(f"{incident.key}:update:{slot}", f"room:{incident.key}", event.at)
        for handle, since in told.items():
            certain = since < event.at - GRACE_SECONDS - LEASE_SECONDS and (is_last or not town.PEOPLE[handle])
            person = person_id(handle)
            if town.PEOPLE[handle]:
                key = f"{incident.key}:update:{slot}:to:{person}"
                yield Debt(key, f"dm:{person}", event.at, is_certain=certain)
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


def gather(core: Core, letters: Iterable[Letter], rings: Iterable[Ring]) -> Received:
    """Return everything that the workspace, the mail server and the pager took, by place and key."""
    received = Received()
    for channel in core.team.channels.values():
        place = _place(channel)
        for message in channel.messages.values():
            key = ((message.metadata or {}).get("event_payload") or {}).get("key")
            if key:
                received.add(place, key, float(message.ts))
            for file in message.files:
                name = core.team.files[file].name
                received.add(place, f"{name.removesuffix('-post-mortem.md')}:postmortem:file", float(message.ts))
        if place.startswith("room:"):
            _furnished(core, received, place, channel)
    for letter in letters:
        received.add(f"mail:{letter.to.partition('@')[0]}", letter.message_id, letter.at)
    for ring in rings:
        received.add("pager", f"{ring.dedup_key}:{ring.action}", ring.at)
    return received


def _place(channel: Channel) -> str:
    if channel.kind is ChannelKind.IM:
        person = next((member for member in channel.members if member in town.PEOPLE.values()), "nobody")
        return f"dm:{person}"
    parts = channel.name.split("-")
    return f"room:{'-'.join(parts[:2])}" if parts[0] == "inc" else f"channel:{channel.name}"


def _furnished(core: Core, received: Received, place: str, channel: Channel) -> None:
    incident = place.removeprefix("room:")
    received.add(place, f"{incident}:room", channel.created)
    if channel.topic.value:
        received.add(place, f"{incident}:topic", channel.topic.last_set)
    for ts in channel.pins:
        metadata = channel.messages[ts].metadata or {}
        received.add(place, f"{metadata.get('event_payload', {}).get('key')}:pin", float(ts))
    for bookmark in channel.bookmarks.values():
        received.add(place, f"{incident}:bookmark:{bookmark['title']}", channel.created)
    for member in channel.members:
        received.add(place, f"{incident}:member:{member}", channel.created)
    if channel.canvas_id:
        canvases = [each for each in core.team.canvases.values() if each.channel_id == channel.id]
        for canvas in canvases:
            received.add(place, f"{incident}:postmortem:canvas", canvas.created)


#: Families of messages that only a policy may cause; one that no policy owes is a fault.
_PROMISED = (":matrix:", ":page:", ":escalate:", ":update:", ":pager:", ":line:")


def compare(found: list[Incident], lives: list[Life], received: Received) -> Verdict:
    """Return what is missing, doubled, or owed by nobody."""
    verdict = Verdict()
    debts: dict[tuple[str, str], Debt] = {}
    for incident in found:
        for debt in (
            *matrix(incident, lives),
            *paging(incident, lives),
            *escalations(incident, lives),
            *lines(incident),
            *furniture(incident),
            *updates(incident, _by_key(received, incident)),
        ):
            key = message_id(debt.key) if debt.place.startswith("mail:") else debt.key
            known = debts.get((debt.place, key))
            if known is None or not known.is_certain:
                debts[debt.place, key] = debt
        verdict.lost += [*levels_missed(incident, lives), *updates_missed(incident, lives)]
        verdict.lost += _left_ringing(incident, received)
    for (place, key), debt in debts.items():
        times = received.arrivals.get((place, key))
        verdict.owed += debt.is_certain
        if times:
            _note_lateness(verdict, debt, min(times), lives)
        elif debt.is_certain:
            verdict.lost.append(f"{debt.place} {debt.key}")
    _note_doubles(verdict, found, received, debts)
    return verdict


def _by_key(received: Received, incident: Incident) -> Received:
    """Return what was received, letters of the matrix named by their keys as well."""
    named = Received(dict(received.arrivals))
    for severity in town.MATRIX.values():
        for label, audiences in severity.items():
            for handle in _people(audiences):
                key = f"{incident.key}:matrix:{label}:{person_id(handle)}"
                times = received.arrivals.get((f"mail:{handle}", message_id(key)))
                if times:
                    named.arrivals[f"mail:{handle}", key] = times
    return named


def _left_ringing(incident: Incident, received: Received) -> Iterator[str]:
    """Yield the calls that woke somebody and were never ended, though the incident was."""
    if incident.end() == float("inf"):
        return
    for place, key in received.arrivals:
        rang = place == "pager" and key.startswith(f"{incident.key}:pager:") and key.endswith(":trigger")
        ended = key.removesuffix("trigger") + "resolve"
        if rang and not received.has("pager", ended):
            yield f"pager {ended}"


def _note_lateness(verdict: Verdict, debt: Debt, at: float, lives: list[Life]) -> None:
    if debt.place.startswith(("dm:", "mail:", "pager")):
        up = next((life.up for life in reversed(lives) if life.up <= at), debt.due)
        verdict.late.append(max(0.0, at - max(debt.due, up)))


def _note_doubles(
    verdict: Verdict, found: list[Incident], received: Received, debts: dict[tuple[str, str], Debt]
) -> None:
    for (place, key), times in received.arrivals.items():
        if len(times) > 1:
            if place.startswith(("mail:", "pager")):
                verdict.repeated += len(times) - 1
            else:
                verdict.doubled.append(f"{place} {key} x{len(times)}")
        if (place, key) not in debts and _is_promised(place, key):
            verdict.unowed.append(f"{place} {key}")
    titles = Counter(incident.title for incident in found)
    verdict.doubled += [f"incident {title!r} x{count}" for title, count in titles.items() if count > 1]
    known = {f"room:{incident.key}" for incident in found}
    verdict.unowed += [
        f"{place} {key}" for place, key in received.arrivals if key.endswith(":room") and place not in known
    ]


def _is_promised(place: str, key: str) -> bool:
    if place.startswith("mail:"):
        return True
    if ":due:" in key or key.endswith((":acknowledge", ":resolve")):
        return False
    return any(family in key for family in _PROMISED)
