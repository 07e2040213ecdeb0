"""What is owed beside what arrived: lost, doubled, or owed by nobody, and how late."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.workspace.core import Core
from incidents.response import plan
from incidents.response.plan import StepState
from tests.torture import arrivals, causes, debts, fence, town
from tests.torture.arrivals import Received
from tests.torture.debts import Debt
from tests.torture.timeline import Incident, Life


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


#: Where people read; whatever is told there a policy owes, or an event caused.
_READ = ("mail:", "webhook:", "pager", "room:", "dm:")

_MOVES_ON = frozenset({StepState.QUEUED.value, *(state.value for state in plan.FINISHED)})


def compare(found: list[Incident], lives: list[Life], received: Received) -> Verdict:
    """Return what is missing, doubled, or owed by nobody."""
    verdict = Verdict()
    owed: dict[tuple[str, str], Debt] = {}
    for incident in found:
        for debt in (
            *debts.matrix(incident, lives),
            *debts.paging(incident, lives),
            *debts.escalations(incident, lives),
            *debts.held_up(incident, lives),
            *debts.lines(incident),
            *debts.furniture(incident),
            *debts.updates(incident, lives, _by_key(received, incident)),
            *causes.messages(incident),
        ):
            key = debts.message_id(debt.key) if debt.place.startswith("mail:") else debt.key
            known = owed.get((debt.place, key))
            if known is None or not known.is_certain:
                owed[debt.place, key] = debt
        for missed in (debts.levels_missed, debts.updates_missed, debts.holdups_missed):
            verdict.lost += missed(incident, lives)
        verdict.lost += _left_ringing(incident, received)
        verdict.lost += _unwritten(incident, received)
    stand_ins: set[tuple[str, str]] = set()
    for (place, key), debt in owed.items():
        times = received.arrivals.get((place, key))
        beside = (*debts.elsewhere(debt), *debts.first_page(debt, received))
        others = [each for each in beside if each in received.arrivals]
        stand_ins.update(others)
        verdict.doubled += _told_again(debt, received)
        verdict.owed += debt.is_certain
        if times or others:
            _note_lateness(verdict, debt, min(times or received.arrivals[others[0]]), lives)
        elif debt.is_certain:
            verdict.lost.append(f"{debt.place} {debt.key}")
    _note_doubles(verdict, found, received, stand_ins | owed.keys())
    return verdict


def _by_key(received: Received, incident: Incident) -> Received:
    """Return what was received, letters of the matrix named by their keys as well."""
    named = Received(dict(received.arrivals))
    for severity in town.MATRIX.values():
        for label, audiences in severity.items():
            for handle in debts.people(audiences):
                key = f"{incident.key}:matrix:{label}:{debts.person_id(handle)}"
                times = received.arrivals.get((f"mail:{handle}", debts.message_id(key)))
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


def _unwritten(incident: Incident, received: Received) -> Iterator[str]:
    """Yield the follow-ups of people that the post-mortem's canvas does not name."""
    if incident.end() == float("inf"):
        return
    for event in incident.all("followup_added"):
        title = str(event.data["title"])
        if title.startswith(town.FOLLOWUP) and title not in received.canvases.get(incident.key, ""):
            yield f"room:{incident.key} canvas: {title}"


def astray(core: Core, renamed: Mapping[str, str]) -> list[str]:
    """Return the rooms that are not in the archive though their incidents ended long ago, or bear another name."""
    found = arrivals.rooms(core)
    left = [f"{key} archived" for key, room in found.items() if not room.is_archived]
    return left + [f"{key} renamed {name}" for key, name in renamed.items() if found[key].name != name]


def unended(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what no process takes up any more, from the rows of `town.Record.steps` once every incident is resolved.

    A plan that takes another's place keeps steps that are under way, also under other names; the timeline does not say.
    """
    runs: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for step in steps:
        runs.setdefault((step["incident_id"], step["run_id"]), []).append(step)
    left = []
    for (incident, _), rows in runs.items():
        begun = [row for row in rows if row["state"] in ("ready", "running")]
        left += [f"inc-{incident} {row['name']}, attempt {row['attempt']}: still {row['state']}" for row in begun]
        # What failed, was stopped or waits for a decision holds a run up until people act; what is queued does not.
        if not begun and rows[0]["run"] == "running" and {row["state"] for row in rows} <= _MOVES_ON:
            left.append(f"inc-{incident}: nothing holds its response up, and it goes no further")
    return left


def outdated(core: Core, found: Iterable[Incident]) -> list[str]:
    """Return the rooms whose card or topic says something else than how their incident stands."""
    stale = []
    for key, room in arrivals.rooms(core).items():
        incident = next((each for each in found if each.key == key), None)
        if incident is None:  # a room that nobody owes; it is told as such
            continue
        severity, status = incident.severity, incident.status
        owed = {
            "card": f"{key} {incident.title}: {severity}, {status}",
            "topic": f"{severity.capitalize()}{'' if status == 'open' else f' {status}'}: {incident.title}",
        }
        said = {"card": arrivals.card(room, key), "topic": room.topic.value}
        stale += [f"{key} {name}: {said[name]!r}, not {owed[name]!r}" for name in owed if said[name] != owed[name]]
    return stale


def home_missing(core: Core, person: str) -> list[str]:
    """Return that `person`, who has opened their home, does not read there that nothing is open; or nothing."""
    shown = [row for (_, whose), row in core.team.homes.items() if whose == person]
    return [] if any("Open now: 0" in str(row) for row in shown) else [f"home of {person}: {shown}"]


def _note_lateness(verdict: Verdict, debt: Debt, at: float, lives: list[Life]) -> None:
    if debt.place.startswith(("dm:", "mail:", "pager")):
        up = next((life.up for life in reversed(lives) if life.up <= at), debt.due)
        verdict.late.append(max(0.0, at - max(debt.due, up)))


def _told_again(debt: Debt, received: Received) -> Iterator[str]:
    """Yield what Slack told somebody who had read it by another road already."""
    heard = received.arrivals.get((debt.place, debt.key))
    for road, key in debts.instead(debt):
        before = received.arrivals.get((road, key))
        if heard and before and min(before) < min(heard):
            yield f"{debt.place} {debt.key}, which {road} had told"


def _note_doubles(verdict: Verdict, found: list[Incident], received: Received, owed: set[tuple[str, str]]) -> None:
    for (place, key), times in received.arrivals.items():
        if len(times) > 1:
            if place.startswith(("mail:", "pager", "webhook:")):
                verdict.repeated += len(times) - 1
            else:
                verdict.doubled.append(f"{place} {key} x{len(times)}")
        if (place, key) not in owed and is_told(place, key) and not causes.is_named_elsewhere(found, key):
            verdict.unowed.append(f"{place} {key}")
    verdict.doubled += [each for incident in found for each in fence.done_twice(incident)]
    titles = Counter(incident.title for incident in found)
    verdict.doubled += [f"incident {title!r} x{count}" for title, count in titles.items() if count > 1]
    for incident in found:
        said = Counter(
            str(event.data.get("text") or event.data.get("title"))
            for event in incident.all("note", "followup_added")
            if event not in debts.nobody_left(incident)  # a change of severity lets everybody be asked anew
        )
        verdict.doubled += [f"{incident.key} {words!r} x{count}" for words, count in said.items() if count > 1]


def is_told(place: str, key: str) -> bool:
    """Whether it is told to people: not who is in a room, nor the end of a call, which its call is reckoned by."""
    is_end = place == "pager" and key.endswith((":acknowledge", ":resolve"))
    return place.startswith(_READ) and not is_end and ":member:" not in key
