"""Whether what is due leaves in time: how much waits in each lane, how long the oldest has, what timers are overdue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import durations, records
from incidents.catalog import Lateness
from incidents.clock import Clock
from incidents.notices import Action, Lane, Road

#: What a lane's notices are called when they are late. The channel and the progress in it may wait for Slack's limits.
_CALLED = {Lane.PAGE: "a page", Lane.DECISION: "a decision", Lane.STATUS: "a status update"}

_LONGEST = 300  # of what a server said
_HELD_UP = timedelta(days=1)  # what waited longer for its turn tells nothing of when Slack is back; what is newer does


@dataclass(frozen=True)
class Refused:
    """A notice that a mail server, pager or webhook did not take."""

    late: timedelta  #: how long ago it was due
    said: str  #: by whoever did not take it, as a sentence; may name an address


@dataclass(frozen=True)
class Punctuality:
    """How late delivery is now."""

    waiting: Mapping[tuple[str, Lane], int] = field(default_factory=dict)  #: (state, lane) -> notices not out yet
    oldest: Mapping[Lane, timedelta] = field(default_factory=dict)  #: how long ago the oldest was due; no edit
    overdue_timers: int = 0
    oldest_timer: timedelta = timedelta()  #: how long ago the oldest timer that waits was due
    refused: Mapping[Lane, Refused] = field(default_factory=dict)  #: of those on other roads the oldest, and why

    def trouble(self, late_after: Lateness, *, share: float = 1.0) -> str:
        """Return what is later than `share` of `late_after`, as a sentence, or an empty string."""
        limits = {
            Lane.PAGE: late_after.page,
            Lane.DECISION: late_after.notice,
            Lane.STATUS: late_after.notice,
        }
        late = [lane for lane, limit in limits.items() if self.oldest.get(lane, timedelta()) > limit * share]
        said = [f"{_CALLED[lane]} was due {durations.spoken(self.oldest[lane])} ago" for lane in late]
        if self.oldest_timer > late_after.timer * share:
            said.append(f"a timer was due {durations.spoken(self.oldest_timer)} ago")
        if not said:
            return ""
        what = ", ".join(said)
        # What was refused a moment ago is no reason for what has been late for long.
        reasons = [(self.refused[lane], limits[lane] * share) for lane in late if lane in self.refused]
        why = [refused.said for refused, limit in reasons if refused.late > limit][:1]
        return " ".join((f"{what[0].upper()}{what[1:]} and has not gone out.", *why))


async def measure(session: AsyncSession, clock: Clock) -> Punctuality:
    """Return how late delivery is; reads only what has not gone out yet."""
    now, row, timer = clock.now(), records.Outbox, records.Timer
    # Whoever reads a message has been told; its edits are many after an absence, and go when nothing else does.
    told = case((col(row.action) != Action.EDIT.value, func.coalesce(row.due_at, row.created_at)))
    due = func.min(told, type_=records.UtcDateTime)
    found = await session.execute(
        select(row.state, row.lane, func.count(), due)
        .where(col(row.state).in_(("waiting", "pending", "sending")))
        .group_by(col(row.state), col(row.lane))
    )
    waiting: dict[tuple[str, Lane], int] = {}
    oldest: dict[Lane, timedelta] = {}
    for state, lane, count, first_due in found.all():
        waiting[state, Lane(lane)] = int(count)
        if state != "waiting" and first_due and first_due < now:  # what waits for another notice is not due yet
            oldest[Lane(lane)] = max(oldest.get(Lane(lane), timedelta()), now - first_due)
    overdue, first_timer = (
        await session.execute(
            select(func.count(), func.min(timer.due_at)).where(col(timer.state) == "pending", col(timer.due_at) < now)
        )
    ).one()
    refused = await _refused(session, now) if oldest else {}
    return Punctuality(waiting, oldest, int(overdue), now - first_timer if first_timer else timedelta(), refused)


async def _refused(session: AsyncSession, now: datetime) -> dict[Lane, Refused]:
    # Of Slack's own troubles /readyz and the operators' message speak apart.
    row = records.Outbox
    due = func.coalesce(row.due_at, row.created_at, type_=records.UtcDateTime)
    turn = func.row_number().over(partition_by=col(row.lane), order_by=(due, col(row.id)))
    refused = (
        select(row.lane, row.error, due.label("due"), turn.label("turn"))
        .where(col(row.state).in_(("pending", "sending")), row.road != Road.SLACK.value, row.error != "")
        .subquery()
    )
    found = await session.execute(select(refused.c.lane, refused.c.error, refused.c.due).where(refused.c.turn == 1))
    return {
        Lane(lane): Refused(now - first_due, f"{said[:_LONGEST].rstrip('.')}.") for lane, said, first_due in found.all()
    }


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
