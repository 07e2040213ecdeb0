"""Whether this process does what it is there for: the checks of /readyz and of the heartbeat, and what they measure."""

import asyncio
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from bot import bootstrap
from incidents import punctuality, store_errors
from incidents.notices import Lane
from incidents.punctuality import Punctuality

_DATABASE_SECONDS = 2.0  # a database that takes longer to say what waits is not ready
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


async def state(running: bootstrap.Running, intake_trouble: str) -> State:
    """Return how the process is."""
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
    }
    return State(checks, {"sweep_age_seconds": round(age, 1), **_measures(found)})


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
