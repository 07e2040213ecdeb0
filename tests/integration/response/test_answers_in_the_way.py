"""Answers that cross with something else: with another answer, a change of rights, of severity, of what is asked."""

import asyncio

import pytest

from incidents import records
from incidents.definitions import Severity
from incidents.errors import Conflict, NotAllowed, Repeated
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.response import answering, approvals, control
from incidents.service import presence, queries, respond
from tests.integration.response import bugs
from tests.integration.response.conftest import ANA, BO, CY, House
from tests.integration.response.test_bugs import bug, decided, declared, run_of
from tests.integration.response.test_story import until_deploy_is_asked, until_fix_is_asked

__all__ = ["bug"]  # a fixture


async def changed(house: House, incident: records.Incident, name: str, **output: object) -> None:
    """Change what the step `name` brought while its approval waits."""
    run = await run_of(house, incident)
    async with house.store.transaction() as tx:
        for step in await queries.steps(tx.session, run.number):
            if step.name == name:
                step.output = {**step.output, **output}
                tx.session.add(step)


async def test_of_two_people_who_contradict_each_other_the_first_decides_and_the_second_is_told(house: House) -> None:
    _, deploy = await until_deploy_is_asked(house)
    sent_back, approved = await asyncio.gather(
        house.do(control.decide, deploy.number, BO, "reject", feedback="keep the rounding"),
        house.do(control.decide, deploy.number, ANA, "approve"),
        return_exceptions=True,
    )
    assert isinstance(sent_back, records.Approval)
    assert isinstance(approved, Conflict)
    assert f"sent back by <@{BO}>" in approved.message


async def test_who_loses_the_right_between_question_and_click_does_not_decide(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(respond.take_role, incident.number, CY, Role.DEPUTY)
    await house.do(respond.release_role, incident.number, CY, Role.DEPUTY)
    with pytest.raises(NotAllowed):
        await house.do(control.decide, deploy.number, CY, "approve")
    # An approver of sitrep.yml whose account is deactivated stays listed, and decides nothing all the same.
    assert await house.do(presence.left, incident.number, BO, presence.Leaving.SLACK)
    with pytest.raises(NotAllowed, match=f"You left {incident.key}"):
        await house.do(control.decide, deploy.number, BO, "approve")


async def test_a_click_that_meets_an_expired_request_is_told_so_and_changes_nothing(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)

    async def expire() -> None:
        async with house.store.transaction() as tx:
            row = await tx.session.get_one(records.Approval, deploy.number)
            await approvals.expire(tx, await queries.get(tx.session, incident.number), row)

    _, click = await asyncio.gather(
        expire(), house.do(control.decide, deploy.number, BO, "approve"), return_exceptions=True
    )
    assert isinstance(click, Conflict)
    assert "has expired" in click.message
    assert click.remedy == f"`/incident retry {deploy.step}` asks anew."
    async with house.store.read() as session:
        events = await queries.events(session, incident.number)
    about = [event.data for event in events if event.kind is EventKind.APPROVAL_DECIDED]
    assert [each["decision"] for each in about if each["about"] == "deploy"] == ["expired"]


async def test_a_choice_that_waits_while_the_severity_changes_counts_under_the_new_plan(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer are hurt")
    assert [each.id for each in await house.pending(incident)] == [asked.id]
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    await house.work()
    request = next(each for each in house.agent.asked if each.step.name == "2.1")
    assert request.step.prompt.startswith("standard-bug-fix-development")
    assert request.approved is not None
    assert (request.approved.subject["number"], request.approved.decided_by) == (1, ANA)


async def test_of_two_options_pressed_at_once_the_first_is_planned_and_the_second_is_told(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    (fix,) = await bug.pending(incident)
    first, second = await asyncio.gather(
        bug.do(control.decide, fix.number, ANA, "approve", option=2),
        bug.do(control.decide, fix.number, BO, "approve", option=1),
        return_exceptions=True,
    )
    told = {type(each) for each in (first, second)}
    assert told == {records.Approval, Conflict}
    await bug.work()
    request = next(each for each in bug.agent.asked if each.step.name == "2.1")
    assert request.approved is not None
    assert (request.approved.decided_by, request.approved.subject["number"]) in ((ANA, 2), (BO, 1))


async def test_an_answer_that_comes_after_the_stage_moved_on_changes_nothing(bug: House) -> None:
    incident = await declared(bug)
    bug.agent.results["bug-root-cause-reflection"] = bugs.review("needs_changes", "no proof")
    await bug.work()
    async with bug.store.read() as session:
        (asked,) = await queries.questions(session, incident.number)
    await bug.do(answering.answer, asked.number, ANA, 3)  # continue anyway
    await bug.work()
    before = await bug.states(incident)
    with pytest.raises(Conflict, match=f"Already answered by <@{ANA}> at .* UTC: Continue anyway"):
        await bug.do(answering.answer, asked.number, ANA, 1)
    with pytest.raises(Repeated, match="Your answer stands: Continue anyway"):
        await bug.do(answering.answer, asked.number, ANA, 3)
    assert await bug.states(incident) == before
    assert await bug.work() == []


async def test_a_plan_or_merge_that_changed_since_it_was_asked_is_not_approved(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    await decided(bug, incident, option=1)
    await bug.work()
    (plan,) = await bug.pending(incident)
    await changed(bug, incident, "2.1", summary="another way")
    with pytest.raises(Conflict, match="changed since this was asked"):
        await bug.do(control.decide, plan.number, ANA, "approve")
    await changed(bug, incident, "2.1", summary=plan.subject["summary"])
    await bug.do(control.decide, plan.number, ANA, "approve")
    await bug.work()
    (merge,) = await bug.pending(incident)
    await changed(bug, incident, "3.1.4", head="badc0de")
    with pytest.raises(Conflict, match="changed since this was asked"):
        await bug.do(control.decide, merge.number, ANA, "approve")
