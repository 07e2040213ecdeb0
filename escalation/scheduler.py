"""The alarm clock: rings when a timer row is due. The rows are the truth; losing an alarm costs at most one sweep."""

import asyncio
import contextlib
import time
from datetime import datetime, timedelta

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from escalation import timers
from escalation.timers import Timers
from incidents import store

log = structlog.get_logger(__name__)

#: What is fired though no alarm rang: after a step of the machine's clock, or another replica's row.
SWEEP = timedelta(seconds=1)

#: The one alarm. Firing is a query for all that is due, so the soonest row alone needs one: setting it is one read by
#: index, where an alarm for each row cost 30 ms of the loop after every commit that armed something.
_SOONEST = "soonest"


class AlarmClock:
    """Fires the due timers of one process; every replica runs one."""

    def __init__(self, store_: store.Store, clock: Timers, *, sweep: timedelta = SWEEP) -> None:
        self._store = store_
        self._timers = clock
        self._sweep_seconds = sweep.total_seconds()
        self._rings = asyncio.Event()
        self._firing: asyncio.Task[None] | None = None
        self._stopping = False
        self._swept_at = time.monotonic()
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": AsyncIOExecutor()},
            # Late is better than never: an alarm missed while the loop was busy still rings.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone="UTC",
        )
        store_.on_commit(self._hear)

    async def start(self) -> None:
        """Fire what is overdue and ring from now on."""
        self._scheduler.start()
        self._firing = asyncio.create_task(self._fire(), name="timers")
        self._rings.set()

    async def stop(self) -> None:
        """Ring no more; a transaction under way is finished first."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._stopping = True
        self._rings.set()
        if self._firing is not None:
            await self._firing

    @property
    def alarm(self) -> datetime | None:
        """Return when the alarm is set to ring (UTC), or None where nothing waits."""
        job = self._scheduler.get_job(_SOONEST)
        return job.trigger.run_date if job is not None else None

    @property
    def sweep_age_seconds(self) -> float:
        """Return how long ago due timers were last looked for, and nothing failed."""
        return time.monotonic() - self._swept_at

    def _hear(self, topics: frozenset[str]) -> None:
        if store.TIMERS in topics:
            self._rings.set()

    async def _ring(self) -> None:
        self._rings.set()

    async def _fire(self) -> None:
        while not self._stopping:
            # The sweep counts the loop's own seconds: a step of the machine's clock delays an alarm, never the sweep.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._rings.wait(), self._sweep_seconds)
            self._rings.clear()
            try:
                while not self._stopping and await timers.fire_due(self._store, self._timers):
                    self._swept_at = time.monotonic()  # a backlog is no stuck sweep
                await self._set_alarm()
                self._swept_at = time.monotonic()
            except Exception:
                # The edge of the process: whatever went wrong (a lost database), the next sweep tries again.
                log.exception("timers.sweep_failed")

    async def _set_alarm(self) -> None:
        due = await timers.next_due(self._store)
        if self._stopping or due == self.alarm:
            return
        if due is None:
            self._scheduler.remove_job(_SOONEST)
        else:
            self._scheduler.add_job(self._ring, "date", run_date=due, id=_SOONEST, replace_existing=True)
