"""Timers of several replicas on one PostgreSQL: each fires once, and nobody waits for a row that another holds."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from escalation import operators, timers
from escalation.timers import Timers
from incidents import holding, inbound, records, shared_clock
from incidents.catalog import Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.errors import Conflict
from incidents.lifecycle import Status
from incidents.service import queries, resolve
from incidents.shared_clock import SharedClock
from incidents.store import Store, Tx
from tests import installation
from tests.clock import ManualClock
from tests.integration.delivery.conftest import RunningClock


@pytest.fixture
async def replicas(postgres: str) -> AsyncIterator[tuple[Store, Store, ManualClock]]:
    clock = ManualClock()
    first, second = Store(postgres, clock), Store(postgres, clock)
    async with first.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.drop_all)
        await connection.run_sync(SQLModel.metadata.create_all)
    async with first.transaction() as tx:
        for number in range(3):
            tx.session.add(
                records.Incident(title=f"t{number}", severity=Severity.LOW, reporter="U0REP", declared_at=tx.now)
            )
    yield first, second, clock
    await first.close()
    await second.close()


async def arm(store: Store, count: int) -> None:
    async with store.transaction() as tx:
        for number in range(count):
            incident = await tx.session.get_one(records.Incident, number % 3 + 1)
            await timers.arm(tx, incident, f"t{number:03}", "tick", tx.now + timedelta(seconds=number))


async def drain(store: Store, clock: Timers, enough: asyncio.Event) -> None:
    while not enough.is_set():
        if not await timers.fire_due(store, clock, limit=10):
            await asyncio.sleep(0.01)


async def test_every_timer_is_fired_by_exactly_one_replica(replicas: tuple[Store, Store, ManualClock]) -> None:
    first, second, clock = replicas
    await arm(first, 150)
    clock.advance(timedelta(hours=1))
    fired: Counter[str] = Counter()
    enough = asyncio.Event()

    async def note(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        incident.title = timer.key
        tx.session.add(incident)
        fired[timer.key] += 1
        if len(fired) == 150:
            enough.set()

    clocks = Timers()
    clocks.on("tick", note)
    async with asyncio.timeout(30):
        await asyncio.gather(drain(first, clocks, enough), drain(second, clocks, enough))
    assert set(fired.values()) == {1}
    assert await timers.next_due(first) is None


async def test_a_timer_waits_while_another_replica_changes_its_incident_and_sees_the_change(
    replicas: tuple[Store, Store, ManualClock],
) -> None:
    first, second, clock = replicas
    await arm(first, 1)
    clock.advance(timedelta(hours=1))
    seen: list[Status] = []

    async def note(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        del tx, timer
        seen.append(incident.status)

    clocks = Timers()
    clocks.on("tick", note)
    async with second.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        incident.status = Status.RESOLVED
        tx.session.add(incident)
        await tx.session.flush()
        async with asyncio.timeout(5):
            assert await timers.fire_due(first, clocks) == 0
    assert await timers.fire_due(first, clocks) == 1
    assert seen == [Status.RESOLVED]


async def test_a_timer_fires_though_its_incident_is_never_free(replicas: tuple[Store, Store, ManualClock]) -> None:
    first, second, clock = replicas
    await arm(first, 1)
    clock.advance(timedelta(hours=1))
    fired = asyncio.Event()

    async def note(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        del tx, timer, incident
        fired.set()

    async def decide() -> None:
        while not fired.is_set():
            async with second.transaction() as tx:
                await holding.incident(tx.session, 1)
                await asyncio.sleep(0.02)

    clocks = Timers()
    clocks.on("tick", note)
    async with asyncio.timeout(10), asyncio.TaskGroup() as others:
        for _ in range(4):
            others.create_task(decide())
        await asyncio.sleep(0.1)
        while not fired.is_set():
            await timers.fire_due(first, clocks)


async def test_a_payload_that_several_replicas_are_given_is_taken_in_by_one(
    replicas: tuple[Store, Store, ManualClock],
) -> None:
    async def take(one: Store) -> bool:
        async with one.transaction() as tx:
            return await inbound.first_time(tx, "event:Ev1")

    at_once = await asyncio.gather(*(take(each) for each in replicas[:2]))
    assert sorted(at_once) == [False, True]
    assert not await take(replicas[0])


async def test_a_spell_that_several_replicas_notice_is_told_by_one(replicas: tuple[Store, Store, ManualClock]) -> None:
    async def notice(one: Store) -> bool:
        async with one.transaction() as tx:
            return await operators.begin(tx, Settings(), why="3 notices leave late", cause="", roads=())

    at_once = await asyncio.gather(*(notice(each) for each in replicas[:2]))
    assert sorted(at_once) == [False, True]
    assert not await notice(replicas[0])


@pytest.fixture
async def alone(replicas: tuple[Store, Store, ManualClock], postgres: str) -> AsyncIterator[tuple[Store, RunningClock]]:
    """A replica by the database's clock, and the clock of its machine."""
    machine = RunningClock()
    store = Store(postgres, SharedClock(machine))
    await store.clock.compare(store.engine)
    yield store, machine
    await store.close()


async def test_of_two_incidents_that_are_each_cancelled_as_the_others_duplicate_one_goes_on(
    replicas: tuple[Store, Store, ManualClock],
) -> None:
    first, second, clock = replicas
    context = Context(first, clock, installation.library(), Settings())

    async def cancel(one: Store, number: int, other: int) -> None:
        async with one.transaction() as tx:
            await resolve.cancel(tx, context, number, "U0REP", "the same", duplicate_of=other)

    async with first.transaction() as tx:
        await queries.get(tx.session, 1)
        crossing = asyncio.create_task(cancel(second, 2, 1))
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        async with asyncio.timeout(5), first.read() as session:  # in a transaction these figures stand still
            while not await session.scalar(waiting):  # noqa: ASYNC110 - a lock tells nobody
                await asyncio.sleep(0.01)
        await resolve.cancel(tx, context, 1, "U0REP", "the same", duplicate_of=2)
    with pytest.raises(Conflict, match="inc-1 was itself cancelled, by <@U0REP>"):
        await crossing
    async with first.read() as session:
        assert [(await queries.get(session, each)).status for each in (1, 2)] == [Status.CANCELLED, Status.OPEN]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["an hour ahead", "an hour back"])
async def test_replica_whose_machines_clock_is_set_rings_what_is_due_and_nothing_early(
    alone: tuple[Store, RunningClock], step: timedelta
) -> None:
    store, machine = alone
    async with store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        for key, after in (("due", -timedelta(seconds=1)), ("later", HOUR / 2)):
            await timers.arm(tx, incident, key, "tick", tx.now + after)
    fired: list[str] = []

    async def note(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        del tx, incident
        fired.append(timer.key)

    clocks = Timers()
    clocks.on("tick", note)
    machine.advance(step)
    while await timers.fire_due(store, clocks):
        pass
    assert fired == ["due"]


async def test_machine_that_slept_is_set_right_within_a_second(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shared_clock._LOOK_SECONDS <= 1.0
    monkeypatch.setattr(shared_clock, "_LOOK_SECONDS", 0.02)
    slept = 0.0
    clock = SharedClock(machine := RunningClock(), lambda: time.monotonic() - slept)  # its seconds sleep with it
    store, stopping = Store(postgres, clock), asyncio.Event()
    await clock.compare(store.engine)
    keeping = asyncio.create_task(clock.keep(store.engine, stopping))
    slept = 60.0
    assert machine.now() - clock.now() > timedelta(seconds=55)
    async with asyncio.timeout(5):
        while machine.now() - clock.now() > timedelta(seconds=1):  # noqa: ASYNC110 - a clock tells nobody
            await asyncio.sleep(0.01)
    stopping.set()
    await keeping
    await store.close()
