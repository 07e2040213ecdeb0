"""Timer rows fire once, in order, and one at fault does not hold up the others."""

from datetime import timedelta
from typing import Any

import pytest

from escalation import timers
from escalation.timers import Timers
from incidents import records
from incidents.errors import ToolFailed
from incidents.events import EventKind
from incidents.store import Tx

KIND = "tick"


class Tape:
    """Writes down what fired."""

    def __init__(self) -> None:
        self.fired: list[str] = []
        self.failing: set[str] = set()

    async def note(self, tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        await tx.record(incident, EventKind.NOTE, text=timer.key, link="")
        if timer.key in self.failing:
            raise ToolFailed("the disk is full")
        self.fired.append(timer.key)


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
async def clock(house: Any, tape: Tape) -> Timers:
    """Declared, with every timer of its own out of the way."""
    await house.declare()
    async with house.store.transaction() as tx:
        await timers.cancel_of(tx, await tx.session.get_one(records.Incident, 1))
    house.timers.on(KIND, tape.note)
    ours: Timers = house.timers
    return ours


async def arm(house: Any, *names: str, minutes: float = 1) -> None:
    async with house.store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        for number, name in enumerate(names):
            at = tx.now + timedelta(minutes=minutes, seconds=number)
            await timers.arm(tx, incident, name, KIND, at)


async def test_overdue_timers_fire_in_the_order_in_which_they_were_due(house: Any, clock: Timers, tape: Tape) -> None:
    names = [f"t{number:03}" for number in range(120)]
    await arm(house, *reversed(names))
    await house.pass_time(hours=1)
    assert tape.fired == list(reversed(names))
    assert await house.fire() == 0


async def test_nothing_fires_before_its_time(house: Any, clock: Timers, tape: Tape) -> None:
    await arm(house, "a")
    await house.pass_time(seconds=59.999)
    assert tape.fired == []
    await house.pass_time(seconds=0.001)
    assert tape.fired == ["a"]


async def test_arming_again_moves_a_timer_and_revives_one_that_fired(house: Any, clock: Timers, tape: Tape) -> None:
    await arm(house, "a")
    await arm(house, "a", minutes=10)
    await house.pass_time(minutes=5)
    assert tape.fired == []
    await house.pass_time(minutes=5)
    await arm(house, "a")
    await house.pass_time(minutes=1)
    assert tape.fired == ["a", "a"]


async def test_a_cancelled_timer_never_fires(house: Any, clock: Timers, tape: Tape) -> None:
    await arm(house, "a", "b")
    async with house.store.transaction() as tx:
        assert await timers.cancel(tx, "a", "unknown") == 1
    await house.pass_time(hours=1)
    assert tape.fired == ["b"]


async def test_a_handler_may_cancel_a_timer_due_in_the_same_group(house: Any, clock: Timers, tape: Tape) -> None:
    async def cancel_b(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        await tape.note(tx, timer, incident)
        await timers.cancel(tx, "b")

    clock.on("cancels", cancel_b)
    await arm(house, "b", minutes=2)
    async with house.store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        await timers.arm(tx, incident, "a", "cancels", tx.now + timedelta(minutes=1))
    await house.pass_time(hours=1)
    assert tape.fired == ["a"]


async def test_one_at_fault_is_set_back_and_leaves_no_trace_while_the_others_fire(
    house: Any, clock: Timers, tape: Tape
) -> None:
    await arm(house, "a", "b", "c")
    tape.failing = {"b"}
    await house.pass_time(minutes=2)
    assert sorted(set(tape.fired)) == ["a", "c"]
    assert [event.data["text"] for event in await house.events(EventKind.NOTE)][-2:] == ["a", "c"]
    assert await house.waiting("b") == {"b": timedelta(seconds=5)}


async def test_one_set_back_still_says_how_late_it_is(house: Any, clock: Timers, tape: Tape) -> None:
    seen: list[int] = []

    async def lateness(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        del incident
        if not seen and "failures" not in timer.payload:
            raise ToolFailed("not yet")
        seen.append(timers.late_seconds(timer, tx.now))

    clock.on("late", lateness)
    async with house.store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        await timers.arm(tx, incident, "a", "late", tx.now + timedelta(minutes=1))
    await house.pass_time(minutes=2)
    await house.pass_time(seconds=5)
    assert seen == [65]


async def test_a_kind_has_one_handler(clock: Timers, tape: Tape) -> None:
    with pytest.raises(ValueError, match="already"):
        clock.on(KIND, tape.note)


async def test_a_thousand_due_timers_fire_within_seconds(house: Any, clock: Timers, tape: Tape) -> None:
    await arm(house, *(f"t{number:04}" for number in range(1000)), minutes=-60)
    assert await house.fire() == 1000
    assert len(set(tape.fired)) == 1000


async def test_a_cancelled_timer_stays_unfired_beside_those_of_other_incidents(
    house: Any, clock: Timers, tape: Tape
) -> None:
    async def cancel_own(tx: Tx, timer: records.Timer, incident: records.Incident) -> None:
        await tape.note(tx, timer, incident)
        await timers.cancel_of(tx, incident, KIND)

    clock.on("cancels own", cancel_own)
    other = await house.declare()
    async with house.store.transaction() as tx:
        await timers.cancel_of(tx, other)
        first = await tx.session.get_one(records.Incident, 1)
        second = await tx.session.get_one(records.Incident, other.id)
        for key, kind, incident in (
            ("1a", KIND, first),
            ("2a", "cancels own", second),
            ("2b", KIND, second),
            ("1b", KIND, first),
        ):
            await timers.arm(tx, incident, key, kind, tx.now)
    await house.pass_time(seconds=1)
    assert sorted(tape.fired) == ["1a", "1b", "2a"]
    assert tape.fired.index("1a") < tape.fired.index("1b")
