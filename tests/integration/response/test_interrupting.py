"""An agent whose step a person stops or takes over ends at once, in whatever process it runs."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from incidents import records
from incidents.agents.base import StepRequest, StepResult
from incidents.context import Context
from incidents.events import EventKind
from incidents.response import control, intervening
from incidents.response.engine import Claim, Engine
from incidents.store import Store, Tx
from tests.integration.response.conftest import ANA, House


class Pondering:
    """An agent that goes on until it is interrupted."""

    name = "pondering"

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.interrupted = 0

    async def run(self, request: StepRequest) -> StepResult:
        self.begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.interrupted += 1
            raise
        raise AssertionError("nobody interrupted it")


async def pondered(house: House, ctx: Context) -> tuple[records.Incident, Claim, asyncio.Task[None], Pondering]:
    """Begin the first step with an agent that ponders."""
    agent = Pondering()
    engine = Engine(ctx, agent, house.engine._workdir, "there")
    incident = await house.declare()
    [claim, *_] = await engine.claim(1)
    work = asyncio.create_task(engine.carry_out(claim))
    await agent.begun.wait()
    return incident, claim, work, agent


async def test_an_agent_of_a_stopped_response_ends_with_the_commit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidents.response.at_work._LOOK_SECONDS", 60)
    incident, claim, work, agent = await pondered(house, house.ctx)
    await house.do(control.stop, incident.number, ANA, "by hand")
    async with asyncio.timeout(10):
        await work
    assert agent.interrupted == 1
    async with house.store.read() as session:
        assert (await session.get_one(records.Step, claim.step_id)).state == "stopped"


async def test_a_step_that_is_stopped_in_the_commit_that_took_it_asks_no_agent(house: House) -> None:
    async def stop(tx: Tx, incident: records.Incident, _: records.Event) -> None:
        await control.stop(tx, house.ctx, incident.number, ANA, "by hand")

    house.store.react(EventKind.STEP_STARTED, stop)
    incident = await house.declare()
    [claim] = await house.engine.claim(1)
    await house.engine.carry_out(claim)
    assert house.agent.asked == []
    assert set((await house.states(incident)).values()) == {"stopped"}


async def test_an_agent_whose_step_is_taken_over_ends_with_the_commit(house: House) -> None:
    _, claim, work, agent = await pondered(house, house.ctx)
    await house.do(intervening.take_over, claim.step_id, ANA, "I know it already")
    async with asyncio.timeout(10):
        await work
    assert agent.interrupted == 1


@pytest.fixture
async def elsewhere(house: House) -> AsyncIterator[Context]:
    """The same database as another replica sees it: it does not hear this process's commits."""
    store = Store(str(house.store.engine.url), house.clock)
    yield Context(store, house.clock, house.ctx.library, house.ctx.settings)
    await store.close()


async def test_an_agent_of_another_replica_ends_within_about_a_second(house: House, elsewhere: Context) -> None:
    incident, _, work, agent = await pondered(house, elsewhere)
    began = time.monotonic()
    await house.do(control.stop, incident.number, ANA, "by hand")
    async with asyncio.timeout(10):
        await work
    assert agent.interrupted == 1
    assert time.monotonic() - began < 8  # it looks every second, on a machine that may be busy
