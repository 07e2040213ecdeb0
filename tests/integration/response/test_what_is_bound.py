"""What was approved is good for exactly that: not for another command, another attempt, or more than an exercise."""

import pytest

from incidents import records
from incidents.agents.journal import Begun
from incidents.errors import Conflict, StepFailed
from incidents.response import control, expiry, intervening
from incidents.response.journal import StepJournal
from tests.clock import START
from tests.integration.response.conftest import ANA, BO, SETTINGS, House
from tests.integration.response.test_expiry import approval, step
from tests.integration.response.test_story import until_deploy_is_asked


def restarted_with(house: House, *command: str) -> None:
    """Let sitrep.yml have this deploy command, as after a restart."""
    service = SETTINGS.services["checkout"]
    service = service.model_copy(update={"production": service.production.model_copy(update={"deploy": command})})
    object.__setattr__(house.ctx, "settings", SETTINGS.model_copy(update={"services": {"checkout": service}}))


@pytest.fixture
async def asked(house: House) -> tuple[records.Incident, records.Approval]:
    restarted_with(house, "bin/deploy", "{commit}")
    return await until_deploy_is_asked(house)


async def test_a_command_that_changes_after_the_approval_voids_it_and_people_are_asked_anew(
    house: House, asked: tuple[records.Incident, records.Approval]
) -> None:
    incident, deploy = asked
    await house.do(control.decide, deploy.number, BO, "approve")
    restarted_with(house, "bin/deploy", "--force", "{commit}")
    await house.work()
    assert "3.1" not in [each.step.name for each in house.agent.asked]
    assert (await approval(house, deploy.number)).state == "superseded"
    [anew] = await house.pending(incident)
    assert anew.subject["command"] == ["bin/deploy", "--force", "9f8e7d6"]
    await house.do(control.decide, anew.number, BO, "approve")
    await house.work()
    assert (await house.states(incident))["3.1"] == "done"


async def test_what_waits_when_sitrep_starts_is_asked_anew_where_another_command_would_be_run(
    house: House, asked: tuple[records.Incident, records.Approval]
) -> None:
    incident, deploy = asked
    await expiry.ask_anew_what_changed(house.ctx)
    assert [each.id for each in await house.pending(incident)] == [deploy.id], "nothing has changed"
    restarted_with(house, "bin/deploy", "--force", "{commit}")
    with pytest.raises(Conflict, match="has changed since this was asked"):
        await house.do(control.decide, deploy.number, BO, "approve")
    await expiry.ask_anew_what_changed(house.ctx)
    [anew] = await house.pending(incident)
    assert anew.subject["command"] == ["bin/deploy", "--force", "9f8e7d6"]


async def test_an_attempt_that_failed_has_used_up_its_approval_and_a_choice_stays_chosen(
    house: House, asked: tuple[records.Incident, records.Approval]
) -> None:
    incident, deploy = asked
    house.agent.failing.add("3.1")
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    house.agent.failing.clear()
    await house.do(intervening.retry_step, (await step(house, incident, "3.1")).number, ANA)
    assert await house.work() == [], "whoever may retry may not deploy by it"
    [anew] = await house.pending(incident)
    assert (anew.kind, anew.digest) == ("deploy", deploy.digest)


async def test_no_agent_begins_a_command_in_a_drill(house: House) -> None:
    await house.declare()
    [claim] = await house.engine.claim(1)
    kept = StepJournal(house.store, claim, house.workdir, (), "", drill=True)
    begun = Begun(id="1", verb="deploy", environment="staging", what="9f8e7d6", at=START, machine="m", folder="f")
    with pytest.raises(StepFailed, match="This is a drill: the deploy of 9f8e7d6 to staging was not begun"):
        await kept.begin(begun)
