"""KPIs of one incident against their targets. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents import durations, records
from incidents.definitions import Kpi
from incidents.events import EventKind
from incidents.lifecycle import UNDONE, Milestone, Status

#: KPI of the seed -> the milestone that ends the time it measures, from declaring.
_MILESTONES = {
    "initial_response": Milestone.ACKNOWLEDGED,
    "triage_complete": Milestone.TRIAGED,
    "fix_deployed": Milestone.DEPLOYED,
    "mean_time_to_resolution": Milestone.RESOLVED,
}

_TITLES = {
    "initial_response": "Acknowledged",
    "triage_complete": "Triaged",
    "fix_deployed": "Fix deployed",
    "mean_time_to_resolution": "Resolved",
    "updates_on_time": "Updates on time",
}


@dataclass(frozen=True)
class Measure:
    """One figure beside its target."""

    name: str
    title: str
    value: str  #: `2 min`, `5 of 5`, or empty where the incident ended without it
    target: str  #: `15 min`, or empty
    met: bool | None  #: None while open and still within the target
    running: bool = False  #: not reached yet; `value` is the time so far
    due: datetime | None = None  #: UTC; when the target is over

    @property
    def reached(self) -> bool:
        """Return whether `value` is final: what it measures came about."""
        return bool(self.value) and not self.running

    @property
    def sentence(self) -> str:
        """Return the figure in words: `2 min, target 15 min, met`."""
        state = {True: ", met", False: ", missed", None: ""}[self.met]
        target = f", target {self.target}" if self.target else ""
        return f"{self.value or 'not reached'}{' so far' if self.running else ''}{target}{state}"


def served(events: Iterable[records.Event]) -> timedelta:
    """Return how long users were served before the incident was opened again: from each resolving to its reopening.

    `events` are the incident's, oldest first; those of other kinds than resolved and reopened may be missing.
    """
    total, since = timedelta(0), None
    for event in events:
        if event.kind is EventKind.RESOLVED:
            since = event.at
        elif event.kind is EventKind.REOPENED and since is not None:
            total, since = total + (event.at - since), None
    return total


def measure(
    incident: records.Incident,
    updates: Iterable[records.StatusUpdate],
    kpis: Sequence[Kpi],
    now: datetime,
    *,
    served: timedelta,
) -> list[Measure]:
    """Return the incident's measures, in the order of a response; `now` is UTC.

    `served` is the time in between in which it was resolved: what a fix that did not hold left undone is measured by
    the time during which the incident was open.
    """
    limits = {kpi.name: timedelta(seconds=kpi.limit) for kpi in kpis if kpi.unit == "seconds"}
    found = []
    for name, milestone in _MILESTONES.items():
        between = served if milestone in UNDONE else timedelta(0)
        found.append(_elapsed(incident, name, milestone, limits.get(name), now, served=between))
    owed = [each for each in updates if each.state in ("sent", "no_change", "missed") and "extra" not in each.slot]
    if owed:
        kept = sum(each.state != "missed" for each in owed)
        found.append(
            Measure("updates_on_time", _TITLES["updates_on_time"], f"{kept} of {len(owed)}", "", kept == len(owed))
        )
    return found


def _elapsed(
    incident: records.Incident,
    name: str,
    milestone: Milestone,
    limit: timedelta | None,
    now: datetime,
    *,
    served: timedelta,
) -> Measure:
    title, target = _TITLES[name], durations.spoken(limit) if limit else ""
    end = incident.reached(milestone)
    if end is None and incident.status is not Status.OPEN:
        return Measure(name, title, "", target, None)  # nobody waits for it any more: it is neither met nor missed
    spent = (end or now) - incident.declared_at - served
    over = limit is not None and spent >= limit
    met = None if limit is None or (end is None and not over) else not over
    due = incident.declared_at + served + limit if limit else None
    return Measure(name, title, durations.spoken(spent), target, met, running=end is None, due=due)
