"""From a restart to the first overdue notice, with 10,000 timers waiting and 500 incidents open."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update
from sqlmodel import col, select

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from incidents import migrations, records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.lifecycle import Status
from incidents.store import Store
from tests.benchmarks import history, stage
from tests.benchmarks.report import Line

_SIZE = history.Size(past=1_000, opened=500, timers=10_000)
_ROUNDS = 3
_LATE = timedelta(minutes=5)
_LIMIT_SECONDS = 2.0

_CONFIGURATION = """
people:
  ava: {name: Ava, slack: U0AVA}
audiences:
  cto: [ava]
"""


@dataclass(frozen=True)
class Restart:
    """How long a restart took, in seconds."""

    connected: float
    told: float  #: until who was to hear of what was overdue had read it


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return the median of three restarts, beside a bare app that connects and posts one message."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite+aiosqlite:///{folder}/sitrep.db", SystemClock())
        await migrations.upgrade(store)
        await history.write(store, _SIZE)
        try:
            for turn in range(_ROUNDS):
                ours.append((await restart(running, ava, store, turn)).told)
                began = time.perf_counter()
                async with stage.bare(running, ava):
                    await stage.web(running, stage.BARE).chat_postMessage(
                        channel=ava.channel_id("general"), text="late"
                    )
                    bare.append(time.perf_counter() - began)
                await ava.wait_until_app_left(stage.BARE)
        finally:
            await store.close()
    return [
        Line(
            "restart to the first overdue notice, median",
            statistics.median(ours),
            "s",
            _LIMIT_SECONDS,
            statistics.median(bare),
            "bare Bolt app: start to a post",
            "value",
        )
    ]


async def restart(
    running: Workspace, ava: Person, store: Store, turn: int, then: Callable[[], Awaitable[None]] | None = None
) -> Restart:
    """Start Sitrep on the history in `store` with something overdue, and do `then` while it runs.

    Each `turn` has an incident of its own: of one, nobody is told twice.
    """
    key = await _make_one_overdue(store, turn)
    talk = await ava.open_dm(ava.user_ids["sitrep"])
    # Of an earlier start, or of the same incident in another database, nothing counts.
    read = max((str(each["ts"]) for each in await ava.messages(talk)), default="")
    with tempfile.TemporaryDirectory() as config:
        await asyncio.to_thread((Path(config) / "sitrep.yml").write_text, _CONFIGURATION)
        url = store.engine.url.render_as_string(hide_password=False)
        began = time.perf_counter()
        async with stage.sitrep(running, ava, SITREP_CONFIG=config, DATABASE_URL=url) as started:
            await ava.wait_for_message(talk, lambda each: key in str(each) and str(each["ts"]) > read, 60)
            found = Restart(started.seconds, time.perf_counter() - began)
            if then is not None:
                await then()
        await ava.wait_until_app_left(stage.SITREP)
    return found


async def _make_one_overdue(store: Store, turn: int) -> str:
    """Let an escalation have been due while nothing ran; returns the key of its incident."""
    incident, timer = records.Incident, records.Timer
    waiting = select(timer.incident_id).where(timer.state == "pending")
    critical = select(incident).where(
        incident.severity == Severity.CRITICAL, incident.status == Status.OPEN, col(incident.id).in_(waiting)
    )
    async with store.transaction() as tx:
        found = (await tx.session.scalars(critical.order_by(col(incident.id)).offset(turn).limit(1))).one()
        first = select(timer.key).where(timer.incident_id == found.id, timer.state == "pending").order_by(timer.key)
        await tx.session.execute(
            update(timer)
            .where(col(timer.key) == (await tx.session.scalars(first)).first())
            .values(due_at=tx.now - _LATE, payload={"trigger": "critical_bug_not_resolved_60_minutes", "round": 0})
        )
        return str(found.key)
