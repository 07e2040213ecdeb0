"""A minor incident waits for the morning, unless a person lets the work begin."""

from tests.scenario.office import Office, has_button, text_of


async def test_a_scheduled_response_is_begun_by_the_cards_button_and_only_once(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low")
    await office.dee.command("/incident", "ack", channel)
    card = await office.dee.wait_for_message(channel, has_button("Begin now"))
    assert "work begins" in text_of(card)
    assert office.agents.asked == []
    await office.dee.click(channel, card, "begin")
    await office.dee.wait_for_message(channel, lambda row: "Work begins now" in text_of(row))
    await office.dee.wait_for_message(channel, has_button("Choose 1"))
    await office.dee.command("/incident", "begin", channel)
    await office.dee.wait_for_ephemeral(lambda row: "does not wait to begin" in text_of(row))
