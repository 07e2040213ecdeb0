"""What of the talk in a channel counts as an answer to the triage questions."""

import pytest

from incidents import triage
from incidents.service import respond
from tests.integration.response.conftest import ANA, House


@pytest.mark.parametrize(
    "said",
    ["thanks!", "ok", "on it", ":eyes:", "<@U0BO>", "is prod down for everybody?", "who has the logs?", "👍 👍 👍"],
)
async def test_talk_answers_no_triage_question(house: House, said: str) -> None:
    incident = await house.declare()
    before = triage.missing((await house.incident(incident)).facts)
    assert await house.do(respond.add_facts, incident.number, ANA, said) == before
    assert triage.missing((await house.incident(incident)).facts) == before


@pytest.mark.parametrize("said", ["open an old cart and pay", "支払い画面を開く", "افتح سلة قديمة وادفع"])
async def test_a_plain_sentence_answers_the_first_open_question(house: House, said: str) -> None:
    incident = await house.declare()
    first = triage.missing((await house.incident(incident)).facts)[0]
    await house.do(respond.add_facts, incident.number, ANA, said)
    assert (await house.incident(incident)).facts[first] == said
