"""The alarm clock on real time: it rings on the instant, sweeps up what had no alarm, and stops cleanly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from escalation import timers
from escalation.scheduler import AlarmClock
from escalation.timers import Timers
from incidents import records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.store import Store, Tx
from tests import installation

WAIT = 10  # seconds; generous, a test that passes takes none of it


class Fired:
    """Collects what fired and lets a test wait for it."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.late: list[float] = []
        self._more = asyncio.Condition()

    async def note(self, tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        del incident
        async with self._more:
            self.keys.append(timer.key)
            self.late.append((tx.now - timer.due_at).total_seconds())
            self._more.notify_all()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WAIT), self._more:
            await self._more.wait_for(lambda: len(self.keys) >= count)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(installation.sqlite_database(tmp_path), SystemClock())
    async with made.transaction() as tx:
        tx.session.add(records.Incident(title="t", severity=Severity.LOW, reporter="U0REP", declared_at=tx.now))
    yield made
    await made.close()


class SteppingClock(SystemClock):
    """The machine's clock, and by how much somebody has set it wrong."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not true():  # noqa: ASYNC110 - the alarm clock tells nobody
            await asyncio.sleep(0.005)


async def arm(store: Store, **due_in: float) -> None:
    async with store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        for key, seconds in due_in.items():
            await timers.arm(tx, incident, key, "tick", tx.now + timedelta(seconds=seconds))


async def test_a_backlog_that_is_being_fired_is_no_stuck_sweep(store: Store) -> None:
    await arm(store, **{f"t{number:03}": -60.0 for number in range(timers.GROUP + 1)})
    ages: list[float] = []

    async def note(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        del tx, timer, incident
        ages.append(alarm.sweep_age_seconds)

    clock = Timers()
    clock.on("tick", note)
    alarm = AlarmClock(store, clock)
    alarm._swept_at -= 60
    await alarm.start()
    await until(lambda: len(ages) > timers.GROUP)
    await alarm.stop()
    assert ages[0] > 60
    assert ages[-1] < WAIT


async def rings(store: Store, fired: Fired, **options: timedelta) -> AlarmClock:
    clock = Timers()
    clock.on("tick", fired.note)
    alarm = AlarmClock(store, clock, **options)
    await alarm.start()
    return alarm


async def test_what_was_overdue_fires_at_start_in_order(store: Store) -> None:
    await arm(store, b=-10, a=-20, c=-5)
    fired = Fired()
    alarm = await rings(store, fired)
    await fired.until(3)
    await alarm.stop()
    assert fired.keys == ["a", "b", "c"]


async def test_an_alarm_rings_when_its_timer_is_due_and_not_at_the_next_sweep(store: Store) -> None:
    fired = Fired()
    alarm = await rings(store, fired, sweep=timedelta(hours=1))
    await arm(store, a=0.2)
    await fired.until(1)
    await alarm.stop()
    assert fired.late[0] >= 0


async def test_the_sweep_fires_what_has_no_alarm(store: Store) -> None:
    fired = Fired()
    alarm = await rings(store, fired, sweep=timedelta(milliseconds=50))
    async with store.transaction() as tx:  # as another replica would: this process hears nothing of it
        tx.session.add(records.Timer(key="a", incident_id=1, kind="tick", due_at=tx.now))
    await fired.until(1)
    await alarm.stop()
    assert fired.keys == ["a"]


async def test_the_alarm_is_set_for_the_soonest_of_many(store: Store) -> None:
    fired = Fired()
    await arm(store, soon=600, **{f"later{number}": 7200 + number for number in range(50)})
    alarm = await rings(store, fired)
    soonest = await timers.next_due(store)
    await until(lambda: alarm.alarm == soonest)
    await arm(store, sooner=60)
    soonest = await timers.next_due(store)
    await until(lambda: alarm.alarm == soonest)
    await alarm.stop()


async def test_the_alarm_is_taken_back_with_the_last_timer(store: Store) -> None:
    alarm = await rings(store, Fired())
    await arm(store, a=600)
    await until(lambda: alarm.alarm is not None)
    async with store.transaction() as tx:
        await timers.cancel(tx, "a")
    await until(lambda: alarm.alarm is None)
    await alarm.stop()


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_clock_that_steps_fires_what_is_due_by_it_within_a_sweep_and_once(
    store: Store, step: timedelta
) -> None:
    clock = SteppingClock()
    store.clock = clock
    fired = Fired()
    alarm = await rings(store, fired, sweep=timedelta(milliseconds=100))
    await arm(store, now=0.05)
    await fired.until(1)
    clock.ahead = step
    # What comes due by the new time, whether it was armed before the step or after it, waits for no old alarm.
    due_at = store.clock.now() + timedelta(seconds=0.05)
    async with store.transaction() as tx:
        tx.session.add(records.Timer(key="soon", incident_id=1, kind="tick", due_at=due_at))
    await fired.until(2)
    clock.ahead = timedelta()
    await arm(store, after=0.05)
    await fired.until(3)
    await alarm.stop()
    assert fired.keys == ["now", "soon", "after"]
    assert max(fired.late) < 10  # the clock was an hour off


async def test_two_replicas_fire_each_timer_once(store: Store) -> None:
    fired = Fired()
    first, second = await rings(store, fired), await rings(store, fired)
    await arm(store, **{f"t{number:02}": 0.1 + number / 1000 for number in range(60)})
    await fired.until(60)
    await first.stop()
    await second.stop()
    assert sorted(fired.keys) == sorted(set(fired.keys))


async def test_stopping_waits_for_what_is_under_way_and_fires_no_more(store: Store) -> None:
    fired = Fired()
    alarm = await rings(store, fired, sweep=timedelta(milliseconds=20))
    await alarm.stop()
    await arm(store, a=-1)
    assert await timers.next_due(store) is not None
    assert fired.keys == []
