"""What becomes of a deploy that nobody decides on, or that is carried out long after it was approved."""

from datetime import timedelta

from incidents import records
from incidents.response import approvals, control, intervening
from incidents.service import queries
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_story import until_deploy_is_asked

TOO_LATE = timedelta(minutes=31)


async def step(house: House, incident: records.Incident, name: str) -> records.Step:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        return next(each for each in await queries.steps(session, run.number) if each.name == name)


async def approval(house: House, number: int) -> records.Approval:
    async with house.store.read() as session:
        return await session.get_one(records.Approval, number)


async def lapse(house: House, incident: records.Incident, deploy: records.Approval) -> None:
    """Let the time for a decision run out, and the alarm that escalation set ring."""
    house.clock.advance(TOO_LATE)
    async with house.store.transaction() as tx:
        asked = await tx.session.get_one(records.Approval, deploy.number)
        await approvals.expire(tx, await queries.get(tx.session, incident.number), asked)


async def test_a_deploy_nobody_decides_on_expires_on_its_card(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.deliver()
    await lapse(house, incident, deploy)
    assert (await approval(house, deploy.number)).state == "expired"
    assert f"approval:{deploy.id}:expired" in await house.outbox(incident)
    assert (await house.states(incident))["3.1"] == "failed"


async def test_an_expired_deploy_can_be_asked_anew_and_then_goes_out(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await lapse(house, incident, deploy)
    await house.do(intervening.retry_step, (await step(house, incident, "3.1")).number, ANA)
    [anew] = await house.pending(incident)
    assert anew.id != deploy.id
    await house.do(control.decide, anew.number, BO, "approve")
    assert "3.1" in await house.work()


async def test_a_deploy_approved_before_a_long_pause_is_asked_anew(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.pause, incident.number, ANA)
    await house.do(control.decide, deploy.number, BO, "approve")
    house.clock.advance(TOO_LATE)
    await house.do(control.resume, incident.number, ANA)
    assert "3.1" not in await house.work()
    [anew] = await house.pending(incident)
    assert anew.id != deploy.id


async def test_a_deploy_that_was_ready_when_sitrep_went_away_for_long_is_asked_anew(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    house.clock.advance(TOO_LATE)
    assert "3.1" not in await house.work()
    [anew] = await house.pending(incident)
    assert anew.id != deploy.id


async def test_a_deploy_cut_short_by_a_crash_goes_on_under_the_approval_it_began_with(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    house.clock.advance(timedelta(minutes=29))
    assert (await step(house, incident, "3.1")).id in [claim.step_id for claim in await house.engine.claim(10)]
    house.clock.advance(timedelta(minutes=2))
    house.succeed()
    assert "3.1" in await house.work()
    assert await house.pending(incident) == []


async def test_who_claims_one_step_asks_anew_about_no_other(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    house.clock.advance(TOO_LATE)
    # On PostgreSQL it would hold several incidents, in no order: two replicas could wait for each other.
    assert await house.engine.claim(1, step_id=(await step(house, incident, "1.1")).number) == []
    assert (await house.states(incident))["3.1"] == "ready"
    assert await house.engine.claim(1, step_id=(await step(house, incident, "3.1")).number) == []
    assert len(await house.pending(incident)) == 1


async def test_a_deploy_stopped_before_its_agent_began_stays_stopped_when_its_approval_is_gone(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    number = (await step(house, incident, "3.1")).number
    [claim] = await house.engine.claim(1, step_id=number)
    await house.do(intervening.stop_step, number, ANA)
    async with house.store.transaction() as tx:
        given = await tx.session.get_one(records.Approval, deploy.number)
        await approvals.supersede(tx, await queries.get(tx.session, incident.number), given)
    await house.engine.carry_out(claim)
    assert (await house.states(incident))["3.1"] == "stopped"
    assert await house.pending(incident) == []
