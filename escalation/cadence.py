"""Slots of the regular updates: each is the one before plus the period; missed slots are skipped. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.definitions import RegularUpdates


@dataclass(frozen=True)
class Times:
    """When one slot's update is drafted, due, and sent without anybody (UTC)."""

    draft: datetime
    due: datetime
    overdue: datetime


def next_slot(previous: datetime, every: timedelta, now: datetime) -> datetime:
    """Return the first slot after `now` on the grid that `previous` stands on, never `previous` itself."""
    passed = max(0, math.floor((now - previous) / every))
    slot = previous + (passed + 1) * every
    return slot if slot > now else slot + every


def times(slot: datetime, every: timedelta, policy: RegularUpdates, *, due: datetime | None = None) -> Times:
    """Return the times of the slot; `due` when it was put off.

    Where the period is short, as in a drill, draft and grace take at most half of it, and the grace ends before the
    next slot: there is never more than one update on its way.
    """
    due = due or slot
    grace = min(policy.overdue_after, every / 2)
    latest = slot + every - min(every / 10, timedelta(minutes=1))
    return Times(
        draft=due - min(policy.draft_ahead, every / 2),
        due=due,
        overdue=max(due, min(due + grace, latest)),
    )
