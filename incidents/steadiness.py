"""Whether other leases can be told by the clock: not for a while after it was set."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

_STEP = timedelta(seconds=5)  # between two looks: more than any clock is slewed or a busy loop is late by


class Steadiness:
    """Compares the clock with the machine's seconds since its start, which nobody sets."""

    def __init__(self, lease: timedelta, seconds: Callable[[], float] = time.monotonic) -> None:
        self._lease = lease
        self._seconds = seconds
        self._seen: tuple[datetime, float] | None = None
        self._doubtful_until = 0.0  # by `seconds`

    def lasts(self, now: datetime) -> bool:
        """Return whether a lease that has run out by `now` (UTC) has: for one lease after a step it may not have."""
        passed = self._seconds()
        if self._seen is not None:
            before, counted = self._seen
            if abs((now - before) - timedelta(seconds=passed - counted)) > _STEP:
                self._doubtful_until = passed + self._lease.total_seconds()
        self._seen = now, passed
        return passed >= self._doubtful_until
