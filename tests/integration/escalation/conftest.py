"""A real SQLite database with everything registered that escalates, a clock moved by hand, and nobody in Slack."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from escalation import planning, timers
from escalation.telling import Desk
from escalation.timers import Timers
from incidents import records
from incidents.catalog import Approvers, Person, Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.notices import Road
from incidents.service import declare
from incidents.service.declare import Declaration
from incidents.store import Store
from tests import installation
from tests.clock import ManualClock

REPORTER = "U0REP"
NAMES = ("ana", "bo", "cy", "dee", "eli", "flo", "gus", "sec")
PEOPLE = {
    name: Person(key=name, name=name.capitalize(), slack=f"U0{name.upper()}", email=f"{name}@example.com")
    for name in NAMES
}
SETTINGS = Settings(
    people=PEOPLE,
    audiences={
        "on_call_engineer": ("ana",),
        "team_lead": ("bo",),
        "product_manager": ("cy",),
        "engineering_manager": ("dee",),
        "cto": ("eli",),
        "ceo": ("flo",),
        "customer_success": ("gus",),
        "security_team": ("sec",),
    },
    approvers=Approvers(deploy=("bo",)),
)


@dataclass
class House:
    """One installation without its Slack side."""

    store: Store
    clock: ManualClock
    timers: Timers
    ctx: Context
    desk: Desk

    async def declare(self, severity: Severity = Severity.CRITICAL, **more: Any) -> records.Incident:
        async with self.store.transaction() as tx:
            said = Declaration(title="Checkout returns 500s", severity=severity, reporter=REPORTER, **more)
            return await declare.declare(tx, self.ctx, said)

    async def pass_time(self, **by: float) -> int:
        """Move the clock and fire what is due then; returns how many timers fired."""
        self.clock.advance(timedelta(**by))
        return await self.fire()

    async def fire(self) -> int:
        count = 0
        while fired := await timers.fire_due(self.store, self.timers):
            count += fired
        return count

    async def outbox(self, part: str = "") -> list[records.Outbox]:
        async with self.store.read() as session:
            rows = await session.scalars(select(records.Outbox).order_by(col(records.Outbox.id)))
            return [row for row in rows.all() if part in row.key]

    async def keys(self, part: str = "") -> list[str]:
        return [row.key for row in await self.outbox(part)]

    async def events(self, kind: EventKind) -> list[records.Event]:
        async with self.store.read() as session:
            rows = await session.scalars(
                select(records.Event).where(records.Event.kind == kind).order_by(col(records.Event.id))
            )
            return list(rows.all())

    async def waiting(self, part: str = "") -> dict[str, timedelta]:
        """Return the waiting timers by key, each with the time until it is due."""
        async with self.store.read() as session:
            rows = await session.scalars(
                select(records.Timer).where(records.Timer.state == "pending").order_by(col(records.Timer.due_at))
            )
            return {row.key: row.due_at - self.clock.now() for row in rows.all() if part in row.key}

    async def incident(self, incident_id: int) -> records.Incident:
        async with self.store.read() as session:
            return await session.get_one(records.Incident, incident_id)

    async def updates(self) -> list[records.StatusUpdate]:
        async with self.store.read() as session:
            rows = await session.scalars(select(records.StatusUpdate).order_by(col(records.StatusUpdate.id)))
            return list(rows.all())

    async def deliver(self, result: Mapping[str, Any] | None = None) -> None:
        """Mark everything that waits as delivered, as the delivery would."""
        async with self.store.transaction() as tx:
            rows = await tx.session.scalars(
                select(records.Outbox).where(col(records.Outbox.state).in_(("pending", "waiting")))
            )
            for row in rows.all():
                row.state, row.sent_at, row.result = "done", self.clock.now(), dict(result or {})


async def build(
    path: Path, *, settings: Settings = SETTINGS, roads: frozenset[Road] = frozenset({Road.SLACK})
) -> House:
    clock = ManualClock()
    store = Store(installation.sqlite_database(path), clock)
    ctx = Context(store=store, clock=clock, library=installation.library(), settings=settings)
    armed = Timers()
    desk = planning.register(store, armed, ctx, roads=roads)
    return House(store, clock, armed, ctx, desk)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = await build(tmp_path)
    yield built
    await built.store.close()


@pytest.fixture
async def wired_house(tmp_path: Path) -> AsyncIterator[House]:
    """The same with e-mail and a pager."""
    built = await build(tmp_path, roads=frozenset(Road))
    yield built
    await built.store.close()


@pytest.fixture
async def empty_house(tmp_path: Path) -> AsyncIterator[House]:
    """The same with nobody configured but an on-call engineer."""
    settings = SETTINGS.model_copy(update={"audiences": {"on_call_engineer": ("ana",)}, "operators_channel": "C0OPS"})
    built = await build(tmp_path, settings=settings)
    yield built
    await built.store.close()


@pytest.fixture(name="build", scope="session")
def _build() -> Callable[[Path], Awaitable[House]]:
    """The way to a house of one's own, for tests that need many."""
    return build
