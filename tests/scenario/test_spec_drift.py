"""People say whether the specification or the code is wrong: by button, typed, and otherwise later."""

from incidents.events import EventKind
from incidents.service import queries
from tests.scenario.office import Office, eventually, has_button, text_of
from tests.scenario.test_deciding import declared_and_commanded


async def test_the_verdict_is_recorded_and_shown_on_the_analysis(office: Office) -> None:
    channel = await declared_and_commanded(office)

    async def analysis(words: str) -> dict | None:
        for head in await office.ana.messages(channel):
            for row in await office.ana.replies(channel, head["ts"]):
                if (
                    "Root Cause Investigation" in text_of(row)
                    and words in text_of(row)
                    and "*Expected*" in text_of(row)
                ):
                    return row
        return None

    card = await eventually(lambda: analysis("The spec is wrong"))
    await office.ana.click(channel, card, "The code is wrong")
    judged = await eventually(lambda: analysis("The code is wrong: it is fixed"))
    assert "<@U01ANA>" in text_of(judged)
    assert not has_button("The spec is wrong")(judged)

    await office.ana.command("/incident", "drift spec the price was never promised", channel)
    await office.ana.wait_for_ephemeral(lambda row: "The specification is wrong" in text_of(row))
    await eventually(lambda: analysis("the price was never promised"))

    await office.dee.api("conversations.join", channel=channel)
    await office.dee.command("/incident", "drift code", channel)
    await office.dee.wait_for_ephemeral(lambda row: "Only <@U01ANA> may" in text_of(row))
    async with office.ctx.store.read() as session:
        told = [each for each in await queries.events(session, 1) if each.kind is EventKind.DRIFT_JUDGED]
    assert [(each.actor, each.data["verdict"]) for each in told] == [("U01ANA", "code"), ("U01ANA", "spec")]
    assert told[0].data["requirements"]
