"""Carrying out one step: claim, run the agent with no transaction open, store the result under a fence."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

import structlog
from sqlalchemy import update
from sqlmodel import col, select

from incidents import holding, records, store, store_errors
from incidents.agents import masking
from incidents.agents.base import Runner, StepResult
from incidents.context import Context
from incidents.errors import OutcomeUnknown, SitrepError, StepFailed
from incidents.events import EventKind
from incidents.response import claims, consequences, expiry, progress, requests, results
from incidents.response.at_work import AtWork
from incidents.response.belated import Belated
from incidents.response.claims import LEASE as LEASE
from incidents.response.claims import Claim as Claim
from incidents.response.claims import Leases
from incidents.response.journal import StepJournal
from incidents.response.plan import StepState
from incidents.response.requests import Prepared
from incidents.response.together import CutOff, Together

log = structlog.get_logger(__name__)

T = TypeVar("T")

TOGETHER = 8  #: steps taken or results stored in one transaction: whoever declares meanwhile must not wait long

# Transactions at once where there are several writers, those included that wait for an incident held elsewhere: the
# pool has fifteen connections for all, and whoever stands in front of a screen needs one, too. And so many reads for
# agents: one that hangs until the database is given up holds up only what it was begun with.
_SIDE_BY_SIDE = 4


class Hands(Protocol):
    """Who carries out steps in this process."""

    @property
    def free(self) -> int:
        """How many more steps may begin now."""
        ...

    def set_off(self, claimed: Sequence[Claim]) -> None:
        """Carry out steps that were taken."""
        ...


class Engine:
    """Carries out steps."""

    def __init__(self, ctx: Context, runner: Runner, workdir: Path, owner: str, leases: Leases | None = None) -> None:
        self._ctx = ctx
        self._workdir = workdir
        self.owner = owner  #: names this process in claims
        self._leases = leases or Leases()
        self.at_work = AtWork(ctx, runner)  #: the agents of this process
        self.belated = Belated(ctx)  #: tells what nobody here, or no process that lives, will tell otherwise
        self.hands: Hands | None = None  #: who carries steps out that a result makes ready
        self._lines: WeakValueDictionary[int, Together[store.Tx]] = WeakValueDictionary()
        self._places = asyncio.Semaphore(_SIDE_BY_SIDE)
        side_by_side = _SIDE_BY_SIDE if ctx.store.supports_skip_locked else 1
        self._reading = Together(ctx.store.read, most=TOGETHER, side_by_side=side_by_side)

    async def waiting(self) -> list[int]:
        """Return the numbers of the steps that anybody may claim."""
        async with self._ctx.store.read() as session:
            free = await self._leases.free(session, self._ctx.clock.now())
            return list((await session.scalars(select(records.Step.id).where(free))).all())

    async def claim(
        self, limit: int, *, step_id: int | None = None, room: Callable[[], int] | None = None
    ) -> list[Claim]:
        """Take up to `limit` steps that are ready, or whose owner's lease ran out; of them the one named, if any.

        `room` is asked when it is our turn to write: how many steps it may still be by then.
        """
        async with self._ctx.store.transaction() as tx:
            limit = limit if room is None else min(limit, room())
            if limit <= 0:  # SQLite reads less than none as no limit
                return []
            if step_id is not None:
                await holding.incident_of_step(tx.session, step_id)
            await expiry.ask_anew_what_came_too_late(tx, self._ctx, step_id=step_id)
            free = await self._leases.free(tx.session, tx.now)
            todo = select(records.Step).where(free).order_by(col(records.Step.id)).limit(limit)
            if step_id is not None:
                todo = todo.where(records.Step.id == step_id)
            if self._ctx.store.supports_skip_locked:
                todo = todo.with_for_update(skip_locked=True)
            taken = await self._take(tx, (await tx.session.scalars(todo)).all())
        for claim in taken:
            self._leases.take(claim)
        return taken

    async def _take_offered(self, tx: store.Tx) -> None:
        """Take what the results stored in `tx` made ready: with a transaction of its own each step began later."""
        free = self.hands.free if self.hands else 0
        now, tx.offered = tx.offered[:free], tx.offered[free:]
        if self.hands and now:
            steps = [await tx.session.get_one(records.Step, step_id) for step_id in now]
            ready = [step for step in steps if step.state == StepState.READY.value]
            tx.then(partial(self._set_off, self.hands, await self._take(tx, ready)))

    def _set_off(self, hands: Hands, claimed: Sequence[Claim]) -> None:
        for claim in claimed:
            self._leases.take(claim)
        hands.set_off(claimed)

    async def _take(self, tx: store.Tx, steps: Sequence[records.Step]) -> list[Claim]:
        for step in steps:  # before anything is told of them: they are written in one statement
            step.state, step.owner = StepState.RUNNING.value, self.owner
            step.lease_until, step.attempt = tx.now + LEASE, step.attempt + 1
            step.started_at, step.finished_at, step.error, step.runner = tx.now, None, "", ""
            tx.session.add(step)
        return [await self._taken(tx, step) for step in steps]

    async def _taken(self, tx: store.Tx, step: records.Step) -> Claim:
        run, incident = await claims.whose(tx, step)
        definition = progress.definition_of(run).step(step.name)
        await tx.record(
            incident,
            EventKind.STEP_STARTED,
            step=step.name,
            title=definition.title,
            attempt=step.attempt,
            phase=definition.phase.value,
        )
        await consequences.of_start(tx, incident, definition)
        key, rows = f"{run.id}:{step.name}:{step.attempt}", claims.Rows(step, run, incident)
        return Claim(step.number, self.owner, step.attempt, incident.number, key, rows)

    async def renew(self, claim: Claim) -> bool:
        """Prolong the lease; False when the step is no longer ours (stopped, paused, taken over)."""
        async with self._ctx.store.transaction() as tx:
            changed = await tx.session.execute(
                update(records.Step).where(*claims.ours(claim)).values(lease_until=tx.now + LEASE)
            )
            return bool(changed.rowcount)  # type: ignore[attr-defined]

    async def give_back(self, claim: Claim) -> None:
        """Return an unfinished step, to be taken up again at once by whoever runs."""
        async with self._ctx.store.transaction() as tx:
            changed = await tx.session.execute(
                update(records.Step)
                .where(*claims.ours(claim))
                .values(state=StepState.READY.value, owner="", lease_until=None)
            )
            if changed.rowcount:  # type: ignore[attr-defined]
                tx.offer(claim.step_id)

    def interrupt(self, claim: Claim | None = None) -> None:
        """Interrupt one step's agent, or all for good; interrupted steps are given back."""
        self.at_work.interrupt(claim)

    async def carry_out(self, claim: Claim) -> None:
        """Run the step's agent and store what it brought, or why it failed; an interrupted step is given back."""
        try:
            await self._carry_out(claim)
        finally:
            self._leases.let_go(claim)

    async def _carry_out(self, claim: Claim) -> None:
        # Whatever breaks must end the attempt: a step left as running would be taken up again every LEASE, for ever.
        kept = None
        try:
            prepared = await self._outlast(claim, lambda: self._prepare(claim))
            if prepared is None:
                return
            kept = prepared.journal
            result = await self.at_work.bring(claim, prepared)
            if result is None:
                await self._outlast(claim, lambda: self.give_back(claim))
                await results.tell_what_ended(self._ctx, claim, kept)
            else:
                await self._keep(claim, prepared, result)
        except store_errors.PASSING:
            # What it brought or began may have gone well: no failure to tell once the database is back. Whoever takes
            # the step up when its lease has run out adopts that.
            log.exception("step_left_to_its_lease", step_id=claim.step_id)
        except OutcomeUnknown as error:
            unknown = masking.error(error)
            await self._store(claim, lambda tx: results.ask_people(tx, self._ctx, claim, unknown, kept))
        except SitrepError as error:
            await self._fail(claim, masking.error(error), kept)
        except Exception as error:
            log.exception("step_crashed", step_id=claim.step_id)
            ended = kept.told_of_ends if kept is not None else ""
            crashed = StepFailed(
                f"The step stopped with {type(error).__name__}.{ended}",
                remedy="Retry the step or take it over; the log has the details.",
            )
            await self._fail(claim, masking.error(crashed), kept)

    async def _keep(self, claim: Claim, prepared: Prepared, result: StepResult) -> None:
        # What an agent has brought is worth more than another run of it.
        step, kept = prepared.request.step, prepared.journal
        await self._store(claim, lambda tx: results.keep(tx, self._ctx, claim, step, result, kept))

    async def _fail(self, claim: Claim, error: SitrepError, kept: StepJournal | None) -> None:
        await self._store(claim, lambda tx: results.fail(tx, self._ctx, claim, error, kept))

    async def _store(self, claim: Claim, act: Callable[[store.Tx], Awaitable[None]]) -> None:
        await self._outlast(claim, lambda: self._line(claim.incident_id).do(act))

    def _line(self, incident_id: int) -> Together[store.Tx]:
        """Return who stores results of this incident, those of the same instant together.

        Where there is one writer, of all incidents. Replicas that hold several at once could wait for each other, so
        there each incident has its own: a result does not wait for one whose incident somebody else holds, until those
        take every place. Then it waits as long as they do: for a commit, or for PostgreSQL to end a transaction that
        somebody left idle (after 5 s, see `incidents.database`).
        """
        key = incident_id if self._ctx.store.supports_skip_locked else 0
        found = self._lines.get(key)
        if found is None:
            self._lines[key] = found = Together(self._in_its_place, most=TOGETHER, last=self._take_offered)
        return found

    @contextlib.asynccontextmanager
    async def _in_its_place(self) -> AsyncIterator[store.Tx]:
        async with self._places, self._ctx.store.transaction() as tx:
            yield tx

    async def _prepare(self, claim: Claim) -> Prepared | None:
        known = await self._reading.do(lambda session: requests.read(session, self._ctx, claim))
        if known is None:
            return None
        return await requests.prepare(self._ctx, claim, self._workdir, known, partial(self._hand_on, claim))

    async def _hand_on(self, claim: Claim, result: StepResult) -> None:
        # Stored as what comes last is: an agent that is interrupted meanwhile cuts off no transaction.
        first = masking.result(result)
        await self._store(claim, lambda tx: results.hand_on(tx, self._ctx, claim, first))

    async def _outlast(self, claim: Claim, act: Callable[[], Awaitable[T]]) -> T:
        """Do `act`, one transaction, again while the database is away, for as long as the step is ours for certain.

        Raises:
            DBAPIError: one of `store_errors.PASSING`, the database is away for longer.
            StepFailed: it is there, and does not take this.
        """
        try:
            return await _outlast(act)
        except store_errors.PASSING:
            await self.renew(claim)
        try:
            return await act()
        except store_errors.PASSING as error:
            log.exception("step_refused_by_the_database", step_id=claim.step_id)
            why = store_errors.explain(error)
            raise StepFailed(
                f"The database does not take what the step brought. {why.message if why else error}",
                remedy="Retry the step or take it over; the log has the details.",
            ) from error


async def _outlast(act: Callable[[], Awaitable[T]]) -> T:
    # Beyond its lease the step is somebody else's, and the fence would refuse what we bring.
    try:
        return await store_errors.outlast(act, LEASE.total_seconds())
    except CutOff:  # what shared its transaction was cancelled; whether it was stored all the same the fence knows
        return await store_errors.outlast(act, LEASE.total_seconds())
