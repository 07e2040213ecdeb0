"""A critical incident's response from its declaration to the post-mortem, decided by people at the right places."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from incidents import postmortem, records
from incidents.agents.base import Usage
from incidents.definitions import Severity
from incidents.errors import Conflict, InvalidInput, NotAllowed
from incidents.events import EventKind
from incidents.response import control, intervening, vouching
from incidents.service import queries, resolve, respond
from tests.integration.response.conftest import ANA, BO, CY, DEE, House
from tests.integration.response.test_dispatching import until

GATE = "initial_mitigation_attempted"


async def told(house: House, incident: records.Incident) -> None:
    """Tell the matrix's first row, as escalation and delivery do."""
    async with house.store.transaction() as tx:
        for person in (ANA, BO, CY):
            row = records.Outbox(
                key=f"{incident.key}:matrix:immediate:{person}", incident_id=incident.id, lane=3, road="slack",
                action="direct", state="done", created_at=tx.now, not_before=tx.now,
            )  # fmt: skip
            tx.session.add(row)
        await tx.session.flush()
        stored = await queries.get(tx.session, incident.number)
        await tx.record(stored, EventKind.TOLD, audience="team_lead", road="slack")


async def until_fix_is_asked(house: House) -> tuple[records.Incident, records.Approval]:
    incident = await house.declare()
    await house.do(respond.acknowledge, incident.number, ANA)
    await told(house, incident)
    await house.work()
    [asked] = await house.pending(incident)
    return incident, asked


async def until_deploy_is_asked(house: House) -> tuple[records.Incident, records.Approval]:
    incident, asked = await until_fix_is_asked(house)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    await house.do(vouching.attest, asked.run_id, 1, GATE, ANA, "rollback is slower than the fix")
    await house.work()
    [deploy] = await house.pending(incident)
    return incident, deploy


async def test_the_first_phase_runs_by_itself_and_then_asks_which_fix(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    assert asked.kind == "choose_fix"
    states = await house.states(incident)
    assert [states[name] for name in ("1.1", "1.2", "1.3", "2.1", "2.2")] == [
        "done",
        "done",
        "done",
        "waiting",
        "waiting",
    ]
    assert f"gate:{asked.run_id}:1:{GATE}" in await house.outbox(incident)


async def test_neither_choice_nor_attestation_alone_starts_the_hotfix(house: House) -> None:
    _, asked = await until_fix_is_asked(house)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    assert await house.work() == []
    await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)
    assert sorted(await house.work()) == ["2.1", "2.2", "2.3", "3.2"]


async def test_the_deploy_step_gets_exactly_what_was_approved(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    request = next(each for each in house.agent.asked if each.step.name == "3.1")
    assert request.approved is not None
    assert request.approved.subject["commit"] == "9f8e7d6"
    assert request.approved.decided_by == BO
    assert (await house.incident(incident)).deployed_at is not None


async def test_a_second_click_on_approve_changes_nothing_and_says_who_decided(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    first, second = await asyncio.gather(
        house.do(control.decide, deploy.number, BO, "approve"),
        house.do(control.decide, deploy.number, ANA, "approve"),
        return_exceptions=True,
    )
    assert isinstance(first, records.Approval)
    assert isinstance(second, Conflict)
    assert BO in second.message
    async with house.store.read() as session:
        decided = [e for e in await queries.events(session, incident.number) if e.kind is EventKind.APPROVAL_DECIDED]
    assert [event.actor for event in decided if event.data["about"] == "deploy"] == [BO]


async def test_somebody_without_the_role_cannot_approve_a_deploy(house: House) -> None:
    _, deploy = await until_deploy_is_asked(house)
    with pytest.raises(NotAllowed, match=ANA):
        await house.do(control.decide, deploy.number, DEE, "approve")


async def test_an_expired_approval_deploys_nothing(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    house.clock.advance(timedelta(minutes=31))
    with pytest.raises(Conflict, match="expired"):
        await house.do(control.decide, deploy.number, BO, "approve")
    assert (await house.states(incident))["3.1"] == "waiting"


async def test_an_approval_is_void_once_the_branch_has_another_commit(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    async with house.store.transaction() as tx:
        run = await queries.latest_run(tx.session, incident.number)
        assert run is not None
        hotfix = next(step for step in await queries.steps(tx.session, run.number) if step.name == "2.1")
        code = {**hotfix.output["emergency_fix_code"], "commit": "badc0de"}
        hotfix.output = {**hotfix.output, "emergency_fix_code": code}
        tx.session.add(hotfix)
    with pytest.raises(Conflict, match="changed"):
        await house.do(control.decide, deploy.number, BO, "approve")


async def test_sending_a_deploy_back_makes_the_fix_anew_with_what_was_said(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    with pytest.raises(InvalidInput):
        await house.do(control.decide, deploy.number, BO, "reject")
    await house.do(control.decide, deploy.number, BO, "reject", feedback="keep the rounding")
    house.agent.results["emergency-hotfix-development"]["emergency_fix_code"]["commit"] = "1234567"
    assert await house.work() == ["2.1", "2.3", "3.2"]
    assert [each.feedback for each in house.agent.asked if each.step.name == "2.1"] == ["", "keep the rounding"]
    [anew] = await house.pending(incident)
    assert anew.subject["commit"] == "1234567"


async def test_a_failed_step_waits_for_a_person_and_can_be_retried(house: House) -> None:
    house.agent.failing.add("1.2")
    incident = await house.declare()
    await house.work()
    assert (await house.states(incident))["1.2"] == "failed"
    step = next(row for row in await house.outbox(incident, "step:") if ":failed:" in row)
    house.agent.failing.clear()
    await house.do(intervening.retry_step, int(step.split(":")[1]), ANA)
    assert "1.2" in await house.work()


async def test_a_step_done_by_hand_lets_the_rest_go_on(house: House) -> None:
    house.agent.failing.add("1.1")
    incident = await house.declare()
    await house.work()
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        step = next(each for each in await queries.steps(session, run.number) if each.name == "1.1")
    await house.do(intervening.take_over, step.number, ANA, "looked at the graphs: critical")
    assert "1.3" in await house.work()


async def test_a_late_result_of_a_lost_attempt_is_refused(house: House) -> None:
    incident = await house.declare()
    late = house.engine
    [first, *_] = await late.claim(1)
    house.agent.free.clear()
    working = asyncio.create_task(late.carry_out(first))
    await until(lambda: bool(house.agent.asked))
    house.clock.advance(timedelta(seconds=31))
    house.succeed()
    [again, *_] = await house.engine.claim(1)
    assert (again.step_id, again.attempt) == (first.step_id, 2)
    house.agent.free.set()
    await working
    assert "running" in (await house.states(incident)).values()
    await house.engine.carry_out(again)
    async with house.store.read() as session:
        assert (await session.get_one(records.Step, again.step_id)).version == 1


async def test_pausing_starts_no_further_step_until_resumed(house: House) -> None:
    incident = await house.declare()
    await house.do(control.pause, incident.number, ANA)
    assert await house.work() == []
    await house.do(control.resume, incident.number, ANA)
    assert "1.1" in await house.work()


async def test_changing_the_severity_keeps_what_was_done(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    ran = len(house.agent.asked)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer hurt")
    await house.work()
    states = await house.states(incident)
    assert (states["1.1"], states["1.2"]) == ("done", "done")  # triage and root cause
    assert sorted(each.step.name for each in house.agent.asked[ran:]) == ["1.3", "1.4", "1.5", "1.6"]


async def test_resolving_posts_the_postmortem_once_the_analysis_is_done(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    assert "postmortem" not in await house.outbox(incident)
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    await house.work()
    rows = await house.outbox(incident, "postmortem")
    assert {"postmortem", "postmortem:canvas", "postmortem:file"} <= set(rows)
    async with house.store.read() as session:
        found = await postmortem.build(session, house.ctx, incident.number)
        (filed,) = (await session.scalars(select(records.Solution))).all()
    assert (filed.incident_id, filed.problem) == (incident.id, found.cause["summary"])
    assert [followup.title for followup in found.followups] == ["Contract test for old carts"]
    assert found.fix["commit"] == "9f8e7d6"


async def test_resolving_by_hand_skips_what_has_not_begun(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    assert set(await house.work()) == {"4.1", "4.2", "4.3"}
    assert (await house.states(incident))["3.1"] == "skipped"
    assert "postmortem" in await house.outbox(incident)
    assert await house.pending(incident) == []


async def test_resolving_needs_a_word_while_nothing_was_deployed_or_has_helped(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    with pytest.raises(Conflict, match="No fix is deployed"):
        await house.do(resolve.resolve, incident.number, ANA)
    async with house.store.transaction() as tx:
        released = await queries.get(tx.session, incident.number)
        released.deployed_at = tx.now
    with pytest.raises(Conflict, match="nothing shows yet that users are served again"):
        await house.do(resolve.resolve, incident.number, ANA)


async def test_a_resolved_incident_takes_no_further_decision(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(resolve.resolve, incident.number, ANA, "over")
    with pytest.raises(Conflict, match="resolved"):
        await house.do(control.decide, asked.number, ANA, "approve", option=1)


async def test_a_card_that_has_not_left_needs_no_edit(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    assert not await house.outbox(incident, "card:edit")


async def test_one_edit_of_the_card_waits_however_much_happens(house: House) -> None:
    incident = await house.declare()
    await house.deliver()
    await house.work()
    await house.do(respond.acknowledge, incident.number, ANA)
    edits = await house.outbox(incident, "card:edit")
    assert [row.state for row in edits.values()] == ["pending"]


async def test_what_changes_after_an_edit_has_left_is_a_new_edit(house: House) -> None:
    incident = await house.declare()
    await house.deliver()
    await house.work()
    await house.deliver()
    await house.do(respond.acknowledge, incident.number, ANA)
    edits = await house.outbox(incident, "card:edit")
    assert sorted(row.state for row in edits.values()) == ["done", "pending"]


async def test_resolving_while_paused_still_brings_the_postmortem(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(control.pause, incident.number, ANA)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    assert set(await house.work()) == {"4.1", "4.2", "4.3"}
    assert "postmortem" in await house.outbox(incident)


async def test_what_every_attempt_cost_is_kept(house: House) -> None:
    incident = await house.declare()
    house.agent.failing.add("1.1")
    house.agent.usage = (Usage(model="claude-opus-5-5", input_tokens=9, usd=0.4),)
    await house.work()
    house.agent.failing.clear()
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        step = next(each for each in await queries.steps(session, run.number) if each.name == "1.1")
        before = await queries.model_usd(session, incident.number)
    await house.do(intervening.retry_step, step.number, ANA)
    [claim] = await house.engine.claim(1)
    await house.engine.carry_out(claim)
    async with house.store.read() as session:
        step = await session.get_one(records.Step, step.number)
        assert [(each["attempt"], each["usd"]) for each in step.usage] == [(1, 0.4), (2, 0.4)]
        assert await queries.model_usd(session, incident.number) == pytest.approx(before + 0.4)
