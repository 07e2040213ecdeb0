"""Ending: resolve with what is missing, the post-mortem and its judgement, follow-ups, closing."""

from typing import Any

from incidents.lifecycle import Status
from incidents.service import queries
from tests.scenario.office import PEOPLE, Office, eventually, has_button, text_of


async def is_in(office: Office, status: Status) -> bool:
    return (await office.incident()).status is status


async def resolved(office: Office) -> str:
    """Return the channel of an incident that Ana has resolved by word."""
    channel = await office.declare(office.dee)
    await office.ana.command("/incident", "ack", channel)
    await office.ana.wait_for_ephemeral(lambda row: "Acknowledged" in text_of(row))
    await office.ana.command("/incident", "stop by hand", channel)
    await office.ana.wait_for_message(channel, lambda row: "Agents stopped" in text_of(row))
    await office.ana.command("/incident", "resolve Rolled back to release 40", channel)
    await office.ana.wait_for_message(channel, lambda row: "inc-1 is resolved" in text_of(row))
    return channel


async def test_resolving_shows_what_is_missing_each_with_its_button(office: Office) -> None:
    office.agents.fails = {"1.1"}  # else triage says who is hurt
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "resolve", channel)
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "resolve")
    assert "Before resolving: 3 things left" in text_of(form)
    await office.dee.click_in_view(form, "Write the impact")
    impact = await office.dee.wait_for_view(lambda view: view["callback_id"] == "impact")
    await office.dee.submit(impact, {"impact": "38 % of checkouts since 14:02"})
    mended = await office.dee.wait_for_view(lambda view: "Before resolving: 2 things left" in text_of(view))
    await office.dee.click_in_view(mended, "Take command")
    form = await office.dee.wait_for_view(lambda view: "Before resolving: 1 thing left" in text_of(view))
    await office.dee.submit(form, {"summary": "Rolled back to release 40"})
    await office.dee.wait_until_no_view()
    await office.dee.wait_for_message(channel, lambda row: "inc-1 is resolved" in text_of(row))
    assert await is_in(office, Status.RESOLVED)


async def test_a_form_for_an_incident_resolved_meanwhile_says_so_and_keeps_what_was_typed(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "resolve", channel)
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "resolve")
    await office.ana.command("/incident", "inc-1 resolve Rolled back")
    await eventually(lambda: is_in(office, Status.RESOLVED))
    answer = await office.dee.submit(form, {"summary": "Rolled back by me"})
    assert "already resolved" in answer["errors"]["summary"]


async def test_the_post_mortem_is_posted_and_its_judgement_written_by_people(office: Office) -> None:
    channel = await resolved(office)
    posted = await office.ana.wait_for_message(
        channel, lambda row: "Post-mortem" in text_of(row) and "What went badly" in text_of(row)
    )
    assert "_for_ <@U01ANA>" in text_of(posted)
    await office.ana.click(channel, posted, "Write my part")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "write")
    await office.ana.submit(form, {"went_well": "Found in minutes", "went_badly": "No contract test"})
    await office.ana.wait_until_no_view()
    await office.ana.wait_for_message(
        channel, lambda row: row["ts"] == posted["ts"] and "No contract test" in text_of(row)
    )
    await office.ana.wait_for_message(
        channel, lambda row: "is resolved*" in text_of(row) and "The post-mortem lacks" not in text_of(row)
    )


async def test_follow_ups_are_filed_by_form_and_by_word_with_their_owner(office: Office) -> None:
    channel = await resolved(office)
    posted = await office.ana.wait_for_message(channel, lambda row: "What went badly" in text_of(row))
    await office.ana.click(channel, posted, "Add follow-up")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "followup")
    await office.ana.submit(form, {"title": "Contract test for old carts", "owner": PEOPLE["dee"], "due": "2027-01-15"})
    await office.ana.wait_until_no_view()
    await office.ana.command("/incident", f"followup Alert on KeyError <@{PEOPLE['bo']}>", channel)
    await office.ana.wait_for_ephemeral(lambda row: "Filed" in text_of(row))
    shown = await office.ana.wait_for_message(
        channel, lambda row: row["ts"] == posted["ts"] and "Alert on KeyError, <@U02BO>" in text_of(row)
    )
    assert "Contract test for old carts, <@U05DEE>" in text_of(shown)


async def test_closing_early_needs_a_reason(office: Office) -> None:
    channel = await resolved(office)
    post = await office.ana.wait_for_message(channel, has_button("Close"))
    await office.ana.click(channel, post, "Close")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "close")
    assert "Before closing" in text_of(form)
    await office.ana.submit(form, {"reason": "Nothing to learn here"})
    await eventually(lambda: is_in(office, Status.CLOSED))


async def test_opened_again_nobody_reads_that_users_are_served(office: Office) -> None:
    channel = await resolved(office)
    await office.ana.command("/incident", "reopen errors are back", channel)
    await eventually(lambda: is_in(office, Status.OPEN))
    card = await office.ana.wait_for_message(
        channel,
        lambda row: (
            "*Commander*" in text_of(row) and "Post update" in text_of(row) and "served again" not in text_of(row)
        ),
    )
    assert '"action_id": "resolve"' not in text_of(card)
    await office.ana.command("/incident", "update", channel)
    form = await office.ana.wait_for_view(lambda view: "Status of" in text_of(view))
    assert "Opened again: errors are back." in text_of(form)
    assert "served again" not in text_of(form)


async def test_reopening_and_cancelling_ask_for_the_reason_where_none_is_typed(office: Office) -> None:
    channel = await resolved(office)
    await office.ana.command("/incident", "reopen", channel)
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "reopen")
    await office.ana.submit(form, {"reason": "Errors are back"})
    await office.ana.wait_for_message(channel, lambda row: "Opened again" in text_of(row))
    await office.ana.command("/incident", "cancel", channel)
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "cancel")
    answer = await office.ana.submit(form, {"reason": "duplicate of inc-1"})
    assert "inc-1 is this incident itself." in answer["errors"]["reason"]
    assert await is_in(office, Status.OPEN)
    await office.ana.submit(form, {"reason": "A false alarm"})
    await eventually(lambda: is_in(office, Status.CANCELLED))


async def test_a_duplicate_names_the_other_incident_not_itself(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low")
    await office.declare(office.dee, "Invoices are late", severity="low", service="invoices")
    await office.dee.command("/incident", "cancel duplicate of inc-1", channel)
    await office.dee.wait_for_ephemeral(lambda row: "inc-1 is this incident itself" in text_of(row))
    await office.dee.command("/incident", "cancel duplicate of inc-2", channel)
    await office.dee.wait_for_message(channel, lambda row: "Go on in inc-2" in text_of(row))


async def test_a_duplicate_of_what_was_cancelled_is_refused_with_who_did_that_and_what_to_do(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low")
    other = await office.declare(office.ana, severity="low")
    await office.ana.command("/incident", "cancel duplicate of inc-1", other)
    await office.ana.wait_for_message(other, lambda row: "Go on in inc-1" in text_of(row))
    await office.dee.command("/incident", "cancel duplicate of inc-2", channel)
    told = text_of(await office.dee.wait_for_ephemeral(lambda row: "inc-2 was itself cancelled" in text_of(row)))
    assert "cancelled, by <@U01ANA>, as a duplicate of inc-1." in told
    assert "Go on here" in told
    await office.dee.command("/incident", "cancel", channel)
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "cancel")
    answer = await office.dee.submit(form, {"reason": "duplicate of inc-2"})
    assert "inc-2 was itself cancelled, by Ana, as a duplicate of inc-1." in answer["errors"]["reason"]
    async with office.ctx.store.read() as session:
        assert (await queries.get(session, 1)).status is Status.OPEN


async def test_nobody_learns_by_cancelling_that_a_private_incident_exists(office: Office) -> None:
    await office.declare(office.dee, severity="low", options=["private"])
    channel = await office.declare(office.bo, severity="low")
    for number in (1, 9):
        await office.bo.command("/incident", f"cancel duplicate of inc-{number}", channel)
        await office.bo.wait_for_ephemeral(lambda row: f"There is no incident inc-{number}" in text_of(row))  # noqa: B023
    await office.bo.command("/incident", "cancel", channel)
    form = await office.bo.wait_for_view(lambda view: view["callback_id"] == "cancel")
    answer = await office.bo.submit(form, {"reason": "duplicate of inc-1"})
    assert "There is no incident inc-1." in answer["errors"]["reason"]


async def test_where_an_incident_cannot_be_reopened_nobody_is_sent_to_reopen_it(office: Office) -> None:
    channel = await resolved(office)
    await office.ana.command("/incident", "impact half of the orders", channel)
    await office.ana.wait_for_ephemeral(lambda row: "`/incident reopen` takes it up again" in text_of(row))
    await office.ana.command("/incident", "close nothing to learn", channel)
    await eventually(lambda: is_in(office, Status.CLOSED))
    words = ("impact half of the orders", "resolve", "reopen errors are back")
    for word in words:
        await office.bo.command("/incident", word, channel)
    refused = await eventually(lambda: _told(office, channel, len(words)))
    assert ["Declare a new incident if the trouble is back." in text_of(row) for row in refused] == [True] * len(words)


async def _told(office: Office, channel: str, number: int) -> list[dict[str, Any]]:
    rows = [row for row in await office.bo.ephemerals(channel) if "inc-1 is" in text_of(row)]
    return rows if len(rows) == number else []
