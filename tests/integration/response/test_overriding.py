"""The commander lets the response go on without a gate: with a reason, for everybody to see, and nobody else can."""

from typing import Any

import pytest

from incidents import export, records, timeline
from incidents.errors import Conflict, InvalidInput, NotAllowed
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.response import control, progress, vouching
from incidents.response.gates import GateState, GateVerdict
from incidents.service import queries, respond
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_story import until_deploy_is_asked, until_fix_is_asked

MITIGATION, TESTS = "initial_mitigation_attempted", "minimal_tests_passing"
WHY = "the vendor confirmed it by phone"


async def verdict(house: House, incident: int, stage: int, gate: str) -> GateVerdict:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident)
        assert run is not None
        row = await queries.get(session, incident)
        found = await queries.outputs(session, run.number)
        judged = await progress.verdicts(session, house.ctx, row, run, found)
    return next(each for each in judged[stage] if each.gate == gate)


async def kinds(house: House, incident: int) -> list[EventKind]:
    async with house.store.read() as session:
        return [event.kind for event in await queries.events(session, incident)]


async def test_nobody_but_the_commander_overrides(house: House) -> None:
    _, asked = await until_fix_is_asked(house)
    with pytest.raises(NotAllowed, match="Only the commander <@U0ANA> may override a quality gate"):
        await house.do(vouching.override, asked.run_id, 1, MITIGATION, BO, WHY)


async def test_nobody_overrides_while_there_is_no_commander(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    async with house.store.transaction() as tx:
        await respond.release_role(tx, house.ctx, incident.number, ANA, Role.COMMANDER)
    with pytest.raises(NotAllowed, match="nobody is commander"):
        await house.do(vouching.override, asked.run_id, 1, MITIGATION, ANA, WHY)


async def test_an_override_needs_its_reason(house: House) -> None:
    _, asked = await until_fix_is_asked(house)
    with pytest.raises(InvalidInput) as refused:
        await house.do(vouching.override, asked.run_id, 1, MITIGATION, ANA, "  ")
    assert refused.value.field == "reason"


async def test_an_override_opens_the_way_and_stands_in_timeline_and_export(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(vouching.override, asked.run_id, 1, MITIGATION, ANA, WHY)
    with pytest.raises(Conflict, match="Already overridden by <@U0ANA>"):
        await house.do(vouching.override, asked.run_id, 1, MITIGATION, ANA, "pressed twice")
    assert (await verdict(house, incident.number, 1, MITIGATION)).state is GateState.OVERRIDDEN
    async with house.store.read() as session:
        lines = [entry.text for entry in timeline.entries(await queries.events(session, incident.number))]
        whole: dict[str, Any] = await export.whole(session, await queries.get(session, incident.number))
    assert f"gate overridden: initial mitigation attempted by <@{ANA}>: {WHY}" in lines
    assert [(row["note"], row["overridden"]) for row in whole["attestations"]] == [(WHY, True)]


async def test_what_evidence_speaks_against_is_overridden_and_not_vouched_for(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    house.agent.results["emergency-hotfix-development"]["minimal_test_suite"]["newly_failing"] = ["test_totals"]
    await house.do(vouching.attest, asked.run_id, 1, MITIGATION, ANA)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    await house.work()
    with pytest.raises(Conflict, match=r"speaks against it: test_totals"):
        await house.do(vouching.attest, asked.run_id, 2, TESTS, ANA, "it is flaky")
    await house.do(vouching.override, asked.run_id, 2, TESTS, ANA, "it is flaky")
    held = await verdict(house, incident.number, 2, TESTS)
    assert (held.state, held.against) == (GateState.OVERRIDDEN, "test_totals")
    assert EventKind.GATE_CONTRADICTED not in await kinds(house, incident.number)  # it was known


async def test_evidence_that_comes_later_is_told_and_undoes_nothing(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    async with house.store.transaction() as tx:
        word = records.Attestation(
            run_id=deploy.run_id, stage=2, gate=TESTS, person=ANA, note=WHY, at=tx.now, overridden=True
        )
        tx.session.add(word)
        step = next(each for each in await queries.steps(tx.session, deploy.run_id) if each.name == "2.1")
        suite = {**step.output["minimal_test_suite"], "newly_failing": ["test_totals"]}
        step.output = {**step.output, "minimal_test_suite": suite}
        tx.session.add(step)
        await tx.session.flush()
        for _ in range(2):
            run = await tx.session.get_one(records.Run, deploy.run_id)
            await progress.advance(tx, house.ctx, await queries.get(tx.session, incident.number), run)
    told = await kinds(house, incident.number)
    assert told.count(EventKind.GATE_CONTRADICTED) == 1
    assert (await verdict(house, incident.number, 2, TESTS)).holds


async def test_gates_that_evidence_shows_are_events_once(house: House) -> None:
    incident, _ = await until_deploy_is_asked(house)
    async with house.store.read() as session:
        passed = [
            event.data["gate"]
            for event in await queries.events(session, incident.number)
            if event.kind is EventKind.GATE_PASSED
        ]
    assert len(passed) == len(set(passed))
    assert {"root_cause_identified", TESTS, "rollback_procedure_ready"} <= set(passed)
