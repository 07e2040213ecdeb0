"""How a response ends, and how it is taken up again, in the states in which people do that."""

from collections.abc import Callable
from typing import Any

import pytest

from incidents import postmortem, records
from incidents.definitions import Severity
from incidents.errors import Conflict
from incidents.response import control, intervening, progress, vouching
from incidents.service import queries, resolve, respond
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_expiry import step
from tests.integration.response.test_story import GATE, until_deploy_is_asked, until_fix_is_asked


async def deployed(house: House) -> records.Incident:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    return incident


async def run_of(house: House, incident: records.Incident) -> records.Run:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
    assert run is not None
    return run


async def test_a_deploy_that_fails_after_resolving_does_not_hold_the_postmortem_up(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    claims = await house.engine.claim(10)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    house.agent.failing.add("3.1")
    for claim in claims:
        await house.engine.carry_out(claim)
    assert {"4.1", "4.2", "4.3"} <= set(await house.work())
    assert "postmortem" in await house.outbox(incident)


@pytest.mark.parametrize("order", ["stopped, then resolved", "resolved, then stopped"])
async def test_a_deploy_that_was_stopped_holds_neither_analysis_nor_postmortem_up(house: House, order: str) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    number = (await step(house, incident, "3.1")).number
    [claim] = await house.engine.claim(1, step_id=number)
    if order == "resolved, then stopped":
        await house.do(resolve.resolve, incident.number, ANA, "put back by hand")
    await house.do(intervening.stop_step, number, ANA, "I put it back by hand")
    if order == "stopped, then resolved":
        await house.do(resolve.resolve, incident.number, ANA, "put back by hand")
    await house.engine.carry_out(claim)
    assert {"4.1", "4.2", "4.3"} <= set(await house.work())
    assert "postmortem" in await house.outbox(incident)
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    assert "3.1" not in await house.work(), "what was stopped is deployed, and nobody was asked"
    [anew] = await house.pending(incident)
    assert (anew.kind, anew.step) == ("deploy", "3.1")


async def test_a_severe_resolved_incident_asks_nobody_to_vouch_for_gates_on_the_way_to_the_fix(house: House) -> None:
    incident = await house.declare(Severity.HIGH)
    await house.do(respond.acknowledge, incident.number, ANA)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    assert await house.outbox(incident, "gate:") == {}


@pytest.mark.parametrize("steer", [intervening.retry_step, intervening.take_over])
async def test_a_cancelled_response_is_not_taken_up_step_by_step(house: House, steer: Callable[..., Any]) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(resolve.cancel, incident.number, ANA, "false alarm")
    words = ("by hand",) if steer is intervening.take_over else ()
    with pytest.raises(Conflict, match="cancelled"):
        await house.do(steer, (await step(house, incident, "2.1")).number, ANA, *words)
    assert (await run_of(house, incident)).state == "stopped"


async def test_nobody_vouches_for_the_gate_of_a_cancelled_incident(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(resolve.cancel, incident.number, ANA, "false alarm")
    with pytest.raises(Conflict, match="cancelled"):
        await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)


async def test_closing_before_the_analysis_is_done_stops_it(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    await house.do(resolve.close, incident.number, ANA, force_reason="nothing to learn here")
    assert await house.work() == []
    assert (await run_of(house, incident)).state == "stopped"


async def test_reopening_before_a_fix_was_deployed_goes_on_where_it_was_left(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(resolve.resolve, incident.number, ANA, "looks good")
    await house.work()
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    [again] = await house.pending(incident)
    assert (again.kind, again.run_id) == ("choose_fix", asked.run_id)
    assert (await house.states(incident))["4.1"] == "queued"


async def test_a_deploy_that_failed_is_asked_anew_after_reopening(house: House) -> None:
    house.agent.failing.add("3.1")
    incident = await deployed(house)
    house.agent.failing.clear()
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    assert "3.1" not in await house.work(), "deployed again, and nobody was asked"
    [anew] = await house.pending(incident)
    assert (anew.kind, anew.step) == ("deploy", "3.1")


async def test_a_deploy_that_had_not_begun_when_service_was_restored_is_asked_anew_after_reopening(
    house: House,
) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    assert "3.1" not in await house.work(), "production has moved on since it was approved"
    [anew] = await house.pending(incident)
    assert (anew.kind, anew.step) == ("deploy", "3.1")


async def test_reopening_after_a_deploy_looks_at_everything_anew(house: House) -> None:
    incident = await deployed(house)
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    before = await run_of(house, incident)
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    assert await house.work() == ["1.1", "1.2", "1.3"]
    assert (await run_of(house, incident)).id != before.id
    [asked] = await house.pending(incident)
    with pytest.raises(Conflict, match="ended when the incident was reopened"):
        await house.do(intervening.retry_step, await first_step(house, before), ANA)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)


async def first_step(house: House, run: records.Run) -> int:
    async with house.store.read() as session:
        return (await queries.steps(session, run.number))[0].number


async def test_a_fix_chosen_before_reopening_validates_no_fix_after_it(house: House) -> None:
    incident = await deployed(house)
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    async with house.store.read() as session:
        run = await run_of(house, incident)
        stored = await queries.get(session, incident.number)
        judged = await progress.verdicts(session, house.ctx, stored, run, {})
    assert not next(v for stage in judged.values() for v in stage if v.gate == "fix_approach_validated").holds


async def test_resolving_again_brings_the_posted_postmortem_up_to_date(house: House) -> None:
    incident = await deployed(house)
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    await house.work()
    await house.deliver()
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    before = set(await house.outbox(incident, "postmortem"))
    await house.do(resolve.resolve, incident.number, ANA, "the cache was stale too")
    await house.work()
    new = set(await house.outbox(incident, "postmortem")) - before
    assert any(key.startswith("postmortem:edit") for key in new)
    assert any(key.startswith("postmortem:canvas") for key in new)
    async with house.store.read() as session:
        found = await postmortem.build(session, house.ctx, incident.number)
    assert found.fix["commit"] == "9f8e7d6"
    assert [each.title for each in found.followups] == ["Contract test for old carts"]


async def test_an_incident_whose_severity_was_lowered_can_be_resolved(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    assert await house.work() == []
    assert "postmortem" in await house.outbox(incident)


async def test_a_proposed_measure_without_words_costs_no_analysis(house: House) -> None:
    incident = await deployed(house)
    measures = house.agent.results["comprehensive-post-incident-analysis"]["prevention_strategy_proposal"]
    measures[0]["title"] = " "
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    await house.work()
    assert (await house.states(incident))["4.1"] == "done"


async def test_an_analysis_that_fails_holds_the_postmortem_up_no_longer_than_what_still_runs(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    house.agent.failing.add("4.1")
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    assert "postmortem" not in await house.outbox(incident)
    await house.work()
    states = await house.states(incident)
    assert (states["4.1"], states["4.3"]) == ("failed", "queued")
    assert "postmortem" in await house.outbox(incident)


async def until_last_analysis_runs(house: House, name: str) -> tuple[records.Incident, int]:
    """Resolve, and carry out what the analysis `name` does not hold up; return the incident and that step."""
    incident, _ = await until_fix_is_asked(house)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    claims = await house.engine.claim(10)
    [last] = [claim for claim in claims if claim.rows.step.name == name]
    while claims := [claim for claim in claims if claim is not last]:
        for claim in claims:
            await house.engine.carry_out(claim)
        claims = await house.engine.claim(10)
    assert "postmortem" not in await house.outbox(incident)
    return incident, last.step_id


@pytest.mark.parametrize("steer", [intervening.skip_step, intervening.take_over, intervening.stop_step])
async def test_the_postmortem_is_posted_once_people_ended_the_last_analysis_by_hand(
    house: House, steer: Callable[..., Any]
) -> None:
    incident, last = await until_last_analysis_runs(house, "4.2")
    await house.do(steer, last, ANA, "we talked about it")
    assert "postmortem" in await house.outbox(incident)


async def test_what_builds_on_an_analysis_that_was_stopped_holds_no_postmortem_up(house: House) -> None:
    incident, last = await until_last_analysis_runs(house, "4.1")
    await house.do(intervening.stop_step, last, ANA, "we talk about it")
    states = await house.states(incident)
    assert (states["4.1"], states["4.3"]) == ("stopped", "queued")
    assert "postmortem" in await house.outbox(incident)
