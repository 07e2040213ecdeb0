"""Words that were typed: understood where they are typed, answered where the person looks, and never lost."""

from typing import Any

from bot.workspace.driver import Person
from tests.scenario.office import Office, eventually, has_button, opened, text_of
from tests.scenario.test_deciding import declared_and_commanded


async def mention(office: Office) -> str:
    """Return what mentions the bot."""
    return f"<@{(await office.app.desk.identity.learn()).bot_user}>"


async def shown_to(who: Person, channel: str, words: str) -> dict[str, Any]:
    """Return what only this person is shown in the channel, once it holds `words`."""

    async def found() -> dict[str, Any] | None:
        return next((row for row in await who.ephemerals(channel) if words in text_of(row)), None)

    row: dict[str, Any] = await eventually(found)
    return row


async def failed_step(office: Office, channel: str) -> dict[str, Any]:
    """Return the message about the step that failed, in its phase's thread."""

    async def found() -> dict[str, Any] | None:
        for head in await office.dee.messages(channel):
            for row in await office.dee.replies(channel, head["ts"]):
                if has_button("Retry")(row):
                    return row
        return None

    row: dict[str, Any] = await eventually(found)
    return row


async def test_a_command_to_the_bot_under_a_decision_is_no_feedback(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await eventually(lambda: office.is_stored("inc-1:approval:1"))
    bot = await mention(office)
    await office.ana.post(channel, f"{bot} status", card["ts"])
    await shown_to(office.ana, channel, "Commander")
    await office.ana.post(channel, f"{bot} why is it pricing.py?", card["ts"])
    await eventually(lambda: _answered(office.ana, channel, card["ts"]))
    await office.ana.post(channel, "Keep the rounding please", card["ts"])  # the last of them: what came before is done
    offered = await shown_to(office.ana, channel, "Is this what should change?")
    assert "Keep the rounding" in text_of(offered)
    asked = [row for row in await office.ana.ephemerals(channel) if "Is this what should change?" in text_of(row)]
    assert len(asked) == 1


async def _answered(who: Person, channel: str, thread: str) -> bool:
    return any("Answered from the record" in text_of(row) for row in await who.replies(channel, thread))


async def test_a_mention_at_the_channels_top_is_answered_there_and_not_in_a_thread(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.ana.post(channel, f"{await mention(office)} ack")
    answer = await shown_to(office.ana, channel, "Acknowledged")
    assert not answer.get("thread_ts")


async def test_a_question_at_the_channels_top_is_answered_in_its_own_thread(office: Office) -> None:
    channel = await office.declare(office.dee)
    asked = await office.ana.post(channel, f"{await mention(office)} what was declared?")
    await eventually(lambda: _answered(office.ana, channel, asked["ts"]))


async def test_somebody_who_only_looks_in_hears_why_a_press_in_a_thread_is_refused(tmp_path) -> None:
    async with opened(tmp_path, "dee", "ana", "bo", "gil") as office:
        office.agents.fails.add("1.2")
        channel = await declared_and_commanded(office)
        row = await failed_step(office, channel)
        assert not await office.are_in(channel, "gil")
        await office.gil.click(channel, row, "Retry")
        await shown_to(office.gil, channel, "may steer the response")
