"""An incident that is being declared: what this transaction recorded is all there is, and is not read back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from escalation import timers
from incidents import records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.newborn import is_new
from incidents.service import queries
from incidents.store import Store
from tests import installation


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(installation.sqlite_database(tmp_path), SystemClock())
    yield made
    await made.close()


async def test_events_and_timers_of_a_new_incident_are_those_that_are_stored(store: Store) -> None:
    due = datetime(2030, 1, 1, tzinfo=UTC)
    async with store.transaction() as tx:
        incident = records.Incident(
            title="Checkout", severity=Severity.HIGH, reporter="U0AVA", declared_at=datetime(2029, 1, 1, tzinfo=UTC)
        )
        tx.session.add(incident)
        await tx.session.flush()
        assert not is_new(tx.session, incident.number)
        await tx.record(incident, EventKind.DECLARED)
        await tx.record(incident, EventKind.NOTE, at=tx.now - timedelta(hours=1))
        seen = await queries.events(tx.session, incident.number)
        assert await timers.find(tx, incident, "t") is None
        await timers.arm(tx, incident, "t", "page", due)
        await timers.arm(tx, incident, "t", "page", due + timedelta(hours=1))
        await timers.cancel(tx, "t")
        await timers.arm(tx, incident, "t", "page", due + timedelta(hours=2))
    async with store.transaction() as tx:
        assert not is_new(tx.session, incident.number)
        stored = await queries.events(tx.session, incident.number)
        timer = await timers.find(tx, incident, "t")
    assert [event.kind for event in seen] == [event.kind for event in stored] == [EventKind.NOTE, EventKind.DECLARED]
    assert timer is not None
    assert (timer.state, timer.due_at) == ("pending", due + timedelta(hours=2))
    await store.close()
