"""Who takes steps up, and when."""

import asyncio
import time
from collections.abc import Callable

import pytest
import structlog

from incidents import store
from incidents.agents.base import StepRequest, StepResult
from incidents.events import EventKind
from incidents.response import dispatch
from incidents.response.claims import Claim
from incidents.response.dispatch import LocalDispatcher
from incidents.service import declare, queries
from tests.integration.response.conftest import House


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_people_get_their_channel_before_agents_get_the_processor(house: House) -> None:
    steps = LocalDispatcher(house.engine, house.store)
    await steps.start()
    house.agent.free.clear()  # nothing else wants to be taken up meanwhile
    try:
        await house.declare()
        await until(lambda: bool(house.agent.asked) and steps.free > 0)
        async with house.store.transaction() as tx:
            tx.wake(store.STEPS)
        async with house.store.transaction() as tx:
            in_line = house.store._turns._waiting
            await until(lambda: bool(in_line))  # its hands want to take up whatever is ready once we have declared
            before = time.monotonic()
            second = await declare.declare(tx, house.ctx, house.declaration())
        await until(lambda: second.key in {each.incident.key for each in house.agent.asked})
        assert time.monotonic() - before >= 0.3
    finally:
        house.agent.free.set()
        await steps.stop()


async def test_hands_that_a_result_overfilled_take_up_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "AT_ONCE", 1)
    first, second = await house.declare(), await house.declare()
    steps = LocalDispatcher(house.engine, house.store)
    taken = await house.engine.claim(2)
    house.agent.free.clear()
    steps.set_off(taken)  # one by a result, the other by the sweep a moment later
    await steps.start()
    try:
        await until(lambda: len(house.agent.asked) == 2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await until(lambda: len(house.agent.asked) > 2)
        states = [*(await house.states(first)).values(), *(await house.states(second)).values()]
        assert states.count("running") == 2
    finally:
        house.agent.free.set()
        await steps.stop()


async def test_what_is_logged_of_a_step_says_of_which_incident_and_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring = house.agent.run

    async def breaks(request: StepRequest) -> StepResult:
        result = await bring(request)
        if request.step.name == "1.3":
            await until(lambda: len(held_up()) == 6)
            raise RuntimeError
        return result

    async def is_away(_: Claim) -> bool:
        raise RuntimeError

    def held_up() -> set[int]:
        return {each["step_id"] for each in logged if each["event"] == "lease_not_renewed"}

    monkeypatch.setattr(house.agent, "run", breaks)
    monkeypatch.setattr(house.engine, "renew", is_away)
    monkeypatch.setattr(dispatch, "_RENEW", 0.02)
    house.agent.free.clear()
    steps = LocalDispatcher(house.engine, house.store)
    first, second = await house.declare(), await house.declare()
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logged:
        await steps.start()
        await until(lambda: len(held_up()) == 4)
        house.agent.free.set()  # 1.1 and 1.2 of both are stored together, and take 1.3
        await until(lambda: sum(each["event"] == "step_crashed" for each in logged) == 2)
        await steps.stop()
    told = {(each["event"], each.get("incident"), each.get("key")) for each in logged}
    said = [("lease_not_renewed", name) for name in ("1.1", "1.2", "1.3")] + [("step_crashed", "1.3")]
    both = ((first.key, 1), (second.key, 2))
    assert told == {(event, key, f"{run}:{name}:1") for key, run in both for event, name in said}


async def test_a_process_that_ends_begins_no_step(house: House) -> None:
    steps = LocalDispatcher(house.engine, house.store)
    await steps.start()
    house.agent.free.clear()
    await house.declare()
    await until(lambda: bool(house.agent.asked) and steps.free > 0)
    second = await house.declare()  # its steps wait a moment: people get their channel first
    await steps.stop()
    async with house.store.read() as session:
        kinds = [event.kind for event in await queries.events(session, second.number)]
    assert EventKind.STEP_STARTED not in kinds
