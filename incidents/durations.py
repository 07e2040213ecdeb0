"""Durations as people write them: `30s`, `15m`, `2h`, `1d`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def parse(text: object) -> timedelta:
    """Return the duration that `text` says; parts may be joined (`1h30m`).

    Raises:
        ValueError: when it is not a duration; the message says how to write one.
    """
    if isinstance(text, timedelta):
        return text
    word = str(text).strip().lower().replace(" ", "")
    parts = _PART.findall(word)
    if not parts or "".join(n + u for n, u in parts) != word:
        raise ValueError(f"{str(text)[:40]!r} is not a duration; write it like 30s, 15m, 2h or 1d")
    try:
        return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))
    except OverflowError:
        raise ValueError(f"{str(text)[:40]!r} is longer than any calendar; write it like 30s, 15m, 2h or 1d") from None


def text(duration: timedelta) -> str:
    """Return `duration` in the form that `parse` reads, to the millisecond, largest units first: `1h30m`."""
    rest = round(duration.total_seconds() * 1000)
    words = []
    for unit in ("d", "h", "m"):
        count, rest = divmod(rest, _UNITS[unit] * 1000)
        if count:
            words.append(f"{count}{unit}")
    if rest or not words:
        words.append(f"{rest / 1000:g}s")
    return "".join(words)


def spoken(duration: timedelta) -> str:
    """Return `duration` for people, at most two units: `45 s`, `12 min`, `1 h 16 min`, `2 d 3 h`."""
    seconds = max(0, round(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


#: A pydantic field that is written `15m` and held as a timedelta.
Duration = Annotated[timedelta, BeforeValidator(parse), PlainSerializer(text, return_type=str)]
