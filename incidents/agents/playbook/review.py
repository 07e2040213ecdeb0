"""Step 4.2: how the response went, by its measures against their targets; of the process, never of a person."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents import durations
from incidents.agents.outputs import Claim, Output, ProcessOutput, Recommendation
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import moment

_LINE = re.compile(r"^(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (?P<text>.*)$")
_LATE = re.compile(r", (?P<late>\d[\d a-z]*) late\b")

#: A silence in the record longer than this is worth asking about; the seed wants an update every 30 minutes.
_SILENCE = timedelta(minutes=30)

#: Measure -> what to change when it missed its target.
_REMEDIES = {
    "initial_response": ("Page a second person sooner", "Nobody acknowledged within the target."),
    "triage_complete": ("Ask for the missing triage facts when declaring", "Triage took longer than its target."),
    "fix_deployed": (
        "Rehearse the way from cause to deploy in a drill",
        "The fix reached production after its target.",
    ),
    "mean_time_to_resolution": (
        "Prefer going back a release while the cause is looked for",
        "It lasted beyond its target.",
    ),
    "updates_on_time": ("Name a scribe who owns the status updates", "Status updates were missed."),
}


@dataclass(frozen=True)
class _Entry:
    at: datetime
    text: str


async def run(case: Case) -> tuple[Output, str]:
    """Review the process by measures, notices and the timeline."""
    entries = list(_entries(case.request.incident.timeline))
    lessons = [*_measures(case), *_timeline_lessons(case, entries)]
    team = [*_notices(case), *_waits(case, entries)]
    recommendations = _recommendations(case, entries)
    if not lessons:
        text = "The record holds no measure of this response; people must say what it taught."
        lessons = [case.claim(text, [case.reported()])]
    output = ProcessOutput(
        process_improvement_recommendations=recommendations,
        incident_response_lessons_learned=lessons,
        team_performance_assessment=team,
    )
    missed = sum("missed" in sentence for sentence in case.request.incident.measures.values())
    count = len(case.request.incident.measures)
    return output, f"{count - missed} of {count} measures within target, {len(recommendations)} recommendations"


def _entries(timeline: tuple[str, ...]) -> Iterator[_Entry]:
    for line in timeline:
        if found := _LINE.match(line):
            yield _Entry(datetime.fromisoformat(found["at"]), found["text"])


def _cited_measures(case: Case) -> str:
    return case.lines("measures", (f"{name}: {said}" for name, said in case.request.incident.measures.items()))


def _cited_timeline(case: Case) -> str:
    return case.lines("timeline", case.request.incident.timeline)


def _measures(case: Case) -> list[Claim]:
    return [
        case.claim(f"{name.replace('_', ' ').capitalize()}: {said}.", [_cited_measures(case)])
        for name, said in case.request.incident.measures.items()
    ]


def _timeline_lessons(case: Case, entries: list[_Entry]) -> list[Claim]:
    """Return what the record shows of steps that failed, were sent back, or were done by hand."""
    kinds = {
        " failed: ": "failed and had to be dealt with by people",
        "sent back": "was sent back by a person",
        "done by hand": "was done by hand",
        "reopened": "was reopened after it had been called resolved",
        "taken back": "was taken back",
    }
    claims = []
    for mark, meaning in kinds.items():
        found = [entry for entry in entries if mark in entry.text]
        if found:
            text = f"{len(found)} time{'s' if len(found) != 1 else ''} something {meaning}: {found[0].text[:200]}"
            claims.append(case.claim(text, [_cited_timeline(case)]))
    return claims


def _notices(case: Case) -> list[Claim]:
    told = case.request.incident.told
    if not told:
        return []
    late = [line for line in told if _LATE.search(line)]
    cited = case.lines("notices", told)
    text = f"{len(told) - len(late)} of {len(told)} notices left within a minute of their time."
    if late:
        text += f" Late: {late[0]}."
    return [case.claim(text, [cited])]


def _waits(case: Case, entries: list[_Entry]) -> list[Claim]:
    claims = []
    if quiet := _longest_silence(entries):
        before, after = quiet
        text = (
            f"The longest silence was {durations.spoken(after.at - before.at)}, from {moment(before.at)}"
            f" ({before.text[:100]}) to {moment(after.at)}."
        )
        claims.append(case.claim(text, [_cited_timeline(case)]))
    decided = sum("approved" in entry.text or "fix chosen" in entry.text for entry in entries)
    if decided:
        plural = "s were" if decided != 1 else " was"
        claims.append(case.claim(f"{decided} decision{plural} taken by a named person.", [_cited_timeline(case)]))
    return claims


def _longest_silence(entries: list[_Entry]) -> tuple[_Entry, _Entry] | None:
    return max(itertools.pairwise(entries), key=lambda pair: pair[1].at - pair[0].at, default=None)


def _recommendations(case: Case, entries: list[_Entry]) -> list[Recommendation]:
    found = []
    for name, said in case.request.incident.measures.items():
        if "missed" in said and name in _REMEDIES:
            title, why = _REMEDIES[name]
            found.append(_recommend(title, f"{why} Measured: {said}.", 14, _cited_measures(case)))
    if late := [line for line in case.request.incident.told if _LATE.search(line)]:
        why = f"{len(late)} of {len(case.request.incident.told)} notices left late, such as: {late[0]}."
        found.append(_recommend("Check the roads by which stakeholders are told", why, 14, case.lines("notices", late)))
    quiet = _longest_silence(entries)
    if quiet and quiet[1].at - quiet[0].at > _SILENCE:
        why = f"{durations.spoken(quiet[1].at - quiet[0].at)} without an entry after: {quiet[0].text[:150]}."
        found.append(_recommend("Agree on who moves an incident that stands still", why, 30, _cited_timeline(case)))
    if failed := [entry for entry in entries if " failed: " in entry.text]:
        why = f"{len(failed)} steps failed, the first: {failed[0].text[:200]}."
        found.append(_recommend("Remove what made steps of the response fail", why, 14, _cited_timeline(case)))
    return found


def _recommend(title: str, why: str, due_in_days: int, cited: str) -> Recommendation:
    return Recommendation(title=title[:150], why=why[:400], due_in_days=due_in_days, evidence=[cited])
