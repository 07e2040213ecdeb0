"""Business hours: when the next business day opens. Pure."""

import re
from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incidents import calendars
from incidents.catalog import Settings

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\w{3})-(\w{3}) (\d\d):(\d\d)-\d\d:\d\d")


#: Days looked ahead. No public holidays last as long; whoever closes longer has no next business day to wait for.
_AHEAD = 31


def opens_next(after: datetime, settings: Settings) -> datetime:
    """Return when business opens next after `after` (UTC), by hours, time zone and holidays of sitrep.yml."""
    closed = calendars.public_holidays(settings.holidays)
    return next_business_day(after, settings.business_hours, settings.timezone, closed)


def opens_on(day: date, settings: Settings) -> datetime:
    """Return when business opens on `day`, or next after it where it stays closed then (UTC)."""
    before = datetime.combine(day, time.min, tzinfo=ZoneInfo(settings.timezone)) - timedelta(seconds=1)
    return opens_next(before.astimezone(UTC), settings)


def opens_after(start: datetime, business_days: int, settings: Settings) -> datetime:
    """Return the `business_days`th opening of business after `start` (UTC)."""
    at = start
    for _ in range(business_days):
        at = opens_next(at, settings)
    return at


def next_business_day(after: datetime, hours: str, timezone: str, closed: Container[date] = ()) -> datetime:
    """Return when business opens next after `after` (UTC).

    Before opening, that is the same day: a minor trouble found at night waits for the morning.

    Args:
        after: A moment, in UTC.
        hours: As in `sitrep.yml`: `Mon-Fri 09:00-17:00`.
        timezone: The zone in which the hours are meant: `Europe/Berlin`.
        closed: Days, there, on which business does not open at all.
    """
    days, opens = _read(hours)
    zone = ZoneInfo(timezone)
    local = after.astimezone(zone)
    for ahead in range(_AHEAD):
        day = local.date() + timedelta(days=ahead)
        opening = datetime.combine(day, opens, tzinfo=zone)
        if day.weekday() in days and opening > local and day not in closed:
            return opening.astimezone(after.tzinfo)
    raise ValueError(f"{hours!r} names no day")


def _read(hours: str) -> tuple[frozenset[int], time]:
    found = _HOURS.fullmatch(hours.strip().lower())
    if found is None:
        raise ValueError(f"{hours!r} are no business hours; write them like Mon-Fri 09:00-17:00")
    first, last = _DAYS.index(found[1]), _DAYS.index(found[2])
    span = (last - first) % 7 + 1
    return frozenset((first + step) % 7 for step in range(span)), time(int(found[3]), int(found[4]))
