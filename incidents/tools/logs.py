"""Reads a service's logs: which failures there are, how many, since when, and what is new since the deploy."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from incidents.clock import Clock
from incidents.errors import ToolFailed
from incidents.tools import evidence, logrecords, logtemplates, tracebacks
from incidents.tools.evidence import Evidence, EvidenceKind
from incidents.tools.logrecords import Record
from incidents.tools.logtemplates import TemplateChange
from incidents.tools.tracebacks import Raised, Traceback

MAX_BYTES = 8_000_000  # read from the end of each file; some 60,000 lines, parsed in about a second
MAX_FAILURES = 20  # kinds of failures reported, most frequent first


@dataclass(frozen=True)
class Failure:
    """Exceptions of one kind: same type, same message but for numbers, raised in the same function."""

    traceback: Traceback  #: the newest
    before: int  #: how often before the moment asked about; 0 where none was given
    after: int
    first_at: datetime | None  #: UTC
    last_at: datetime | None
    evidence: Evidence

    @property
    def raised(self) -> Raised:
        """Return the exception that got out."""
        return self.traceback.last

    @property
    def count(self) -> int:
        """Return how often it came in all."""
        return self.before + self.after


@dataclass(frozen=True)
class Findings:
    """What the logs say."""

    records: int
    errors_before: int  #: records of level error or worse before the moment asked about
    errors_after: int
    first_at: datetime | None  #: UTC; the oldest record that was read
    last_at: datetime | None
    failures: tuple[Failure, ...]  #: new ones first, each lot most frequent first
    templates: tuple[TemplateChange, ...]  #: new ones first
    onset: datetime | None  #: when the foremost failure, else the first new error, was first seen
    complete: bool  #: the files were read from their beginning
    evidence: Evidence  #: counts and templates

    def all_evidence(self) -> tuple[Evidence, ...]:
        """Return the evidence of all that was found."""
        return (self.evidence, *(failure.evidence for failure in self.failures))


async def investigate(
    paths: Sequence[Path], *, clock: Clock, split: datetime | None = None, max_bytes: int = MAX_BYTES
) -> Findings:
    """Read the end of the log files at `paths`, and tell what is in them before and after `split` (a deploy's time).

    Raises:
        ToolFailed: when no path is given or one cannot be read.
    """
    if not paths:
        raise ToolFailed("No log files are known for this service.", remedy="Add `logs` to it in sitrep.yml.")
    records, complete = await asyncio.to_thread(_read_all, paths, max_bytes)
    before = [record for record in records if split is not None and record.at is not None and record.at < split]
    after = [record for record in records if split is None or (record.at is not None and record.at >= split)]
    templates = await logtemplates.compare([r.message for r in before], [r.message for r in after])
    failures = await asyncio.to_thread(_failures, before, after, clock.now())
    times = [record.at for record in records if record.at is not None]
    errors = sum(r.failed for r in before), sum(r.failed for r in after)
    onset = failures[0].first_at if failures else _first_error(after if split else records)
    return Findings(
        records=len(records),
        errors_before=errors[0],
        errors_after=errors[1],
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        failures=failures,
        templates=templates,
        onset=onset,
        complete=complete,
        evidence=_overview(paths, failures, templates, errors, clock.now()),
    )


def _read_all(paths: Sequence[Path], max_bytes: int) -> tuple[list[Record], bool]:
    records: list[Record] = []
    complete = True
    for path in paths:
        try:
            text, whole = _tail(path, max_bytes)
        except OSError as error:
            raise ToolFailed(
                f"The log {path} cannot be read: {error.strerror}.",
                remedy="Correct `logs` in sitrep.yml, or let Sitrep's user read it.",
            ) from error
        complete = complete and whole
        records += logrecords.parse(text, path.name)
    return records, complete


def _tail(path: Path, max_bytes: int) -> tuple[str, bool]:
    """Return the last `max_bytes` of a file from a line's beginning on, and whether that is all of it."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - max_bytes)
        file.seek(start)
        text = file.read(max_bytes).decode(errors="replace")
    return (text, True) if start == 0 else (text.partition("\n")[2], False)


def _failures(before: list[Record], after: list[Record], now: datetime) -> tuple[Failure, ...]:
    groups: dict[tuple[str, ...], _Group] = {}
    for lot, records in ((0, before), (1, after)):
        for record in records:
            for found in tracebacks.parse(record.detail):
                groups.setdefault(_kind(found.last), _Group()).add(lot, record, found)
    foremost = sorted(groups.values(), key=lambda group: (group.counts[0] > 0, -sum(group.counts)))
    return tuple(group.failure(now) for group in foremost[:MAX_FAILURES])


def _kind(raised: Raised) -> tuple[str, ...]:
    """Return what exceptions of one kind share; paths are left out, for they differ from release to release."""
    place = raised.frames[-1].function if raised.frames else ""
    return raised.type, logrecords.mask(raised.message), place


class _Group:
    """Exceptions of one kind, while they are counted."""

    def __init__(self) -> None:
        self.counts = [0, 0]
        self._times: list[datetime] = []
        self._sample: Traceback | None = None
        self._source = ""

    def add(self, lot: int, record: Record, found: Traceback) -> None:
        """Count one more, logged with `record`."""
        self.counts[lot] += 1
        if record.at is not None:
            self._times.append(record.at)
        self._sample, self._source = found, f"{record.file}:{record.line}" if record.line else record.file

    def failure(self, now: datetime) -> Failure:
        """Return the group as it is reported."""
        if self._sample is None:
            raise ValueError("an empty group is no failure")
        first, last = min(self._times, default=None), max(self._times, default=None)
        before, after = self.counts
        since = f" since {first:%H:%M:%S}Z" if first else ""
        told = f"{before} before the deploy, {after} after" if before or after else "seen"
        seen = evidence.capture(
            EvidenceKind.TRACEBACK,
            self._source,
            self._sample.text,
            summary=f"`{self._sample.last.headline}` {told}{since}",
            captured_at=now,
        )
        return Failure(self._sample, before, after, first, last, seen)


def _first_error(records: Iterable[Record]) -> datetime | None:
    return min((record.at for record in records if record.failed and record.at is not None), default=None)


def _overview(
    paths: Sequence[Path],
    failures: tuple[Failure, ...],
    templates: tuple[TemplateChange, ...],
    errors: tuple[int, int],
    now: datetime,
) -> Evidence:
    lines = ["before  after  failure"]
    lines += [f"{f.before:6}  {f.after:5}  {f.raised.headline}" for f in failures]
    lines += ["", "before  after  message"]
    lines += [f"{t.before:6}  {t.after:5}  {t.template}{'  (new)' if t.new else ''}" for t in templates]
    summary = f"{errors[0]} errors logged before the deploy, {errors[1]} after"
    if failures:
        summary += (
            f"; foremost `{failures[0].raised.headline}`, {failures[0].before} before and {failures[0].after} after"
        )
    source = ", ".join(str(path) for path in paths)
    return evidence.capture(EvidenceKind.LOG, source, "\n".join(lines), summary=summary, captured_at=now)
