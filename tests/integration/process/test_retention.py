"""The policy lets go what it names, a batch at a time, and nothing that somebody still needs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import event, func
from sqlmodel import SQLModel, col, select

from bot import housekeeping
from incidents import migrations, outbox, records, retention
from incidents.catalog import Retention, Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity
from incidents.notices import Action, Lane, Notice
from incidents.service import declare, resolve
from incidents.service.declare import Declaration
from incidents.store import Store
from tests import installation
from tests.benchmarks import history

PAST, OPEN = 60, 2


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    made = Store(database_url, SystemClock())
    await migrations.upgrade(made)
    await history.write(made, history.Size(past=PAST, opened=OPEN, timers=20))
    async with made.transaction() as tx:
        tx.session.add(records.Followup(incident_id=PAST + 1, title="the newest", created_at=tx.now))
        tx.session.add(records.Membership(incident_id=1, person="U0P001", changed_at=tx.now))
    yield made
    await made.close()


async def _count(store: Store, table: type[SQLModel], *conditions: Any) -> int:
    async with store.read() as session:
        return await session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


async def _rounds(store: Store, policy: Retention) -> int:
    """Apply `policy` until nothing is left to do; returns how many rounds did something."""
    rounds = 0
    while await retention.round_(store, policy):
        rounds += 1
    return rounds


async def test_without_a_policy_everything_stays(store: Store) -> None:
    assert await _rounds(store, Retention()) == 0
    assert await _count(store, records.Incident) == PAST + OPEN
    assert await _count(store, records.EvidenceRow, col(records.EvidenceRow.excerpt) == "") == 0


async def test_old_channels_are_archived_once_and_open_ones_never(store: Store) -> None:
    assert await _rounds(store, Retention(archive_channel_after=timedelta(hours=12))) == 2
    archives = records.Outbox.action == Action.ARCHIVE.value
    assert await _count(store, records.Outbox, archives) == PAST
    assert await _rounds(store, Retention(archive_channel_after=timedelta(hours=12))) == 0
    assert await _count(store, records.Outbox, archives) == PAST


async def test_what_ended_within_the_time_is_left_alone(store: Store) -> None:
    half = timedelta(days=5 * 365 / 2)
    await _rounds(store, Retention(strip_after=half))
    stripped = await _count(store, records.Incident, col(records.Incident.stripped_at).is_not(None))
    assert PAST * 0.4 < stripped < PAST * 0.6
    async with store.read() as session:
        found = await session.scalars(select(records.Incident).where(col(records.Incident.stripped_at).is_not(None)))
        assert all(each.declared_at < store.clock.now() - half for each in found.all())


async def test_what_was_open_for_a_month_and_is_cancelled_now_has_ended_now(store: Store) -> None:
    ctx = Context(store, store.clock, installation.library(), Settings())
    after = timedelta(days=30)
    told = Declaration(title="Old", severity=Severity.LOW, reporter="U1")
    async with store.transaction() as tx:
        incident = await declare.declare(tx, ctx, told)
        incident.declared_at = tx.now - after - timedelta(days=1)
        await declare.declare(tx, ctx, told)  # the newest would stay anyway
    async with store.transaction() as tx:
        await resolve.cancel(tx, ctx, incident.number, "U1", "no longer happens")
    await _rounds(store, Retention(archive_channel_after=after, strip_after=after, forget_incident_after=after))
    async with store.read() as session:
        left = await session.get(records.Incident, incident.number)
    assert left is not None
    assert (left.archived_at, left.stripped_at) == (None, None)


async def test_stripping_keeps_the_story_and_what_others_lean_on(store: Store) -> None:
    events = await _count(store, records.Event)
    row = records.Outbox
    edits = [
        Notice(key="inc-1:card:edit", lane=Lane.ROOM, action=Action.EDIT, target="channel", of="inc-1:card"),
        Notice(key="inc-1:told", lane=Lane.STATUS, action=Action.DIRECT, target="user:U0P001"),
    ]
    async with store.transaction() as tx:
        await outbox.put(tx, 1, *edits)
        for each in (await tx.session.scalars(select(row).where(row.state == "pending"))).all():
            each.state = "done"
    await _rounds(store, Retention(strip_after=timedelta(hours=12)))

    assert await _count(store, records.Event) == events
    past = col(records.EvidenceRow.incident_id) <= PAST
    assert await _count(store, records.EvidenceRow, past, records.EvidenceRow.excerpt != "") == 0
    assert await _count(store, records.EvidenceRow, past, records.EvidenceRow.digest != "") == PAST
    assert await _count(store, records.EvidenceRow, ~past, records.EvidenceRow.excerpt == "") == 0
    assert await _count(store, records.Timer) == 20
    assert await _count(store, row, col(row.key).in_([each.key for each in edits])) == 0
    async with store.transaction() as tx:
        await outbox.put(
            tx, 1, Notice(key="inc-1:more", lane=Lane.CHATTER, action=Action.POST, target="channel", after="inc-1:room")
        )
    async with store.read() as session:
        assert await session.scalar(select(row.state).where(row.key == "inc-1:more")) == "pending"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL knows how many rows are in a state
async def test_what_is_let_go_is_found_by_its_incidents_not_by_its_state(store: Store) -> None:
    plans: list[str] = []

    @event.listens_for(store.engine.sync_engine, "before_cursor_execute")
    def explain(connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        if statement.startswith("DELETE"):
            plan = connection.connection.cursor()
            plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(str(row[3]) for row in plan.fetchall())

    for policy in (Retention(strip_after=timedelta(hours=12)), Retention(forget_incident_after=timedelta(hours=12))):
        assert await retention.round_(store, policy)
    assert [line for line in plans if "SCAN" in line or "(state=?)" in line] == []


async def test_an_incident_with_something_on_its_way_waits(store: Store) -> None:
    async with store.transaction() as tx:
        await outbox.put(tx, 1, Notice(key="inc-1:late", lane=Lane.CHATTER, action=Action.POST, target="channel"))
    await _rounds(store, Retention(strip_after=timedelta(hours=12), forget_incident_after=timedelta(hours=12)))
    assert await _count(store, records.Incident, records.Incident.id == 1) == 1
    assert await _count(store, records.Incident) == 1 + OPEN


@pytest.mark.parametrize("what", ["a post", "a step"])
async def test_channel_in_which_something_is_still_to_be_told_is_not_archived(store: Store, what: str) -> None:
    async with store.transaction() as tx:
        if what == "a post":
            await outbox.put(tx, 1, Notice(key="inc-1:late", lane=Lane.CHATTER, action=Action.POST, target="channel"))
        else:
            run = records.Run(incident_id=1, workflow="w", digest="d", definition={}, created_at=tx.now)
            tx.session.add(run)
            await tx.session.flush()
            tx.session.add(records.Step(run_id=run.number, name="6.1", state="ready"))
    await _rounds(store, Retention(archive_channel_after=timedelta(hours=12)))
    assert await _count(store, records.Outbox, records.Outbox.key == "inc-1:archive") == 0
    assert await _count(store, records.Outbox, records.Outbox.key == "inc-2:archive") == 1


async def test_forgetting_leaves_nothing_but_what_was_learned_in_public(store: Store) -> None:
    private = await _count(store, records.Incident, records.Incident.private)
    assert private
    assert await _rounds(store, Retention(forget_incident_after=timedelta(hours=12))) == 2
    assert await _count(store, records.Incident) == OPEN
    roles = records.RoleHolder, records.Membership
    for table in (records.Event, *roles, records.Outbox, records.Timer, records.Run, records.IncidentWord):
        assert await _count(store, table, table.incident_id <= PAST) == 0  # type: ignore[operator]
    assert await _count(store, records.Solution) == PAST - private
    assert await _count(store, records.Solution, col(records.Solution.incident_id).is_not(None)) == 0


async def test_no_number_that_a_button_or_a_letter_may_hold_is_ever_given_again(empty_store: Store) -> None:
    await migrations.upgrade(empty_store)
    ctx = Context(empty_store, empty_store.clock, installation.library(), Settings())
    policy = Retention(forget_incident_after=timedelta(hours=12))

    async def ended() -> int:
        told = Declaration(title="Old", severity=Severity.LOW, reporter="U1")
        async with empty_store.transaction() as tx:
            incident = await declare.declare(tx, ctx, told)
            await resolve.resolve(tx, ctx, incident.number, "U1", "done")
            incident.declared_at = incident.resolved_at = tx.now - timedelta(days=1)
        return incident.number

    async def of(incident_id: int) -> dict[str, int]:
        """Add to an incident one row of each kind that people are shown the number of."""
        async with empty_store.transaction() as tx:
            at = tx.now
            run = records.Run(incident_id=incident_id, workflow="w", digest="d", definition={}, created_at=at)
            tx.session.add(run)
            await tx.session.flush()
            about: dict[str, Any] = {"incident_id": incident_id, "run_id": run.number}
            rows: list[Any] = [
                run,
                records.Step(run_id=run.number, name="1.1", state="done"),
                records.Approval(**about, step="1.1", kind="deploy", digest="d", asked_at=at, state="approved"),
                records.Question(**about, kind="clarification", text="?", asked_at=at, state="answered"),
                records.Followup(incident_id=incident_id, title="f", created_at=at),
                records.StatusUpdate(incident_id=incident_id, slot=f"{run.id}", due_at=at),
            ]
            tx.session.add_all(rows)
        return {type(row).__name__: row.number for row in rows}

    first, second = await ended(), await ended()
    given = await of(first)  # the older one was taken up again last
    await _rounds(empty_store, policy)
    third = await ended()
    assert third > second
    newer = await of(third)
    assert [kind for kind, number in newer.items() if number <= given[kind]] == []
    await _rounds(empty_store, policy)
    assert await _count(empty_store, records.Incident) == 1, "what is newer holds the highest numbers now"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite: one writes at a time, all others wait
async def test_an_incident_that_somebody_has_in_hand_is_let_go_as_soon_as_they_are_done(store: Store) -> None:
    policy = Settings(retention=Retention(archive_channel_after=timedelta(hours=12)))
    context = Context(store, store.clock, installation.library(), policy)
    with structlog.testing.capture_logs() as logged:
        async with store.transaction() as tx:
            await tx.session.execute(select(records.Incident).where(records.Incident.id == 1).with_for_update())
            rounds = [await retention.round_(store, policy.retention) for _ in range(3)]
            looked = _looks(store)
            tidying = asyncio.create_task(housekeeping.once(context, asyncio.Event(), pause_seconds=0.02))
            while len(looked) < 3 and not tidying.done():
                await asyncio.sleep(0.02)
                await tx.session.execute(select(1))  # the server ends whoever holds something and is idle
            assert not tidying.done(), "it looks again"
        await tidying
    assert [(done.archived, done.held) for done in rounds] == [(50, 0), (PAST - 51, 1), (0, 1)]
    assert [each["channels_archived"] for each in logged if each["event"].startswith("let go")] == [1]
    assert await _count(store, records.Outbox, records.Outbox.key == "inc-1:archive") == 1


def _looks(store: Store) -> list[str]:
    """Return what will fill with the questions for incidents that nobody has in hand."""
    looks: list[str] = []

    @event.listens_for(store.engine.sync_engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        looks.extend([str(arguments[2])] * ("SKIP LOCKED" in str(arguments[2])))

    return looks


async def test_housekeeping_goes_on_until_nothing_is_left(store: Store) -> None:
    library = installation.library()
    policy = Settings(retention=Retention(forget_incident_after=timedelta(hours=12)))
    await housekeeping.once(Context(store, store.clock, library, policy), asyncio.Event(), pause_seconds=0)
    assert await _count(store, records.Incident) == OPEN


async def test_deliveries_of_no_incident_go_when_they_are_old(store: Store) -> None:
    async with store.transaction() as tx:
        home = Notice(key="home:1", lane=Lane.CHATTER, action=Action.HOME, target="user:U0P001")
        await outbox.put(tx, None, home, home.model_copy(update={"key": "home:2"}))
        for each in (await tx.session.scalars(select(records.Outbox).where(records.Outbox.key == "home:1"))).all():
            each.state, each.created_at = "done", tx.now - timedelta(days=2)
    await _rounds(store, Retention(strip_after=timedelta(days=1)))
    assert await _count(store, records.Outbox, col(records.Outbox.key).in_(["home:1", "home:2"])) == 1
