"""From a restart to the first overdue notice, with 10,000 timers waiting and 500 incidents open."""

import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import update
from sqlmodel import col, select

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from incidents import migrations, records
from incidents.clock import SystemClock
from incidents.definitions import Severity
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


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return the median of three restarts, beside a bare app that connects and posts one message."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread((Path(folder) / "sitrep.yml").write_text, _CONFIGURATION)
        store = Store(f"sqlite+aiosqlite:///{folder}/sitrep.db", SystemClock())
        await migrations.upgrade(store)
        await history.write(store, _SIZE)
        settings = {"SITREP_CONFIG": folder, "DATABASE_URL": f"sqlite:///{folder}/sitrep.db"}
        try:
            for _ in range(_ROUNDS):
                key = await _make_one_overdue(store)
                began = time.perf_counter()
                async with stage.sitrep(running, ava, **settings):
                    await ava.wait_for_message(await ava.open_dm(_bot(ava)), lambda each, key=key: key in str(each), 60)
                    ours.append(time.perf_counter() - began)
                await ava.wait_until_app_left(stage.SITREP)
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


def _bot(ava: Person) -> str:
    return ava.user_ids["sitrep"]


async def _make_one_overdue(store: Store) -> str:
    """Let an escalation have been due while nothing ran; returns the key of its incident."""
    async with store.transaction() as tx:
        found = await tx.session.scalars(
            select(records.Incident)
            .join(records.Timer, col(records.Timer.incident_id) == col(records.Incident.id))
            .where(records.Incident.severity == Severity.CRITICAL, records.Timer.state == "pending")
            .order_by(col(records.Incident.id))
        )
        incident = found.first()
        assert incident is not None, "the history has open incidents that are critical"
        waiting = select(records.Timer.key).where(
            records.Timer.incident_id == incident.id, records.Timer.state == "pending"
        )
        await tx.session.execute(
            update(records.Timer)
            .where(col(records.Timer.key) == (await tx.session.scalars(waiting)).first())
            .values(due_at=tx.now - _LATE, payload={"trigger": "critical_bug_not_resolved_60_minutes", "round": 0})
        )
        return str(incident.key)
