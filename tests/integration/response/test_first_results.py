"""A step may hand on first results; who waits for no more than these begins at once."""

import asyncio

from incidents import records, store
from incidents.agents import outputs
from incidents.agents.base import HandOn, StepRequest, StepResult
from incidents.response import intervening
from incidents.response.engine import Engine
from incidents.service import resolve
from tests.integration.response.conftest import ANA, House
from tests.integration.response.test_expiry import step
from tests.integration.response.test_story import until_fix_is_asked

REPORT = "comprehensive-post-incident-analysis"


class Early:
    """Carries steps out as scripted; 4.1 hands on first results and goes on until it may end."""

    name = "scripted"

    def __init__(self, house: House, *, hands_on: bool) -> None:
        self.scripted = house.agent
        self.hands_on = hands_on
        self.hand_ons: list[HandOn] = []
        self.handed_on = asyncio.Event()
        self.may_end = asyncio.Event()

    async def run(self, request: StepRequest) -> StepResult:
        if request.step.name == "4.1":
            assert request.hand_on is not None
            self.hand_ons.append(request.hand_on)
            if self.hands_on:
                output = outputs.MODELS[REPORT].model_validate(self.scripted.results[REPORT])
                await request.hand_on(StepResult(output, "so far", (), "scripted"))
            self.handed_on.set()
            await self.may_end.wait()
        else:
            assert request.hand_on is None, "nobody waits for first results of the others"
        return await self.scripted.run(request)


async def analysed(
    house: House, agent: Early, *, handed_on: bool = True
) -> tuple[records.Incident, asyncio.Task[None]]:
    """Resolve an incident and begin its analysis; returns once the agent handed on what it is to hand on."""
    incident, _ = await until_fix_is_asked(house)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    house.engine = Engine(house.ctx, agent, house.engine._workdir, "here")
    claims = {(await named(house, claim.step_id)): claim for claim in await house.engine.claim(10)}
    assert sorted(claims) == ["4.1", "4.2"]
    await house.engine.carry_out(claims["4.2"])
    work = asyncio.create_task(house.engine.carry_out(claims["4.1"]))
    if handed_on:
        await agent.handed_on.wait()
    return incident, work


async def named(house: House, number: int) -> str:
    async with house.store.read() as session:
        return (await session.get_one(records.Step, number)).name


async def test_the_long_term_fix_begins_with_the_first_results_of_the_analysis(house: House) -> None:
    agent = Early(house, hands_on=True)
    incident, work = await analysed(house, agent)
    assert await house.work() == ["4.3"]
    assert (await step(house, incident, "4.1")).state == "running"
    request = next(each for each in agent.scripted.asked if each.step.name == "4.3")
    assert request.inputs["detailed_root_cause_report"]
    agent.may_end.set()
    await work
    assert (await step(house, incident, "4.1")).version == 1
    assert set((await house.states(incident)).values()) == {"done", "skipped"}


async def test_without_first_results_it_waits_for_the_whole(house: House) -> None:
    agent = Early(house, hands_on=False)
    incident, work = await analysed(house, agent)
    assert await house.work() == []
    agent.may_end.set()
    await work
    assert await house.work() == ["4.3"]
    assert (await house.states(incident))["4.3"] == "done"


async def test_first_results_of_a_step_that_was_taken_over_change_nothing(house: House) -> None:
    agent = Early(house, hands_on=False)
    incident, work = await analysed(house, agent)
    await house.do(intervening.take_over, (await step(house, incident, "4.1")).number, ANA, "known from last time")
    output = outputs.MODELS[REPORT].model_validate(agent.scripted.results[REPORT])
    [hand_on] = agent.hand_ons
    await hand_on(StepResult(output, "so far", (), "scripted"))
    agent.may_end.set()
    await work
    assert ((await step(house, incident, "4.1")).output, (await step(house, incident, "4.1")).runner) == ({}, ANA)


async def test_first_results_are_stored_whole_though_their_agent_is_interrupted_meanwhile(house: House) -> None:
    agent = Early(house, hands_on=True)
    woken: list[frozenset[str]] = []

    async def interrupt(tx: store.Tx) -> None:
        if tx.offered and house.engine.at_work.any:
            house.engine.interrupt()
            house.store.on_commit(woken.append)

    house.store.before_commit(interrupt)
    incident, work = await analysed(house, agent, handed_on=False)
    await work
    assert (await house.states(incident))["4.3"] == "ready"
    assert [store.STEPS in topics for topics in woken] == [True, True], "of both: it is ready, and 4.1 is given back"
