"""Parses log files, plain or JSON lines, into records."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Record:
    """One entry of a log, with the lines that belong to it."""

    at: datetime | None  #: UTC; a time without an offset is taken as UTC
    level: str  #: upper case; empty where it says none
    message: str  #: the first line without its time, or the message field
    detail: str  #: the lines that follow: a traceback
    file: str
    line: int

    @property
    def failed(self) -> bool:
        """Tell whether it reports an error or worse."""
        return self.level in ("ERROR", "CRITICAL", "FATAL", "ALERT", "EMERGENCY", "PANIC")


_TIME = re.compile(
    r"^\W{0,3}(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]?[\s:,|-]*"
)
_CLF_TIME = re.compile(r"\[(?P<clf>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_LEVEL = re.compile(r"\b(DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|ALERT|EMERGENCY|PANIC)\b", re.IGNORECASE)
_VARIABLE = re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\b0x[0-9a-fA-F]+\b|\d+")
_TIME_FIELDS = ("timestamp", "time", "ts", "at", "@timestamp", "asctime", "t")
_LEVEL_FIELDS = ("level", "levelname", "severity", "log.level", "lvl")
_MESSAGE_FIELDS = ("message", "msg", "event", "text")
_DETAIL_FIELDS = ("exception", "exc_info", "traceback", "stack", "stack_trace", "error.stack_trace", "exc_text")


def parse(text: str, file: str) -> list[Record]:
    """Return the records of `text`; a line that has neither a time nor JSON belongs to the record before it."""
    records: list[Record] = []
    open_: _Open | None = None
    for number, line in enumerate(text.splitlines(), 1):
        begun = _from_json(line, file, number) if line.startswith("{") else None
        begun = begun or _from_plain(line, file, number)
        if begun is not None:
            if open_ is not None:
                records.append(open_.close())
            open_ = _Open(begun)
        elif open_ is not None:
            open_.more.append(line)
        elif line.strip():
            open_ = _Open(Record(None, "", line.strip(), "", file, number))
    if open_ is not None:
        records.append(open_.close())
    return records


def mask(text: str) -> str:
    """Return `text` with what differs from one event to the next (numbers, ids) replaced by `#`."""
    return _VARIABLE.sub("#", text)


class _Open:
    """A record whose following lines are still being collected."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.more: list[str] = []

    def close(self) -> Record:
        r = self._record
        detail = "\n".join(part for part in (r.detail, "\n".join(self.more)) if part.strip())
        return Record(r.at, r.level, r.message, detail, r.file, r.line)


def _from_plain(line: str, file: str, number: int) -> Record | None:
    if found := _TIME.match(line):
        rest = line[found.end() :].strip()
        level = _LEVEL.search(rest[:80])
        return Record(_moment(found["iso"]), _level(level[1] if level else ""), rest, "", file, number)
    if found := _CLF_TIME.search(line):
        at = datetime.strptime(found["clf"], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        rest = (line[: found.start()] + line[found.end() :]).strip()
        return Record(at, "", rest, "", file, number)
    return None


def _from_json(line: str, file: str, number: int) -> Record | None:
    try:
        fields = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    detail = _first(fields, _DETAIL_FIELDS)
    message = _first(fields, _MESSAGE_FIELDS)
    rest = " ".join(
        f"{name}={value}"
        for name, value in fields.items()
        if name not in {*_TIME_FIELDS, *_LEVEL_FIELDS, *_MESSAGE_FIELDS, *_DETAIL_FIELDS}
        and not isinstance(value, dict)
    )
    return Record(
        _moment(_first(fields, _TIME_FIELDS)),
        _level(_first(fields, _LEVEL_FIELDS)),
        f"{message} {rest}".strip(),
        detail,
        file,
        number,
    )


def _first(fields: dict[str, object], names: tuple[str, ...]) -> str:
    return next((str(fields[name]) for name in names if fields.get(name) not in (None, "", False, True)), "")


def _level(word: str) -> str:
    upper = word.upper()
    return {"WARN": "WARNING", "ERR": "ERROR"}.get(upper, upper)


def _moment(text: str) -> datetime | None:
    """Return the time that `text` says: ISO 8601, or seconds or milliseconds since 1970."""
    word = text.strip().replace(",", ".").removesuffix("UTC").strip()
    try:
        if re.fullmatch(r"\d{9,13}(\.\d+)?", word):
            number = float(word)
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        at = datetime.fromisoformat(word)
    except (ValueError, OverflowError, OSError):
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
