"""An incident that is being declared: what this transaction recorded is all there is, and is not read back."""

import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from bot import bootstrap
from escalation import timers
from incidents import outbox, posts, records
from incidents.catalog import Person, Service, Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.newborn import is_new
from incidents.notices import Action, Lane, Notice, Road, room_of
from incidents.service import queries
from incidents.service.declare import Declaration, declare
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


#: People to page, tell and invite, operators, an announcement, and a service with links.
CONFIGURED = Settings(
    people={name: Person(key=name, name=name, slack=f"U0{name.upper()}") for name in ("ava", "ben", "ops")},
    audiences={"on_call_engineer": ("ava",), "team_lead": ("ben",), "cto": ("ben",), "customer_success": ("ben",)},
    operators=("ops",),
    operators_channel="C0OPS",
    announce_channel="C0NEWS",
    services={
        "shop": Service(key="shop", title="Shop", runbook="https://example.com/r", war_room="https://example.com")
    },
)
#: What may be read back, and how often: the steps; whom the matrix told at once, by what pages, invites and reports it.
READ_BACK = Counter(step=1, outbox=3)


async def test_a_declaration_reads_nothing_back_but_its_steps_and_whom_it_told(store: Store) -> None:
    ctx = Context(store, store.clock, installation.library(), CONFIGURED)
    bootstrap.listen(ctx, timers.Timers(), frozenset(Road))
    asked: list[str] = []

    @event.listens_for(store.engine.sync_engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    for severity in Severity:
        asked.clear()
        said = Declaration(
            title="Checkout answers 500",
            severity=severity,
            reporter="U0CAT",
            service="shop",
            known="In production, since release 4.1",
            facts={"component": "the checkout API"},
        )
        async with store.transaction() as tx:
            await declare(tx, ctx, said)
        read = Counter(_table(statement) for statement in asked if statement.startswith("SELECT"))
        assert read <= READ_BACK, severity
        assert asked, severity


def _table(statement: str) -> str:
    """Return what a statement reads, not what it only asks beside each row."""
    while (outer := re.sub(r"\([^()]*\)", "", statement)) != statement:
        statement = outer
    return statement.split("FROM")[1].split()[0]


async def test_notices_of_a_new_incident_give_way_to_each_other_as_in_the_outbox(store: Store) -> None:
    async with store.transaction() as tx:
        incident = records.Incident(
            title="Checkout", severity=Severity.HIGH, reporter="U0AVA", declared_at=datetime(2029, 1, 1, tzinfo=UTC)
        )
        tx.session.add(incident)
        await tx.session.flush()
        first = await tx.record(incident, EventKind.DECLARED)
        card, stranger = posts.post(incident, "card", "live_card", Lane.ROOM), posts.edit("nothing", first, "live_card")
        topics = [_topic(incident, number) for number in range(3)]
        await outbox.put(tx, incident.id, posts.post(incident, "room", "x", Lane.ROOM), card, topics[0], topics[1])
        # Each of them is known: put already, left out, in the place of what waits, an edit of what has not left.
        assert await outbox.put(tx, incident.id, card, stranger, posts.edit("card", first, "live_card")) == frozenset()
        assert await outbox.put(tx, incident.id, topics[2]) == {topics[2].key}
        told = [row.key for row in await queries.deliveries(tx.session, incident.number, "topic")]
        assert await queries.deliveries(tx.session, incident.number, "page") == []
    async with store.read() as session:
        stored = await queries.deliveries(session, incident.number)
    assert told == [topic.key for topic in topics]
    assert {row.key: row.state for row in stored} == {
        "room": "waiting",
        "card": "waiting",
        "topic:0": "superseded",
        "topic:1": "superseded",
        "topic:2": "waiting",
    }


def _topic(incident: records.Incident, number: int) -> Notice:
    return Notice(
        key=f"topic:{number}",
        lane=Lane.CHATTER,
        action=Action.SET_TOPIC,
        target="channel",
        params={"topic": str(number)},
        after=room_of(incident.key),
        coalesce="topic",
    )
