"""A deploy that failed or was taken back does not count, and the fixes that were not tried are offered."""

from typing import Any

import pytest

from incidents import records
from incidents.errors import StepFailed
from incidents.events import EventKind
from incidents.response import approvals, control, intervening
from incidents.service import queries, resolve
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_deploy_once import Site
from tests.integration.response.test_deploy_once import site as site  # the fixture
from tests.integration.response.test_expiry import step
from tests.integration.response.test_four_eyes import FIX, fixed_by
from tests.integration.response.test_story import until_deploy_is_asked

WORSE = "The fix made it worse and was taken back; 90 % of 200 requests fail, 38 % before. The incident goes on."


def second_option(house: House) -> None:
    cause = house.agent.results["rapid-root-cause-analysis"]["preliminary_root_cause"]
    first = cause["fix_options"][0]
    cause["fix_options"] = [first, {**first, "number": 2, "title": "Go back to release 40", "approach": "rollback"}]


def goes_wrong(house: House) -> None:
    """Let the release do worse, so that the agent takes it back."""
    output = house.agent.results["emergency-deployment-execution"]
    output["deployment_status"] |= {"rolled_back": True, "release": "41"}
    output["user_impact_resolution"] |= {"resolved": False, "summary": WORSE}


def goes_well(house: House, commit: str) -> None:
    house.agent.results["emergency-hotfix-development"]["emergency_fix_code"]["commit"] = commit
    output = house.agent.results["emergency-deployment-execution"]
    output["deployment_status"] |= {"rolled_back": False, "release": "40", "commit": commit}
    output["user_impact_resolution"] |= {"resolved": True, "summary": "orders succeed"}


async def taken_back(house: House) -> tuple[records.Incident, records.Approval]:
    """Deploy a fix that is taken back; return what is asked then."""
    second_option(house)
    goes_wrong(house)
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    [asked] = await house.pending(incident)
    return incident, asked


async def test_a_deploy_that_was_taken_back_is_not_done(house: House) -> None:
    incident, _ = await taken_back(house)
    row = await step(house, incident, "3.1")
    assert (row.state, row.error) == ("failed", WORSE)
    assert row.output["deployment_status"]["rolled_back"] is True
    stored = await house.incident(incident)
    assert (stored.deployed_at, stored.mitigated_at) == (None, None)
    assert (await house.states(incident))["4.1"] == "queued"
    assert any(":failed:" in key for key in await house.outbox(incident, f"step:{row.id}"))


async def test_what_was_not_tried_is_offered_with_what_was(house: House) -> None:
    _, asked = await taken_back(house)
    assert asked.kind == "choose_fix"
    assert [each["number"] for each in asked.subject["options"]] == [2]
    assert [(each["number"], each["failed"]) for each in asked.subject["tried"]] == [(1, WORSE)]


async def test_choosing_another_fix_prepares_tests_and_asks_for_its_deploy(house: House) -> None:
    incident, asked = await taken_back(house)
    goes_well(house, "1234567")
    await house.do(control.decide, asked.number, ANA, "approve", option=2)
    assert sorted(await house.work()) == ["2.1", "2.3", "3.2"]
    last = [each for each in house.agent.asked if each.step.name == "2.1"][-1]
    assert last.approved is not None
    assert last.approved.subject["number"] == 2
    [deploy] = await house.pending(incident)
    assert deploy.subject["commit"] == "1234567"
    await house.do(control.decide, deploy.number, BO, "approve")
    assert "3.1" in await house.work()
    assert (await step(house, incident, "3.1")).state == "done"
    assert (await house.incident(incident)).deployed_at is not None


async def test_when_the_last_option_fails_too_nothing_is_left_to_choose_but_sending_back(house: House) -> None:
    incident, asked = await taken_back(house)
    await house.do(control.decide, asked.number, ANA, "approve", option=2)
    await house.work()
    [deploy] = await house.pending(incident)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    [left] = await house.pending(incident)
    assert left.subject["options"] == []
    assert [each["number"] for each in left.subject["tried"]] == [1, 2]


async def test_sending_the_analysis_back_offers_everything_it_finds_anew(house: House) -> None:
    incident, asked = await taken_back(house)
    await house.do(control.decide, asked.number, ANA, "reject", feedback="look at the cache")
    await house.work()
    [anew] = await house.pending(incident)
    assert [each["number"] for each in anew.subject["options"]] == [1, 2]
    assert "tried" not in anew.subject
    feedback = [each.feedback for each in house.agent.asked if each.step.name == "1.3"]
    assert feedback == ["", "look at the cache"]


async def test_taking_the_deploy_over_withdraws_the_offer(house: House) -> None:
    incident, _ = await taken_back(house)
    await house.do(intervening.take_over, (await step(house, incident, "3.1")).number, ANA, "scaled the cache up")
    assert await house.pending(incident) == []
    await house.work()
    assert (await house.states(incident))["4.1"] == "done"


async def test_the_same_commit_needs_a_new_approval_once_it_was_taken_back(house: House) -> None:
    incident, _ = await taken_back(house)
    await house.do(intervening.retry_step, (await step(house, incident, "3.1")).number, ANA)
    assert "3.1" not in await house.work()
    [deploy] = await house.pending(incident)
    assert (deploy.kind, deploy.subject["commit"]) == ("deploy", "9f8e7d6")


async def test_resolving_withdraws_the_offer(house: House) -> None:
    incident, _ = await taken_back(house)
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    assert await house.pending(incident) == []
    await house.work()
    assert (await house.states(incident))["4.1"] == "done"


async def command_fails(site: Site, monkeypatch: pytest.MonkeyPatch) -> records.Incident:
    """Let the deploy command run, and the step fail after it."""
    second_option(site.house)
    site.go()
    run = site.agent.scripted.run

    async def fails(request: Any) -> Any:
        if request.step.name == "3.1":
            raise StepFailed("The deploy of 9f8e7d6 to production failed (exit code 1): no space left.")
        return await run(request)

    monkeypatch.setattr(site.agent.scripted, "run", fails)
    incident = await site.approved()
    await site.house.work()
    return incident


async def test_a_deploy_command_that_fails_offers_the_others_and_can_be_retried(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = await command_fails(site, monkeypatch)
    [asked] = await site.house.pending(incident)
    assert [each["number"] for each in asked.subject["options"]] == [2]
    monkeypatch.undo()
    await site.house.do(intervening.retry_step, (await step(site.house, incident, "3.1")).number, ANA)
    assert "3.1" not in await site.house.work(), "what was approved was one attempt"
    [anew] = await site.house.pending(incident)
    assert anew.kind == "deploy"
    await site.house.do(control.decide, anew.number, BO, "approve")
    assert "3.1" in await site.house.work()
    assert (await step(site.house, incident, "3.1")).state == "done"


async def test_a_step_that_fails_before_it_deploys_offers_nothing(house: House) -> None:
    second_option(house)
    house.agent.failing.add("3.1")
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    assert (await house.states(incident))["3.1"] == "failed"
    assert await house.pending(incident) == []


async def test_the_record_keeps_every_choice_that_failed(house: House) -> None:
    incident, _ = await taken_back(house)
    async with house.store.read() as session:
        chosen = [each for each in await queries.approvals(session, incident.number) if each.kind == "choose_fix"]
    assert [each.decision.get("failed", "") for each in chosen] == [WORSE, ""]


async def handwork_taken_back(house: House) -> tuple[records.Incident, records.Approval]:
    """Choose option 1, fix it by hand all the same, and take that back; return what is asked then."""
    second_option(house)
    goes_wrong(house)
    incident = await fixed_by(house, BO, FIX)
    [deploy] = await house.pending(incident)
    await house.do(control.decide, deploy.number, ANA, "approve")
    await house.work()
    house.agent.failing.clear()
    [asked] = await house.pending(incident)
    return incident, asked


async def test_an_option_in_whose_place_people_fixed_it_by_hand_was_not_tried(house: House) -> None:
    _, asked = await handwork_taken_back(house)
    assert [each["number"] for each in asked.subject["options"]] == [1, 2]
    assert "tried" not in asked.subject


@pytest.mark.parametrize("option", [1, 2])
async def test_a_fix_that_is_chosen_after_one_made_by_hand_is_prepared_in_its_place(house: House, option: int) -> None:
    incident, asked = await handwork_taken_back(house)
    goes_well(house, "1234567")
    await house.do(control.decide, asked.number, ANA, "approve", option=option)
    assert (await step(house, incident, "2.1")).output == {}
    assert sorted(await house.work()) == ["2.1", "2.3", "3.2"]
    last = [each for each in house.agent.asked if each.step.name == "2.1"][-1]
    assert (last.approved.subject["number"] if last.approved else None) == option
    [deploy] = await house.pending(incident)
    assert (deploy.subject["commit"], deploy.subject.get("made_by")) == ("1234567", None)


async def test_a_choice_that_another_took_the_place_of_does_not_expire(house: House) -> None:
    incident, asked = await handwork_taken_back(house)
    async with house.store.transaction() as tx:
        run = await tx.session.get_one(records.Run, asked.run_id)
        former = (await approvals.given(tx, run))["2.1"]
        former.expires_at = tx.now
        tx.session.add(former)
    await house.do(control.decide, asked.number, ANA, "approve", option=2)
    async with house.store.read() as session:
        events = await queries.events(session, incident.number)
        states = [each.state for each in await queries.approvals(session, incident.number) if each.step == "2.1"]
    assert "expired" not in [each.data["decision"] for each in events if each.kind is EventKind.APPROVAL_DECIDED]
    assert states == ["superseded", "approved"]


async def test_sending_a_fix_back_leaves_what_was_made_by_hand(house: House) -> None:
    incident = await fixed_by(house, BO, FIX)
    [deploy] = await house.pending(incident)
    await house.do(control.decide, deploy.number, ANA, "reject", feedback="look at the cache")
    await house.work()
    assert (await house.states(incident))["2.1"] == "taken_over"
