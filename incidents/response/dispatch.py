"""Who takes up steps: in this process, a loop that is woken by commits and by time (several replicas: see `queued`)."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Protocol

import structlog

from incidents import store
from incidents.response.engine import LEASE, TOGETHER, Claim, Engine

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 5.0  #: finds steps whose owner died, no commit tells of that
AT_ONCE = 200  #: steps; nearly all of them wait, for a model or a command (tests take turns: see tools.testrun)

# Seconds that nothing is taken up after an incident was declared: people get their channel before agents get the
# processor. It was usable after 1.33 to 1.54 times the time of Slack's calls alone; with the wait after 1.24 to 1.30.
_ROOM_FIRST = 0.3
_RENEW = 10.0  # seconds; a third of the lease
# How long we hold a step without hearing of the database: the lease, less what clocks may differ by and a commit takes.
_HELD = LEASE.total_seconds() - 5.0


class Dispatcher(Protocol):
    """Takes up steps that are ready and carries them out."""

    async def start(self) -> None:
        """Begin to take up steps."""
        ...

    async def stop(self) -> None:
        """Take up no more; what runs is given back for the next process."""
        ...


class LocalDispatcher:
    """Carries out steps in this process.

    Nothing here cancels a task that may be inside a transaction: SQLite would keep its write lock until the cut-off
    connection is collected. Loops are asked to end; only agents are interrupted.
    """

    def __init__(self, engine: Engine, store_: store.Store) -> None:
        self._engine = engine
        self._woken = asyncio.Event()
        self._holds_until = 0.0  # monotonic
        self._crowded = True  # steps may wait for one that ends
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._owing: asyncio.Task[None] | None = None
        store_.on_commit(self._hear)
        engine.hands = self

    @property
    def free(self) -> int:
        """How many more steps may begin now."""
        return 0 if self._loop is None else self._room()

    def set_off(self, claimed: Sequence[Claim]) -> None:
        """Carry out steps that were taken."""
        for claim in claimed:
            task = asyncio.create_task(carry_out(self._engine, claim), name=f"step-{claim.step_id}")
            self._running.add(task)
            task.add_done_callback(self._forget)

    def _hear(self, topics: frozenset[str]) -> None:
        if store.RUN_BEGUN in topics and time.monotonic() >= self._holds_until:
            self._holds_until = time.monotonic() + _ROOM_FIRST
        if topics & {store.RUN_BEGUN, store.STEPS}:
            self._woken.set()

    async def start(self) -> None:
        """Begin to take up steps."""
        self._loop = asyncio.create_task(self._take_up(), name="steps")
        self._owing = asyncio.create_task(self._engine.belated.watch(self._ending), name="steps-owed")

    async def stop(self) -> None:
        """Take up no more; what runs is given back for the next process."""
        self._stopping = True
        self._ending.set()
        self._woken.set()
        if self._loop is not None:
            await self._loop
        self._engine.interrupt()
        while self._running:  # again: a result that is being stored may have taken further steps
            await asyncio.gather(*self._running, return_exceptions=True)
        if self._owing is not None:
            await self._owing

    async def _take_up(self) -> None:
        while not self._stopping:
            self._woken.clear()
            await self._hold()
            try:
                claimed = await self._engine.claim(TOGETHER, room=self._room) if self._room() else []
                if len(claimed) == TOGETHER:
                    self._woken.set()  # there may be more
                self.set_off(claimed)
            except Exception:
                # The database may be away for a while; the loop must outlive it.
                log.exception("steps_not_taken_up")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._woken.wait()

    async def _hold(self) -> None:
        while (left := self._holds_until - time.monotonic()) > 0:  # noqa: ASYNC110 - a sleep may end a moment early
            await asyncio.sleep(left)

    def _room(self) -> int:
        """Return how many steps more may begin.

        It is asked when we may write: since we got in line an incident may have been declared, results may have taken
        steps beside us, and we may be ending.
        """
        holds = self._stopping or time.monotonic() < self._holds_until
        room = 0 if holds else max(0, AT_ONCE - len(self._running))
        self._crowded = room < TOGETHER
        return room

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._crowded:  # else whatever is ready was announced by a commit, and taken
            self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("step_task_failed", task=task.get_name(), exc_info=task.exception())


async def carry_out(engine: Engine, claim: Claim) -> None:
    """Carry a claimed step out, prolonging its lease; its agent is interrupted once the step is no longer ours.

    What is logged meanwhile says of which incident and attempt, so it is a task's own work.
    """
    structlog.contextvars.bind_contextvars(incident=f"inc-{claim.incident_id}", key=claim.key)
    work = asyncio.create_task(engine.carry_out(claim))
    ours_until = time.monotonic() + _HELD
    renewal: asyncio.Task[bool] | None = None
    while not work.done():
        await asyncio.wait({work}, timeout=_RENEW)
        if work.done():
            break
        asked_at = time.monotonic()
        # A database that does not answer must not keep us from noticing that the lease ran out meanwhile; and the
        # question is left to end by itself, as a transaction must not be cut off.
        renewal = renewal or asyncio.create_task(engine.renew(claim))
        await asyncio.wait({work, renewal}, timeout=ours_until - asked_at, return_when=asyncio.FIRST_COMPLETED)
        if renewal.done():
            ours_until = _prolonged(renewal, claim, asked_at, ours_until)
            renewal = None
        if time.monotonic() >= ours_until:
            log.info("step_withdrawn", step_id=claim.step_id)
            engine.interrupt(claim)
    if renewal is not None:
        await asyncio.gather(renewal, return_exceptions=True)
    await work


def _prolonged(renewal: asyncio.Task[bool], claim: Claim, asked_at: float, ours_until: float) -> float:
    """Return until when (monotonic) the step is ours, by what the database said."""
    if error := renewal.exception():
        # The database may be away for a moment; until the lease runs out nobody else takes the step.
        log.error("lease_not_renewed", step_id=claim.step_id, exc_info=error)
        return ours_until
    return asked_at + _HELD if renewal.result() else 0.0
