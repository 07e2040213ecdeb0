"""Steps of several replicas on PostgreSQL: queued by procrastinate in the transaction that makes them ready.

Queueing, waking, heartbeats and stalled workers are procrastinate's; the fence of owner and attempt stays the engine's.
A job only says that a step is worth claiming: one too many does nothing, and a sweep makes up for one that was lost.
What a result makes ready is taken by who stores it, in that transaction, while hands are free; the rest is queued.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Status
from procrastinate.types import JSONDict
from psycopg_pool import AsyncConnectionPool

from incidents import database, store
from incidents.response.dispatch import AT_ONCE, SWEEP_SECONDS, carry_out
from incidents.response.engine import LEASE, Claim, Engine

log = structlog.get_logger(__name__)

QUEUE = "steps"  #: the queue's name in procrastinate's tables
TASK = "sitrep.step"  #: replicas of two versions share it: it and its argument `step_id` never change

# Steps. Whoever carries out so many takes none past the queue, where replicas with nothing to do find them. A response
# has one to three at a time: a few responses go on without a pause, and a crowd of them spreads. Results of several
# incidents that are stored side by side see the same hands free, so it may be a few more.
_AT_HAND = 8

_HEARTBEAT_SECONDS = 10.0
_LET_GO_SECONDS = 1.0  # how long a worker that ends waits for its jobs; their steps go on under our own lease
_REST_SECONDS = 1.0  # before a worker that failed is started again: the database is away
_WAIT_SECONDS = 5.0  # for a connection of the pool
_CONNECTIONS = 3  # fetching, finishing, sweeping; the listener has its own


class QueuedDispatcher:
    """Carries out steps in this process, as one of several that share a queue."""

    def __init__(self, engine: Engine, store_: store.Store) -> None:
        self._engine = engine
        url = store_.engine.url.set(drivername="postgresql")
        self._pool = AsyncConnectionPool(
            url.render_as_string(hide_password=False),
            kwargs=database.PATIENCE,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_WAIT_SECONDS,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        self._app = procrastinate.App(connector=procrastinate.PsycopgConnector())
        self._app.task(name=TASK, queue=QUEUE)(self._take_up)
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        store_.before_commit(self._enqueue)
        engine.hands = self

    @property
    def free(self) -> int:
        """How many steps results may take past the queue now."""
        if not self._loops or self._stopping.is_set():
            return 0
        return max(0, _AT_HAND - len(self._running))

    def set_off(self, claimed: Sequence[Claim]) -> None:
        """Carry out steps that were taken."""
        for claim in claimed:
            self._run(carry_out(self._engine, claim), claim.step_id)

    def _run(self, work: Coroutine[Any, Any, None], step_id: int) -> asyncio.Task[None]:
        running = asyncio.create_task(work, name=f"step-{step_id}")
        self._running.add(running)
        running.add_done_callback(self._forget)
        return running

    def _forget(self, work: asyncio.Task[None]) -> None:
        self._running.discard(work)
        if not work.cancelled() and work.exception() is not None:
            log.error("step_task_failed", task=work.get_name(), exc_info=work.exception())

    async def start(self) -> None:
        """Begin to take up steps."""
        await self._pool.open()  # without waiting: a worker that finds no database is started again
        await self._app.open_async(self._pool)
        self._loops = [
            asyncio.create_task(self._work(), name="steps"),
            asyncio.create_task(self._sweep(), name="steps-sweep"),
            asyncio.create_task(self._engine.belated.watch(self._stopping), name="steps-owed"),
        ]

    async def stop(self) -> None:
        """Take up no more; what runs is given back for another replica."""
        self._stopping.set()
        await asyncio.gather(*self._loops)  # first: a worker that still fetches would take up what is given back
        self._engine.interrupt()
        while self._running:  # again: a result that is being stored may have taken further steps
            await asyncio.gather(*self._running, return_exceptions=True)
        await self._pool.close()

    async def _enqueue(self, tx: store.Tx) -> None:
        """Put the steps that `tx` offers into the queue, on its own connection: they are there if it commits."""
        if tx.offered:
            pooled = await (await tx.session.connection()).get_raw_connection()
            deferrer = self._app.configure_task(TASK, queue=QUEUE, connection=pooled.driver_connection)
            await deferrer.batch_defer_async(*_arguments(tx.offered))

    async def _work(self) -> None:
        """Keep a worker running, for as long as we do."""
        while not self._stopping.is_set():
            worker = asyncio.create_task(
                self._app.run_worker_async(
                    queues=[QUEUE],
                    concurrency=AT_ONCE,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=SWEEP_SECONDS,
                    update_heartbeat_interval=_HEARTBEAT_SECONDS,
                    stalled_worker_timeout=LEASE.total_seconds(),
                    shutdown_graceful_timeout=_LET_GO_SECONDS,
                    delete_jobs=DeleteJobCondition.ALWAYS.value,
                ),
                name="steps-worker",
            )
            await self._until_stopping(worker)
            if self._stopping.is_set():
                worker.cancel()  # it ends as gracefully as one may ask
            (outcome,) = await asyncio.gather(worker, return_exceptions=True)
            if not self._stopping.is_set():
                # One of its own tasks failed, most likely because the database is away; it never tries again itself.
                log.warning("steps_worker_ended", why=str(outcome or ""), starts_again_in_seconds=_REST_SECONDS)
                await self._rest(_REST_SECONDS)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _take_up(self, step_id: int) -> None:
        """Claim the step and carry it out; when another replica was faster, there is nothing to do."""
        # A worker that ends waits for its jobs, then cancels them; the step is ours by our own lease, and goes on.
        await self._until_stopping(self._run(self._carry_out(step_id), step_id))

    async def _until_stopping(self, work: asyncio.Task[None]) -> None:
        """Wait until `work` ends, or we do; it is not cut off."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    async def _carry_out(self, step_id: int) -> None:
        for claim in await self._engine.claim(1, step_id=step_id):
            await carry_out(self._engine, claim)

    async def _sweep(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._restore()
            except Exception:
                # The database may be away for a while; the loop must outlive it.
                log.exception("steps_not_swept")
            await self._rest(SWEEP_SECONDS)

    async def _restore(self) -> None:
        """Queue anew what a lost worker had taken, and steps whose job was lost."""
        jobs = self._app.job_manager
        for job in await jobs.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=LEASE.total_seconds()):
            with contextlib.suppress(ConnectorException):  # another replica did it a moment before
                await jobs.retry_job(job)
        free = await self._engine.waiting()
        if free:
            queued = await jobs.list_jobs_async(queue=QUEUE, status=Status.TODO.value)
            lost = sorted(set(free) - {job.task_kwargs["step_id"] for job in queued})
            if lost:
                await self._app.configure_task(TASK, queue=QUEUE).batch_defer_async(*_arguments(lost))


def _arguments(step_ids: Iterable[int]) -> list[JSONDict]:
    return [{"step_id": number} for number in step_ids]
