"""A clock that tests move by hand."""

from datetime import UTC, datetime, timedelta

#: A Saturday morning in the middle of nowhere in particular; tests reckon from here.
START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        self._now += by
        return self._now

    def move_to(self, at: datetime) -> datetime:
        self._now = at
        return self._now
