"""How users are relieved is chosen at once, and touches production only as somebody approved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from incidents import catalog, records
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.journal import Begun
from incidents.definitions import Severity
from incidents.errors import Conflict, InvalidInput, NotAllowed, Repeated
from incidents.lifecycle import Role
from incidents.response import control, intervening, mitigating
from incidents.response.mitigations import Means, WayBack
from incidents.service import queries, resolve, respond
from tests.clock import START
from tests.integration.response.conftest import ANA, BO, CY, SETTINGS, House
from tests.integration.response.test_expiry import step

BACK = WayBack("40", "41")


@pytest.fixture
def shop(house: House) -> catalog.Service:
    """Let the incident's service have a rollback and a switch."""
    production = catalog.Environment(
        rollback=("bin/rollback", "{release}"), switches={"new-prices": ("bin/flags", "off", "new-prices")}
    )
    service = catalog.Service(key="checkout", production=production)
    settings = SETTINGS.model_copy(update={"services": {"checkout": service}})
    object.__setattr__(house.ctx, "settings", settings)
    mitigating.Offering(house.ctx).register()
    return service


async def commanded(house: House, severity: Severity = Severity.CRITICAL) -> records.Incident:
    incident = await house.declare(severity)
    await house.do(respond.take_role, incident.number, ANA, Role.COMMANDER)
    return incident


async def mitigation(house: House, incident: records.Incident) -> records.Approval:
    [asked] = [each for each in await house.pending(incident) if each.kind == "mitigate"]
    return asked


@pytest.mark.usefixtures("shop")
async def test_a_rollback_waits_for_approval_of_exactly_its_command_and_holds_nothing_up(house: House) -> None:
    incident = await commanded(house)
    assert "mitigation" in await house.outbox(incident), "it is offered at once"
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    asked = await mitigation(house, incident)
    assert asked.subject["command"] == ["bin/rollback", "40"]
    assert "1.3" in await house.work(), "the response goes on meanwhile"
    with pytest.raises(NotAllowed):
        await house.do(control.decide, asked.number, CY, "approve")
    await house.do(control.decide, asked.number, BO, "approve")
    assert await house.work() == ["0.1"]
    [request] = [each for each in house.agent.asked if each.step.name == "0.1"]
    assert request.approved is not None
    assert request.approved.subject["command"] == ["bin/rollback", "40"]
    assert (await house.incident(incident)).mitigated_at is not None


@pytest.mark.usefixtures("shop")
async def test_another_choice_takes_the_place_of_one_nobody_approved_and_a_refused_one_is_left_out(
    house: House,
) -> None:
    incident = await commanded(house)
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    first = await mitigation(house, incident)
    with pytest.raises(Repeated, match="Your choice stands"):
        await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    await house.do(respond.take_role, incident.number, CY, Role.DEPUTY)
    with pytest.raises(Conflict, match=f"Already chosen by <@{ANA}> at "):
        await house.do(mitigating.choose, incident.number, CY, Means.ROLLBACK, back=BACK)
    await house.do(mitigating.choose, incident.number, ANA, Means.FLAG, back=BACK, switch="new-prices")
    second = await mitigation(house, incident)
    assert second.subject["command"] == ["bin/flags", "off", "new-prices"]
    with pytest.raises(Conflict):
        await house.do(control.decide, first.number, BO, "approve")
    await house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer hurt")
    assert (await mitigation(house, incident)).id == second.id, "another severity does not undo it"
    await house.do(control.decide, second.number, BO, "reject", feedback="prices would be wrong")
    states = await house.states(incident)
    assert states["0.1"] == "skipped"
    await house.do(respond.change_severity, incident.number, ANA, Severity.CRITICAL, "more hurt")
    assert (await house.states(incident))["0.1"] == "skipped", "what was refused is not asked again"
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    assert "0.2" in await house.states(incident)


@pytest.mark.usefixtures("shop")
async def test_a_mitigation_that_failed_is_asked_anew_after_reopening(house: House) -> None:
    incident = await commanded(house)
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    asked = await mitigation(house, incident)
    await house.do(control.decide, asked.number, BO, "approve")
    house.agent.failing.add("0.1")
    await house.work()
    house.agent.failing.clear()
    async with house.store.read() as session:
        assert (await session.get_one(records.Approval, asked.number)).state == "superseded", "its card says so at once"
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    assert "0.1" not in await house.work(), "put back again, and nobody was asked"
    assert (await mitigation(house, incident)).id != asked.id


@pytest.mark.usefixtures("shop")
async def test_a_stopped_mitigation_chosen_again_is_asked_anew(house: House) -> None:
    incident = await commanded(house)
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    asked = await mitigation(house, incident)
    await house.do(control.decide, asked.number, BO, "approve")
    number = (await step(house, incident, "0.1")).number
    [claim] = await house.engine.claim(1, step_id=number)
    await house.do(intervening.stop_step, number, ANA, "wait")
    async with house.store.read() as session:
        assert (await session.get_one(records.Approval, asked.number)).state == "superseded"
    await house.engine.carry_out(claim)
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    assert not {"0.1", "0.2"} & {*await house.work()}, "done under the approval of the attempt that was stopped"
    assert (await mitigation(house, incident)).step == "0.2"


async def stopped_half_way(house: House) -> tuple[records.Incident, list[str]]:
    """Stop a rollback while its command runs; return what was chosen instead meanwhile, and what was said to that."""
    incident = await commanded(house)
    await house.do(mitigating.choose, incident.number, ANA, Means.ROLLBACK, back=BACK)
    asked = await mitigation(house, incident)
    await house.do(control.decide, asked.number, BO, "approve")
    number = (await step(house, incident, "0.1")).number
    begun = Begun(id="b", verb="rollback", environment="production", what="40", at=START, machine="m", folder="f")
    scripted, refused = house.agent.run, []

    async def stopped(request: StepRequest) -> StepResult:
        if request.step.name == "0.1":
            await request.journal.begin(begun)
            with request.journal.under_way():
                await house.do(intervening.stop_step, number, ANA, "it hangs")
                with pytest.raises(Conflict) as refusal:
                    await house.do(mitigating.choose, incident.number, ANA, Means.FLAG, back=BACK, switch="new-prices")
                refused.append(refusal.value.message)
                request.journal.ended(begun, "The rollback to release 40 failed (exit code 1).")
        return await scripted(request)

    house.agent.run = stopped  # type: ignore[method-assign]
    await house.work()
    return incident, refused


@pytest.mark.usefixtures("shop")
async def test_a_stopped_mitigation_is_in_the_way_of_another_until_its_command_has_ended(house: House) -> None:
    incident, refused = await stopped_half_way(house)
    assert refused == ["Another mitigation is being carried out."]
    await house.do(mitigating.choose, incident.number, ANA, Means.FLAG, back=BACK, switch="new-prices")
    assert (await mitigation(house, incident)).step == "0.2"


@pytest.mark.usefixtures("shop")
async def test_a_stopped_mitigation_whose_command_has_ended_is_handed_over_and_asked_anew(house: House) -> None:
    incident, _ = await stopped_half_way(house)
    object.__setattr__(house.ctx, "providers", ("playbook", "claude"))
    await house.do(intervening.hand_over, (await step(house, incident, "0.1")).number, ANA, "claude")
    assert "0.1" not in await house.work()
    assert (await mitigation(house, incident)).step == "0.1"


async def test_what_cannot_be_done_here_says_what_is_missing_and_a_hotfix_needs_nothing(house: House) -> None:
    incident = await commanded(house, Severity.MEDIUM)
    assert "mitigation" not in await house.outbox(incident), "it is not that grave"
    for means in (Means.ROLLBACK, Means.FLAG):
        with pytest.raises(Conflict) as refused:
            await house.do(mitigating.choose, incident.number, ANA, means, back=BACK)
        assert "sitrep.yml" in refused.value.remedy
    await house.do(mitigating.choose, incident.number, ANA, Means.HOTFIX, back=BACK)
    async with house.store.read() as session:
        event = (await queries.events(session, incident.number))[-1]
    assert (event.kind.value, event.data["means"], event.actor) == ("mitigation_chosen", "hotfix", ANA)


@pytest.fixture
def ran(tmp_path: Path) -> Callable[..., catalog.Service]:
    """Return a service whose deploy log says that these releases ran in turn."""

    def write(*releases: str) -> catalog.Service:
        lines = [
            {"at": f"2026-11-21T0{hour}:00:00Z", "release": release, "commit": release * 20}
            for hour, release in enumerate(releases)
        ]
        (tmp_path / "deploys.jsonl").write_text("\n".join(map(json.dumps, lines)))
        return catalog.Service(key="checkout", deploys=str(tmp_path / "deploys.jsonl"))

    return write


@pytest.mark.parametrize(
    ("releases", "found"),
    [(("40", "41"), "40"), (("41",), ""), (("40", "41", "40"), "")],
    ids=["the one before", "none before", "put back already: what ran before is what failed"],
)
async def test_the_way_back_is_the_release_before_what_runs(
    ran: Callable[..., catalog.Service], house: House, releases: tuple[str, ...], found: str
) -> None:
    back = await mitigating.way_back(ran(*releases), {}, house.clock)
    assert (back.release, bool(back.missing)) == (found, not found)


async def test_what_was_assessed_and_what_people_name_come_first(
    ran: Callable[..., catalog.Service], house: House
) -> None:
    service = ran("39", "40", "41")
    assessed: dict[str, Any] = house.agent.results["emergency-system-stabilization"]
    readiness = {**assessed["rollback_readiness_assessment"], "release": "39", "ready": False, "reason": "Migrations."}
    back = await mitigating.way_back(service, {"rollback_readiness_assessment": readiness}, house.clock)
    assert (back.release, back.running, back.caution) == ("39", "41", "Migrations.")
    assert (await mitigating.way_back(service, {}, house.clock, named="39")).release == "39"
    for known, wrong in ((service, "38"), (None, "--help")):
        with pytest.raises(InvalidInput):
            await mitigating.way_back(known, {}, house.clock, named=wrong)
