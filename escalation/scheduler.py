"""The alarm clock: rings when a timer row is due. The rows are the truth; losing an alarm costs at most one sweep."""

import asyncio
from datetime import timedelta

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from escalation import timers
from escalation.timers import Timers
from incidents import store

log = structlog.get_logger(__name__)

#: How far ahead alarms are set, and how many: 10,000 rows that are due next week cost nothing today.
HORIZON, MOST_ALARMS = timedelta(hours=1), 1000

#: What is fired though no alarm rang: a clock that stepped, another replica's row, an alarm beyond the horizon.
SWEEP = timedelta(seconds=1)

_SET_AGAIN = HORIZON / 4  # alarms that came within the horizon meanwhile


class AlarmClock:
    """Fires the due timers of one process; every replica runs one."""

    def __init__(self, store_: store.Store, clock: Timers, *, sweep: timedelta = SWEEP) -> None:
        self._store = store_
        self._timers = clock
        self._sweep = sweep
        self._rings = asyncio.Event()
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
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
        await self._set_alarms()
        self._scheduler.add_job(self._ring, "interval", seconds=self._sweep.total_seconds(), id="sweep")
        self._scheduler.add_job(self._look_again, "interval", seconds=_SET_AGAIN.total_seconds(), id="horizon")
        self._scheduler.start()
        self._tasks = [asyncio.create_task(self._fire()), asyncio.create_task(self._keep_alarms())]
        self._rings.set()

    async def stop(self) -> None:
        """Ring no more; a transaction under way is finished first."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._stopping = True
        self._rings.set()
        self._changed.set()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    @property
    def alarms(self) -> int:
        """Return how many timers have an alarm set."""
        return sum(job.id.startswith("timer:") for job in self._scheduler.get_jobs())

    def _hear(self, topics: frozenset[str]) -> None:
        if store.TIMERS in topics:
            self._changed.set()
            self._rings.set()

    async def _ring(self) -> None:
        self._rings.set()

    async def _look_again(self) -> None:
        self._changed.set()

    async def _fire(self) -> None:
        while not self._stopping:
            await self._rings.wait()
            self._rings.clear()
            try:
                while not self._stopping and await timers.fire_due(self._store, self._timers):
                    pass
            except Exception:
                # The edge of the process: whatever went wrong (a lost database), the next sweep tries again.
                log.exception("timers.sweep_failed")

    async def _keep_alarms(self) -> None:
        while not self._stopping:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._set_alarms()
            except Exception:
                # The sweep still fires what is due; only the alarm's precision is lost until the next change.
                log.exception("timers.alarms_failed")

    async def _set_alarms(self) -> None:
        until = self._store.clock.now() + HORIZON
        if self._stopping:
            return
        wanted = {f"timer:{key}": at for key, at in await timers.upcoming(self._store, until, MOST_ALARMS)}
        known = {job.id: job for job in self._scheduler.get_jobs() if job.id.startswith("timer:")}
        for name in known.keys() - wanted.keys():
            known[name].remove()
        for name, at in wanted.items():
            if name not in known or known[name].trigger.run_date != at:
                self._scheduler.add_job(self._ring, "date", run_date=at, id=name, replace_existing=True)
