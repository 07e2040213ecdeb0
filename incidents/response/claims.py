"""A step that is ours until its lease runs out, and the fence that every result of it must pass."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, or_
from sqlalchemy import select as columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import holding, records, store
from incidents.response.plan import StepState
from incidents.service import queries
from incidents.steadiness import Steadiness

LEASE = timedelta(seconds=30)  # renewed every 10 s; after a crash another takes the step over within this time

#: A lease that ends later than this was written by a clock that is, or was, far ahead of ours.
_FAR = 2 * LEASE
_LOOK_SECONDS = 5.0  # between two looks for such leases


@dataclass(frozen=True)
class Rows:
    """A step with its run and its incident."""

    step: records.Step
    run: records.Run
    incident: records.Incident


@dataclass(frozen=True)
class Claim:
    """A step that is ours until its lease runs out; stored results are checked against it."""

    step_id: int
    owner: str
    attempt: int
    incident_id: int
    key: str = field(compare=False)  #: names the attempt in the log: run, step and attempt
    rows: Rows = field(compare=False, repr=False)  #: as they stood in the commit that took the step


class Leases:
    """Which steps may be taken up, in the eyes of one process.

    A clock that is set makes leases seem to run out, or to last for an hour. So what this process has in hand it knows
    beside the rows; leases of others do not count as run out for a while after a step of the clock; and a lease that
    lies too far ahead is its holder's for as long as it is renewed, by the machine's seconds, which nobody sets.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._held: set[Claim] = set()
        self._steadiness = Steadiness(LEASE, seconds)
        self._ahead: dict[int, tuple[datetime, float]] = {}  # step -> its lease, and since when that is seen unchanged
        self._looked_at = float("-inf")

    def take(self, taken: Claim) -> None:
        """Note that a step is in this process's hands."""
        self._held.add(taken)

    def let_go(self, taken: Claim) -> None:
        """Note that nothing is done for the step any more."""
        self._held.discard(taken)

    async def free(self, session: AsyncSession, now: datetime) -> ColumnElement[bool]:
        """Return the condition of the steps that anybody may claim: ready ones, and those whose holder is gone."""
        step = records.Step
        gone: list[ColumnElement[bool]] = [
            and_(col(step.id) == each, col(step.lease_until) == at) for each, at in await self._abandoned(session, now)
        ]
        if self._steadiness.lasts(now):
            gone.append(col(step.lease_until) < now)
        theirs = col(step.id).not_in([each.step_id for each in self._held])
        running = (col(step.state) == StepState.RUNNING.value) & theirs & or_(false(), *gone)
        return (col(step.state) == StepState.READY.value) | running

    async def _abandoned(self, session: AsyncSession, now: datetime) -> list[tuple[int, datetime]]:
        """Return (step, lease) where the lease lies too far ahead and was not renewed for as long as a lease lasts."""
        passed = self._seconds()
        if passed - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = passed
            step = records.Step
            far = columns(col(step.id), col(step.lease_until)).where(
                col(step.state) == StepState.RUNNING.value, col(step.lease_until) > now + _FAR
            )
            before, self._ahead = self._ahead, {}
            found: Any = (await session.execute(far)).all()
            for step_id, until in found:
                known, since = before.get(step_id, (until, passed))
                self._ahead[step_id] = until, since if known == until else passed
        last = passed - LEASE.total_seconds()
        return [(step_id, until) for step_id, (until, since) in self._ahead.items() if since <= last]


def ours(claim: Claim) -> tuple[Any, ...]:
    """Return the conditions that hold while the step is ours: same owner, same attempt."""
    return _fence(claim.step_id, claim.owner, claim.attempt)


def _fence(step_id: Any, owner: Any, attempt: Any) -> tuple[Any, ...]:
    return (
        col(records.Step.id) == step_id,
        col(records.Step.state) == StepState.RUNNING.value,
        col(records.Step.owner) == owner,
        col(records.Step.attempt) == attempt,
    )


# With what `whose` asks for next; built once, as each result is checked against it.
_HELD = (
    select(records.Step, records.Run, records.Incident)
    .join(records.Run, col(records.Run.id) == col(records.Step.run_id))
    .join(records.Incident, col(records.Incident.id) == col(records.Run.incident_id))
    .where(*_fence(bindparam("step"), bindparam("holder"), bindparam("tried")))
    .with_for_update(of=records.Step)
)


async def held(tx: store.Tx, claim: Claim) -> records.Step | None:
    """Return the step while it is still ours, locked until the end of the transaction."""
    await holding.incident_of_step(tx.session, claim.step_id)
    asked = {"step": claim.step_id, "holder": claim.owner, "tried": claim.attempt}
    found = (await tx.session.execute(_HELD, asked)).first()
    if found is None:
        return None
    step: records.Step = found[0]
    store.remember(tx.session, found[1])
    return step


async def whose(tx: store.Tx, step: records.Step) -> tuple[records.Run, records.Incident]:
    """Return the run and the incident of a step."""
    run = await tx.session.get_one(records.Run, step.run_id)
    incident = await queries.get(tx.session, run.incident_id)
    store.remember(tx.session, run)  # the incident is held now, and with it what belongs to it
    return run, incident
