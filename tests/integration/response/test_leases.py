"""Steps whose leases were written by one clock and are read by another: done once, and held up by nothing."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from incidents import records
from incidents.agents.base import StepRequest, StepResult
from incidents.response.claims import LEASE, Claim, Leases
from incidents.response.engine import Engine
from tests.integration.response.conftest import House

STEPS = {"an hour ahead": timedelta(hours=1), "an hour back": timedelta(hours=-1)}


class Seconds:
    """The machine's seconds, which pass with the clock and are never set."""

    def __init__(self, house: House) -> None:
        self.passed = 0.0
        self._house = house

    def pass_by(self, seconds: float) -> None:
        self.passed += seconds
        self._house.clock.advance(timedelta(seconds=seconds))

    def __call__(self) -> float:
        return self.passed


def replica(house: House, tmp_path: Path, name: str, seconds: Seconds) -> Engine:
    return Engine(house.ctx, house.agent, tmp_path / "work", name, Leases(seconds))


async def lease_of(house: House, claim: Claim, lasts: timedelta) -> None:
    """Prolong a lease as its holder does."""
    async with house.store.transaction() as tx:
        until = tx.now + lasts
        row = records.Step
        await tx.session.execute(update(row).where(col(row.id) == claim.step_id).values(lease_until=until))


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
async def test_a_step_of_the_clock_in_the_middle_of_a_step_carries_it_out_once(
    house: House, monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    at_work, go_on = asyncio.Event(), asyncio.Event()
    run = house.agent.run

    async def slow(request: StepRequest) -> StepResult:
        at_work.set()
        await go_on.wait()
        return await run(request)

    monkeypatch.setattr(house.agent, "run", slow)
    incident = await house.declare()
    claimed = await house.engine.claim(10)
    working = [asyncio.create_task(house.engine.carry_out(claim)) for claim in claimed]
    await at_work.wait()
    house.clock.advance(step)
    assert await house.engine.claim(10) == []
    assert await house.engine.waiting() == []
    go_on.set()
    await asyncio.gather(*working)
    assert (await house.states(incident))["1.1"] == "done"
    assert [each.step.name for each in house.agent.asked].count("1.1") == 1


async def test_replica_whose_clock_was_set_ahead_leaves_the_steps_of_others_alone_for_one_lease(
    house: House, tmp_path: Path
) -> None:
    seconds = Seconds(house)
    await house.declare()
    (held,) = await house.engine.claim(1, step_id=(await house.engine.waiting())[0])
    other = replica(house, tmp_path, "other", seconds)
    assert held.step_id not in await other.waiting()
    house.clock.advance(timedelta(hours=1))
    assert held.step_id not in await other.waiting()
    seconds.pass_by(LEASE.total_seconds() - 1)
    assert held.step_id not in await other.waiting()
    seconds.pass_by(2)
    assert held.step_id in await other.waiting()


async def test_step_whose_holder_died_before_the_clock_was_set_back_is_taken_up_after_one_lease(
    house: House, tmp_path: Path
) -> None:
    seconds = Seconds(house)
    await house.declare()
    dead = {claim.step_id for claim in await house.engine.claim(10)}
    house.clock.advance(timedelta(hours=-1))
    successor = replica(house, tmp_path, "successor", seconds)
    assert await successor.claim(10) == []
    seconds.pass_by(LEASE.total_seconds() - 1)
    assert await successor.claim(10) == []
    seconds.pass_by(6)
    assert {claim.step_id for claim in await successor.claim(10)} == dead


async def test_lease_far_ahead_that_is_renewed_is_its_holders(house: House, tmp_path: Path) -> None:
    seconds = Seconds(house)
    await house.declare()
    claimed = await house.engine.claim(10)
    other = replica(house, tmp_path, "other", seconds)
    for _ in range(6):  # their clock goes an hour ahead of ours, and they renew every 10 s
        for claim in claimed:
            await lease_of(house, claim, timedelta(hours=1))
        assert await other.claim(10) == []
        seconds.pass_by(10)
