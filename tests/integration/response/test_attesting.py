"""What a person may vouch for, and how long it counts."""

import pytest

from incidents.errors import Conflict
from incidents.lifecycle import Role
from incidents.response import control, progress, vouching
from incidents.service import queries, respond
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_story import until_deploy_is_asked, until_fix_is_asked

TESTS = "minimal_tests_passing"


async def test_nobody_vouches_for_tests_that_have_not_run(house: House) -> None:
    _, asked = await until_fix_is_asked(house)
    with pytest.raises(Conflict, match=r"2\.1"):
        await house.do(vouching.attest, asked.run_id, 2, TESTS, ANA, "they will pass")


async def test_a_gate_says_who_may_answer_for_it_once_somebody_commands(house: House) -> None:
    incident = await house.declare()
    await house.work()
    asked = {key: row for key, row in (await house.outbox(incident, "gate:")).items() if row.action == "post"}
    assert asked
    await house.deliver()
    await house.do(respond.take_role, incident.number, ANA, Role.COMMANDER)
    drawn = {
        key.partition(":edit:")[0] for key, row in (await house.outbox(incident, "gate:")).items() if ":edit:" in key
    }
    assert drawn == set(asked)


async def test_words_for_one_fix_do_not_stand_for_the_next(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(vouching.attest, deploy.run_id, 2, TESTS, ANA, "seen on my machine")
    await house.do(control.decide, deploy.number, BO, "reject", feedback="keep the rounding")
    suite = house.agent.results["emergency-hotfix-development"]["minimal_test_suite"]
    suite["newly_failing"] = ["test_totals"]
    await house.work()
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        outputs = await queries.outputs(session, run.number)
        judged = await progress.verdicts(session, house.ctx, await queries.get(session, incident.number), run, outputs)
    assert not next(verdict for verdict in judged[2] if verdict.gate == TESTS).holds
    assert await house.pending(incident) == []
