"""Whether this process does what it is there for: the checks of /readyz and of the heartbeat, and what they measure."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot import bootstrap
from incidents import punctuality, store_errors
from incidents.notices import Lane
from incidents.punctuality import Punctuality

_DATABASE_SECONDS = 2.0  # a database that takes longer to say what waits is not ready
_LITTLE_DISK_MB = 10  # a critical incident writes some 5 MB in its first hour
_SWEEP_SECONDS = 10.0  # the sweep comes every second; one that is this old is stuck


@dataclass(frozen=True)
class State:
    """What was found."""

    checks: dict[str, str]  #: name -> what is wrong, or an empty string
    measures: dict[str, object] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Return whether nothing is wrong."""
        return not any(self.checks.values())


async def state(running: bootstrap.Running, intake_trouble: str, data: Path) -> State:
    """Return how the process is; `data` is the folder that it writes into."""
    found = Punctuality()
    database = late = ""
    try:
        async with asyncio.timeout(_DATABASE_SECONDS), running.ctx.store.read() as session:
            found = await punctuality.measure(session, running.ctx.clock)
        late = found.trouble(running.ctx.settings.late_after)
    except TimeoutError:
        database = f"The database did not answer within {_DATABASE_SECONDS:.0f} s."
    except DBAPIError as error:
        database = str(store_errors.explain(error))
    age = running.alarms.sweep_age_seconds
    checks = {
        "database": database,
        "slack": running.deliverer.trouble,
        "intake": intake_trouble,
        "sweep": f"The last sweep for due timers was {age:.0f} s ago." if age > _SWEEP_SECONDS else "",
        "delivery": late,
        "disk": await asyncio.to_thread(_disk_trouble, data),
    }
    return State(checks, {"sweep_age_seconds": round(age, 1), **_measures(found)})


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
