"""Whether this process does what it is there for: the checks of /readyz and of the heartbeat, and what they measure."""

import asyncio
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from bot import bootstrap
from incidents import punctuality, store_errors
from incidents.notices import Lane
from incidents.punctuality import Punctuality

_DATABASE_SECONDS = 2.0  # a database that takes longer to say what waits is not ready
_LITTLE_DISK_MB = 10  # a critical incident writes some 5 MB in its first hour
_SWEEP_SECONDS = 10.0  # the sweep comes every second; one that is this old is stuck
_ADDRESS = re.compile(r"[^\s<>]+@[^\s<>:,;]+")  # what a mail server says names people; anybody may ask a probe


@dataclass(frozen=True)
class State:
    """What was found."""

    checks: dict[str, str]  #: name -> what is wrong, or an empty string
    measures: dict[str, object] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Return whether nothing is wrong."""
        return not any(self.checks.values())


class Readiness:
    """Looks at one process when asked."""

    def __init__(self, running: bootstrap.Running, data: Path) -> None:
        self._running = running
        self._data = data  #: the folder that it writes into
        self._asking: asyncio.Task[Punctuality] | None = None

    async def state(self, intake_trouble: str) -> State:
        """Return how the process is."""
        found = Punctuality()
        database = late = ""
        try:
            found = await self._measured()
            late = _ADDRESS.sub("…", found.trouble(self._running.ctx.settings.late_after))
        except TimeoutError:
            database = f"The database did not answer within {_DATABASE_SECONDS:.0f} s."
        except store_errors.TROUBLE as error:
            database = str(store_errors.explain(error))
        age = self._running.alarms.sweep_age_seconds
        checks = {
            "database": database,
            "slack": self._running.deliverer.trouble,
            "intake": intake_trouble,
            "sweep": f"The last sweep for due timers was {age:.0f} s ago." if age > _SWEEP_SECONDS else "",
            "delivery": late,
            "disk": await asyncio.to_thread(_disk_trouble, self._data),
        }
        return State(checks, {"sweep_age_seconds": round(age, 1), **_measures(found)})

    async def close(self) -> None:
        """Wait for a question that the database has not answered yet."""
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=_DATABASE_SECONDS)

    async def _measured(self) -> Punctuality:
        # A question is never cut off, which would cost its connection; whoever asks meanwhile waits for the same one.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._measure(), name="readiness")
        await asyncio.wait({self._asking}, timeout=_DATABASE_SECONDS)
        if not self._asking.done():
            raise TimeoutError
        return self._asking.result()

    async def _measure(self) -> Punctuality:
        async with self._running.ctx.store.read() as session:
            return await punctuality.measure(session, self._running.ctx.clock)


def _disk_trouble(data: Path) -> str:
    # Reading still works on a full disk: without this, nobody could tell from outside.
    free_mb = shutil.disk_usage(data).free // 1_000_000
    return f"Only {free_mb} MB are free in {data}." if free_mb < _LITTLE_DISK_MB else ""


def _measures(found: Punctuality) -> dict[str, object]:
    backlog = {lane.name.lower(): 0 for lane in Lane}
    for (_, lane), count in found.waiting.items():
        backlog[lane.name.lower()] += count
    oldest = found.oldest.get(Lane.PAGE)
    return {
        "outbox_backlog": backlog,
        "oldest_page_seconds": round(oldest.total_seconds(), 1) if oldest else 0.0,
        "overdue_timers": found.overdue_timers,
    }
