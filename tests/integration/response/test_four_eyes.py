"""Who made a change by hand does not approve it; a deploy of nothing is not asked about."""

import pytest

from incidents import postmortem, records
from incidents.errors import NotAllowed
from incidents.lifecycle import Role
from incidents.response import approvals, control, intervening, vouching
from incidents.service import queries, respond
from tests.integration.response.conftest import ANA, BO, CY, SETTINGS, House
from tests.integration.response.test_expiry import step
from tests.integration.response.test_story import GATE, until_fix_is_asked

FIX = {
    "emergency_fix_code.approach": "hotfix",
    "emergency_fix_code.branch": "hotfix/by-hand",
    "emergency_fix_code.commit": "1234567890abcdef1234567890abcdef12345678",
    "emergency_fix_code.base": "a1b2c3d",
    "emergency_fix_code.additions": "1",
    "emergency_fix_code.deletions": "1",
    "emergency_fix_code.summary": "rounds as before",
    "emergency_fix_code.diff": "-a\n+b",
}


async def fixed_by(house: House, person: str, typed: dict[str, str]) -> records.Incident:
    """Bring a response to its deploy, with a fix that `person` made by hand."""
    house.agent.failing.add("2.1")
    incident, asked = await until_fix_is_asked(house)
    await house.do(respond.take_role, incident.number, person, Role.DEPUTY)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)
    await house.work()
    await house.do(intervening.take_over, (await step(house, incident, "2.1")).number, person, "by hand", typed)
    for stage, gate in ((2, "minimal_tests_passing"), (3, "rollback_procedure_ready")):
        await house.do(vouching.attest, asked.run_id, stage, gate, ANA)
    await house.work()
    return incident


async def test_a_fix_made_by_hand_is_approved_by_somebody_else_only(house: House) -> None:
    incident = await fixed_by(house, BO, FIX)
    [deploy] = await house.pending(incident)
    async with house.store.read() as session:
        assert BO not in approvals.who_may(deploy, await queries.roles(session, incident.number), SETTINGS)
    with pytest.raises(NotAllowed, match=f"made this by hand, so <@{ANA}> approves"):
        await house.do(control.decide, deploy.number, BO, "approve")
    await house.do(control.decide, deploy.number, ANA, "approve")
    assert "3.1" in await house.work()


async def test_the_commander_overrides_four_eyes_for_a_reason_where_the_policy_lets_them(house: House) -> None:
    settings = SETTINGS.model_copy(update={"commander_may_override_four_eyes": True})
    object.__setattr__(house.ctx, "settings", settings)
    incident = await fixed_by(house, ANA, FIX)
    [deploy] = await house.pending(incident)
    with pytest.raises(NotAllowed, match="override why"):
        await house.do(control.decide, deploy.number, ANA, "approve")
    await house.do(control.decide, deploy.number, ANA, "approve", feedback="nobody else is awake")
    async with house.store.read() as session:
        vouched = [each.text for each in (await postmortem.build(session, house.ctx, incident.number)).vouched]
    assert f"own work approved against four eyes by <@{ANA}>: nobody else is awake" in vouched
    assert any(each.startswith("gate attested") for each in vouched)


async def test_a_deploy_without_a_commit_fails_with_one_sentence_and_asks_nobody(house: House) -> None:
    incident = await fixed_by(house, CY, {})
    assert await house.pending(incident) == []
    failed = await step(house, incident, "3.1")
    assert (failed.state, failed.error.split(".")[0]) == ("failed", "No commit is known that could be deployed")
