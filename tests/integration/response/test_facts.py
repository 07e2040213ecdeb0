"""What is gathered from the talk in a channel, and from the rows, to answer questions and to judge gates."""

import pytest
from sqlalchemy import insert

from incidents import records, triage
from incidents.response import facts
from incidents.service import queries, triaging
from tests.integration.response.conftest import ANA, House
from tests.integration.response.test_story import told


@pytest.mark.parametrize(
    "said",
    ["thanks!", "ok", "on it", ":eyes:", "<@U0BO>", "is prod down for everybody?", "who has the logs?", "👍 👍 👍"],
)
async def test_talk_answers_no_triage_question(house: House, said: str) -> None:
    incident = await house.declare()
    before = triage.missing((await house.incident(incident)).facts)
    assert await house.do(triaging.add_facts, incident.number, ANA, said) == before
    assert triage.missing((await house.incident(incident)).facts) == before


@pytest.mark.parametrize("said", ["open an old cart and pay", "支払い画面を開く", "افتح سلة قديمة وادفع"])
async def test_a_plain_sentence_answers_the_first_open_question(house: House, said: str) -> None:
    incident = await house.declare()
    first = triage.missing((await house.incident(incident)).facts)[0]
    await house.do(triaging.add_facts, incident.number, ANA, said)
    assert (await house.incident(incident)).facts[first] == said


async def test_an_edit_that_gave_way_to_a_newer_one_keeps_no_gate_closed(house: House) -> None:
    incident = await house.declare()
    await told(house, incident)
    async with house.store.transaction() as tx:
        edit = records.Outbox(
            key=f"{incident.key}:matrix:immediate:{ANA}:edit:6", incident_id=incident.id, lane=3, road="slack",
            action="edit", state="superseded", created_at=tx.now, not_before=tx.now,
        )  # fmt: skip
        tx.session.add(edit)
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        judged = await facts.for_gates(session, house.ctx, incident, run, {})
    assert judged[1].told_immediately == (3, 0, 3)


async def test_agents_are_told_what_earlier_incidents_left_behind_but_not_of_their_own_nor_of_private_ones(
    house: House,
) -> None:
    incident, other, private = [await house.declare() for _ in range(3)]
    async with house.store.transaction() as tx:
        (await tx.session.get_one(records.Incident, private.number)).private = True
        of = [(incident.id, "checkout"), (other.id, "checkout"), (private.id, "checkout"), (None, "search")]
        for number, service in of:
            tx.session.add(
                records.Solution(
                    incident_id=number, service=service, title=f"of {number}", problem="KeyError", created_at=tx.now
                )
            )
    await house.work()
    # They are read for the steps that analyse what is broken, for no other.
    requests = [each for each in house.agent.asked if each.incident.key == incident.key]
    asked = {each.step.name: [it.path for it in each.solutions] for each in requests if each.solutions}
    assert asked == {"1.3": [other.key, "solution 4"]}


@pytest.mark.parametrize("service", ["checkout", ""])
async def test_what_is_private_or_gone_leaves_room_for_what_was_solved_before_it(house: House, service: str) -> None:
    incident, private = [await house.declare() for _ in range(2)]
    async with house.store.transaction() as tx:
        (await tx.session.get_one(records.Incident, private.number)).private = True
        (await tx.session.get_one(records.Incident, incident.number)).service = service
        rows = [(1, None)] + [(number, private.id) for number in range(2, 700)] + [(9_000, private.id)]
        blank = {"service": "search", "title": "t", "problem": "", "solution": "", "signature": "", "filed_by": ""}
        values = [{**blank, "id": number, "incident_id": of, "created_at": tx.now} for number, of in rows]
        await tx.session.execute(insert(records.Solution), values)
    async with house.store.read() as session:
        found = await facts.past_solutions(session, await house.incident(incident))
    assert [each.path for each in found] == ["solution 1"]
