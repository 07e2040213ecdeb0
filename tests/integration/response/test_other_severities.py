"""The priority, standard and scheduled responses, decided by people, and what a change of severity keeps of them."""

import pytest

from incidents import records
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.response import control, vouching
from incidents.service import queries, respond
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_story import until_deploy_is_asked, until_fix_is_asked


async def until_fix_is_chosen(house: House, severity: Severity) -> tuple[records.Incident, records.Approval]:
    incident = await house.declare(severity)
    await house.do(respond.acknowledge, incident.number, ANA)
    await house.work()
    [asked] = await house.pending(incident)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    return incident, asked


async def attest(house: House, run: int, stage: int, *gates: str) -> None:
    for gate in gates:
        await house.do(vouching.attest, run, stage, gate, ANA)


async def waiting_gates(house: House, incident: records.Incident) -> set[str]:
    return {key.rpartition(":")[2] for key in await house.outbox(incident, "gate:") if ":edit:" not in key}


async def to_the_end(house: House, severity: Severity) -> tuple[records.Incident, list[str]]:
    """Carry a response through, people saying yes; returns the steps in the order in which they were done."""
    incident, asked = await until_fix_is_chosen(house, severity)
    await house.work()
    await attest(house, asked.run_id, 2, "code_review_passed")
    await house.work()
    await attest(
        house, asked.run_id, 3, "performance_impact_assessed", "rollback_tested", "stakeholder_approval_obtained"
    )
    [deploy] = await house.pending(incident)
    assert deploy.kind == "deploy"
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    return incident, [request.step.name for request in house.agent.asked]


async def test_a_high_incident_goes_through_the_three_phases_of_the_priority_response(house: House) -> None:
    incident, order = await to_the_end(house, Severity.HIGH)
    assert set((await house.states(incident)).values()) == {"done"}
    assert sorted(order) == [
        *("1.1", "1.2", "1.3", "1.4", "1.5", "1.6"),
        *("2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4"),
    ]
    assert (await house.incident(incident)).deployed_at is not None


async def test_a_medium_incident_goes_through_the_standard_response(house: House) -> None:
    incident, order = await to_the_end(house, Severity.MEDIUM)
    assert set((await house.states(incident)).values()) == {"done"}
    assert order[-3:] == ["3.1", "3.2", "3.3"]


async def test_steps_of_a_group_and_of_the_group_beside_it_are_ready_together(house: House) -> None:
    await house.declare(Severity.HIGH)
    first = await house.engine.claim(10)
    for claim in first:
        await house.engine.carry_out(claim)
    second = await house.engine.claim(10)
    async with house.store.read() as session:
        names = [
            sorted([(await session.get_one(records.Step, claim.step_id)).name for claim in claims])
            for claims in (first, second)
        ]
    assert names == [["1.1", "1.2"], ["1.3", "1.4", "1.5", "1.6"]]


async def test_choosing_the_fix_is_the_approval_of_the_strategy_and_nobody_is_asked_twice(house: House) -> None:
    incident, _ = await until_fix_is_chosen(house, Severity.HIGH)
    assert await waiting_gates(house, incident) == set()
    assert "2.1" in await house.work()


async def test_the_gates_that_no_machine_can_judge_hold_staging_and_deploy_until_somebody_vouches(house: House) -> None:
    incident, asked = await until_fix_is_chosen(house, Severity.HIGH)
    await house.work()
    assert (await house.states(incident))["3.1"] == "waiting"
    assert await waiting_gates(house, incident) == {"code_review_passed"}
    await attest(house, asked.run_id, 2, "code_review_passed")
    await house.work()
    assert await house.pending(incident) == []
    assert await waiting_gates(house, incident) == {
        "code_review_passed",
        "performance_impact_assessed",
        "rollback_tested",
        "stakeholder_approval_obtained",
    }


async def test_a_fix_that_speaks_against_itself_is_held_by_the_security_review(house: House) -> None:
    house.agent.results["security-fix-validation"]["security_validation"]["passed"] = False
    incident, _ = await until_fix_is_chosen(house, Severity.HIGH)
    await house.work()
    assert "security_review_passed" in await waiting_gates(house, incident)


async def test_what_an_emergency_found_serves_the_priority_response_under_other_names(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    ran = len(house.agent.asked)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer users than feared")
    states = await house.states(incident)
    assert (states["1.1"], states["1.2"], states["1.3"]) == ("done", "done", "ready")
    await house.work()
    assert sorted(each.step.name for each in house.agent.asked[ran:]) == ["1.3", "1.4", "1.5", "1.6"]
    async with house.store.read() as session:
        found = await queries.outputs(session, asked.run_id)
    assert found["preliminary_root_cause"]


async def test_the_channel_hears_of_the_new_plan_in_one_line(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer users than feared")
    async with house.store.read() as session:
        events = await queries.events(session, incident.number)
    [told] = [event for event in events if event.kind is EventKind.REPLANNED]
    assert told.data == {"title": "Priority Response (High Severity)", "kept": ["1.1", "1.2"], "left": 11}
    assert f"line:{told.id}" in await house.outbox(incident)


async def test_there_and_back_again_does_nothing_twice(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    before = await house.states(incident)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "")
    await house.work()
    ran = len(house.agent.asked)
    await house.do(respond.change_severity, incident.number, ANA, Severity.CRITICAL, "")
    await house.work()
    after = await house.states(incident)
    assert [each.step.name for each in house.agent.asked[ran:]] == []
    assert {name: after[name] for name in ("1.1", "1.2", "1.3")} == {
        name: before[name] for name in ("1.1", "1.2", "1.3")
    }


async def test_a_choice_that_was_made_goes_with_the_fix_that_it_made(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "")
    states = await house.states(incident)
    assert states["2.1"] == "done"
    assert [each.kind for each in await house.pending(incident)] == []
    async with house.store.read() as session:
        assert (await session.get_one(records.Approval, deploy.number)).state == "superseded"


@pytest.mark.parametrize("to", [Severity.HIGH, Severity.MEDIUM])
async def test_what_is_deployed_is_not_deployed_again_under_another_severity(house: House, to: Severity) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    await house.do(respond.change_severity, incident.number, ANA, to, "the fix is out")
    name = "3.2" if to is Severity.HIGH else "3.3"
    states = await house.states(incident)
    assert states[name] == "done"
    assert {states["2.2"], states["3.1"]} == {"skipped"}
    assert await house.pending(incident) == []
    ran = len(house.agent.asked)
    await house.work()
    assert {each.step.name for each in house.agent.asked[ran:]} <= {"3.3", "3.4"}
