"""Whether what is due leaves in time: how much waits in each lane, how long the oldest has, what timers are overdue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import durations, records
from incidents.catalog import Lateness
from incidents.clock import Clock
from incidents.notices import Lane, Road

#: What a lane's notices are called when they are late. The channel and the progress in it may wait for Slack's limits.
_CALLED = {Lane.PAGE: "a page", Lane.DECISION: "a decision", Lane.STATUS: "a status update"}

_LONGEST = 300  # of what a server said
_HELD_UP = timedelta(days=1)  # what waited longer for its turn tells nothing of when Slack is back; what is newer does


@dataclass(frozen=True)
class Punctuality:
    """How late delivery is now."""

    waiting: Mapping[tuple[str, Lane], int] = field(default_factory=dict)  #: (state, lane) -> notices not out yet
    oldest: Mapping[Lane, timedelta] = field(default_factory=dict)  #: how long ago the oldest one was due
    overdue_timers: int = 0
    oldest_timer: timedelta = timedelta()  #: how long ago the oldest timer that waits was due
    refusal: str = ""  #: what a mail server, pager or webhook said to the most urgent notice that it did not take

    def trouble(self, late_after: Lateness, *, share: float = 1.0) -> str:
        """Return what is later than `share` of `late_after`, as a sentence, or an empty string."""
        limits = {
            Lane.PAGE: late_after.page,
            Lane.DECISION: late_after.notice,
            Lane.STATUS: late_after.notice,
        }
        late = [
            f"{_CALLED[lane]} was due {durations.spoken(self.oldest[lane])} ago"
            for lane, limit in limits.items()
            if self.oldest.get(lane, timedelta()) > limit * share
        ]
        if self.oldest_timer > late_after.timer * share:
            late.append(f"a timer was due {durations.spoken(self.oldest_timer)} ago")
        said = ", ".join(late)
        return f"{said[0].upper()}{said[1:]} and has not gone out. {self.refusal}".rstrip() if said else ""


async def measure(session: AsyncSession, clock: Clock) -> Punctuality:
    """Return how late delivery is; reads only what has not gone out yet."""
    now, row, timer = clock.now(), records.Outbox, records.Timer
    due = func.min(func.coalesce(row.due_at, row.created_at), type_=records.UtcDateTime)
    found = await session.execute(
        select(row.state, row.lane, func.count(), due)
        .where(col(row.state).in_(("waiting", "pending", "sending")))
        .group_by(col(row.state), col(row.lane))
    )
    waiting: dict[tuple[str, Lane], int] = {}
    oldest: dict[Lane, timedelta] = {}
    for state, lane, count, first_due in found.all():
        waiting[state, Lane(lane)] = int(count)
        if state != "waiting" and first_due < now:  # what waits for another notice is not due yet
            oldest[Lane(lane)] = max(oldest.get(Lane(lane), timedelta()), now - first_due)
    overdue, first_timer = (
        await session.execute(
            select(func.count(), func.min(timer.due_at)).where(col(timer.state) == "pending", col(timer.due_at) < now)
        )
    ).one()
    refusal = await _refusal(session) if oldest else ""
    return Punctuality(waiting, oldest, int(overdue), now - first_timer if first_timer else timedelta(), refusal)


async def _refusal(session: AsyncSession) -> str:
    # Of Slack's own troubles /readyz and the operators' message speak apart.
    row = records.Outbox
    said = await session.scalar(
        select(row.error)
        .where(row.state == "pending", row.road != Road.SLACK.value, row.error != "")
        .order_by(col(row.lane), col(row.id))
        .limit(1)
    )
    return f"{said[:_LONGEST].rstrip('.')}." if said else ""


async def waits_for_slack(session: AsyncSession, clock: Clock) -> timedelta | None:
    """Return how long ago the oldest notice was due that Slack is to take, or None where none is."""
    now, row = clock.now(), records.Outbox
    due = func.coalesce(row.due_at, row.created_at, type_=records.UtcDateTime)
    first: datetime | None = await session.scalar(
        select(func.min(due, type_=records.UtcDateTime)).where(
            col(row.state).in_(("pending", "sending")), row.road == Road.SLACK.value, due <= now
        )
    )
    return now - first if first else None


async def taken_by_slack(session: AsyncSession, since: datetime) -> datetime | None:
    """Return when Slack last took a notice, from whatever replica, or None if it took none since `since`."""
    row = records.Outbox
    taken: datetime | None = await session.scalar(
        select(func.max(row.sent_at, type_=records.UtcDateTime)).where(
            row.state == "done",
            row.not_before >= since - _HELD_UP,  # by the index; the record is long
            row.road == Road.SLACK.value,
            col(row.sent_at) >= since,
            col(row.result)["told_by"].as_string().is_(None),  # by another road in its place: Slack took nothing
        )
    )
    return taken
