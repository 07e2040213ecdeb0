"""What was recorded: the incidents with their events, and when Sitrep ran. Times are seconds on the test's clock."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LEASE_SECONDS = 32.0  # what a killed process had claimed is nobody's for so long
GRACE_SECONDS = 10.0  # a timer that was due for so long while Sitrep ran has fired, on a busy machine, too


@dataclass(frozen=True)
class Life:
    """One process's time in service."""

    up: float
    down: float


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
    runs: tuple[int, ...] = ()  #: numbers of its responses

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


def incidents(
    rows: Iterable[dict[str, Any]], events: Iterable[dict[str, Any]], steps: Iterable[dict[str, Any]] = ()
) -> list[Incident]:
    """Return the incidents from their rows, their events' rows and those of `town.Record.steps`, oldest first."""
    of: dict[int, list[Happened]] = {}
    for event in events:
        data = event["data"]
        said = json.loads(data) if isinstance(data, str) else data
        happened = Happened(event["id"], event["kind"], _seconds(event["at"]), said)
        of.setdefault(event["incident_id"], []).append(happened)
    runs: dict[int, set[int]] = {}
    for step in steps:
        runs.setdefault(step["incident_id"], set()).add(step["run_id"])
    return [
        Incident(
            row["id"],
            row["title"],
            row["severity"],
            row["status"],
            row["reporter"],
            of[row["id"]],
            tuple(sorted(runs.get(row["id"], ()))),
        )
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
