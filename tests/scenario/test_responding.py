"""Responding: pages, severity, roles, triage answers, notes, updates; by button and by word."""

from datetime import timedelta

import pytest
from sqlmodel import select

from bot.workspace.driver import Person
from incidents import records
from incidents.definitions import Severity
from incidents.lifecycle import Role
from incidents.service import queries, updates
from tests.scenario.office import PEOPLE, Office, eventually, has_button, text_of


async def page_of(person: Person) -> tuple[str, dict]:
    """Return the direct channel and the message that pages this person."""
    direct = await person.wait_for_channel(lambda row: row.get("is_im") and row.get("latest_ts", "1"))
    return direct["id"], await person.wait_for_message(direct["id"], has_button("Acknowledge"))


async def card_with(person: Person, channel: str, words: str) -> dict:
    return await person.wait_for_message(channel, lambda row: "Commander" in text_of(row) and words in text_of(row))


async def is_ticked(person: Person, channel: str, ts: str) -> bool:
    found = await person.api("reactions.get", channel=channel, timestamp=ts)
    return any(each["name"] == "white_check_mark" for each in found["message"].get("reactions", []))


async def test_acknowledging_the_page_makes_a_commander_and_changes_the_card(office: Office) -> None:
    channel = await office.declare(office.dee)
    direct, page = await page_of(office.ana)
    await office.ana.click(direct, page, "Acknowledge")
    await card_with(office.ana, channel, "<@U01ANA>")
    incident = await office.incident()
    assert incident.acknowledged_at is not None
    answered = await office.ana.wait_for_message(
        direct, lambda row: row["ts"] == page["ts"] and not has_button("Acknowledge")(row)
    )
    assert "Critical" in text_of(answered)


async def test_acknowledging_by_word_says_so_to_the_person_alone(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.ana.command("/incident", "ack", channel)
    answer = await office.ana.wait_for_ephemeral(lambda row: "Acknowledged" in text_of(row))
    assert "you command" in text_of(answer)
    await office.bo.command("/incident", "ack", channel)
    second = await office.bo.wait_for_ephemeral(lambda row: "before" in text_of(row))
    assert "<@U01ANA> commands" in text_of(second)


async def test_severity_changed_by_word_is_told_in_one_line_and_on_the_card(office: Office) -> None:
    channel = await office.declare(office.dee, severity="high")
    await office.dee.command("/incident", "severity critical half the orders fail", channel)
    await office.dee.wait_for_message(channel, lambda row: "Severity high → critical" in text_of(row))
    assert (await office.incident()).severity is Severity.CRITICAL


async def test_severity_changed_by_form_from_the_cards_menu(office: Office) -> None:
    channel = await office.declare(office.dee, severity="high")
    card = await card_with(office.dee, channel, "High")
    await office.dee.click(channel, card, "more", "Change severity")
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "severity")
    await office.dee.submit(form, {"severity": "low", "reason": "only the test shop"})
    await office.dee.wait_until_no_view()
    await office.dee.wait_for_message(channel, lambda row: "Severity high → low" in text_of(row))


async def test_somebody_without_the_role_is_told_who_may(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.ana.command("/incident", "ack", channel)
    await office.ana.wait_for_ephemeral(lambda row: "Acknowledged" in text_of(row))
    await office.dee.command("/incident", "severity low", channel)
    refused = await office.dee.wait_for_ephemeral(lambda row: "may change the severity" in text_of(row))
    assert "<@U01ANA>" in text_of(refused)
    assert (await office.incident()).severity is Severity.CRITICAL


async def test_roles_are_taken_by_button_and_given_by_word(office: Office) -> None:
    channel = await office.declare(office.dee)
    card = await card_with(office.dee, channel, "Take command")
    await office.bo.click(channel, card, "Take command")
    await card_with(office.dee, channel, "<@U02BO>")
    await office.bo.command("/incident", f"role comms <@{PEOPLE['dee']}>", channel)
    await office.bo.wait_for_ephemeral(lambda row: "is comms now" in text_of(row))
    async with office.ctx.store.read() as session:
        held = await queries.roles(session, (await office.incident()).number)
    assert held[Role.COMMS] == [PEOPLE["dee"]]


async def test_the_roles_panel_shows_who_holds_what(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "roles", channel)
    panel = await office.dee.wait_for_ephemeral(lambda row: "Roles in inc-1" in text_of(row))
    await office.dee.click(channel, panel, "take_role_scribe")
    await office.dee.wait_for_ephemeral(lambda row: "*Scribe*  <@U05DEE>" in text_of(row))


async def test_triage_answers_are_taken_from_the_channel_and_rechecked_when_edited(office: Office) -> None:
    channel = await office.declare(office.dee)
    asked = await office.dee.wait_for_message(channel, lambda row: "What we still need" in text_of(row))
    assert "Environment" in text_of(asked)
    said = await office.dee.post(channel, "It happens in production, in the EU")
    await office.dee.wait_for_message(
        channel, lambda row: row["ts"] == asked["ts"] and "✓ Environment: It happens" in text_of(row)
    )
    await eventually(lambda: is_ticked(office.dee, channel, said["ts"]))
    chat = await office.dee.post(channel, "Hmm, let me look")
    await office.dee.api("chat.update", channel=channel, ts=chat["ts"], text="Versions: release 41")
    await office.dee.wait_for_message(channel, lambda row: row["ts"] == asked["ts"] and "release 41" in text_of(row))


async def test_an_answer_in_the_questions_thread_counts_before_slacks_answer_is_stored(office: Office) -> None:
    channel = await office.declare(office.dee)
    asked = await office.dee.wait_for_message(channel, lambda row: "What we still need" in text_of(row))
    await eventually(lambda: office.is_stored("inc-1:triage"))
    await office.forget_answer("inc-1:triage")
    said = await office.dee.post(channel, "Put two things into the cart and pay", asked["ts"])
    await eventually(lambda: is_ticked(office.dee, channel, said["ts"]))


async def test_talk_among_people_is_no_triage_answer(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.wait_for_message(channel, lambda row: "What we still need" in text_of(row))
    before = (await office.incident()).facts
    await office.bo.post(channel, "On my way, coffee first")
    await office.dee.command("/incident", "note coffee", channel)
    await office.dee.wait_for_ephemeral(lambda row: "timeline" in text_of(row))
    assert (await office.incident()).facts == before


async def test_a_pin_reaction_puts_the_message_on_the_timeline_with_its_own_time(office: Office) -> None:
    channel = await office.declare(office.dee)
    said = await office.bo.post(channel, "The pool looks fine <!channel>")
    await office.bo.react(channel, said["ts"], "pushpin")
    await office.ana.react(channel, said["ts"], "pushpin")
    await eventually(lambda: is_ticked(office.bo, channel, said["ts"]))
    await office.bo.command("/incident", "timeline", channel)
    shown = await office.bo.wait_for_ephemeral(lambda row: "The pool looks fine" in text_of(row))
    assert "<!channel>" not in text_of(shown)
    async with office.ctx.store.read() as session:
        notes = [e for e in await queries.events(session, 1) if e.kind == "note" and "pool" in e.data["text"]]
    assert len(notes) == 1
    assert notes[0].at.timestamp() == pytest.approx(float(said["ts"]), abs=0.001)
    assert notes[0].data["link"]


async def test_an_update_is_posted_by_word_and_by_form(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "update We are rolling back", channel)
    await office.dee.wait_for_message(
        channel, lambda row: "We are rolling back" in text_of(row) and "*Status" in text_of(row)
    )
    card = await card_with(office.dee, channel, "Post update")
    await office.dee.click(channel, card, "Post update")
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "update_edit")
    drafted = {
        block["block_id"]: block["element"].get("initial_value") for block in form["blocks"] if "element" in block
    }
    assert drafted["condition"], drafted
    await office.dee.submit(form, {"condition": "Rolled back", "impact": "nobody any more"})
    posted = await office.dee.wait_for_message(channel, lambda row: "*Condition*  Rolled back" in text_of(row))
    assert "nobody any more" in text_of(posted)


async def test_escalating_by_word_tells_who_must_know(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "escalate security breach, a key was posted", channel)
    await office.dee.wait_for_ephemeral(lambda row: "security team hear of it" in text_of(row))
    await office.dee.wait_for_message(channel, lambda row: "Escalated to security team" in text_of(row))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("statsu", "Did you mean `/incident status`"),
        ("help", "What /incident can do"),
        ("list", "Open now: 1"),
        ("status", "Commander"),
        ("who", "Who hears of inc-1"),
        ("preview low", "Response within 7 d"),
        ("role kapitan", "There is no role"),
        ("retry", "No step has failed"),
        ("approve", "waits for a decision"),
        ("inc-99 status", "There is no incident inc-99"),
    ],
)
async def test_words_are_answered_where_they_were_typed(office: Office, typed: str, expected: str) -> None:
    channel = await office.declare(office.dee, severity="low")
    await office.dee.command("/incident", typed, channel)
    await office.dee.wait_for_ephemeral(lambda row: expected in text_of(row))


async def test_outside_an_incident_a_sentence_that_begins_like_a_command_is_a_title(office: Office) -> None:
    await office.dee.command("/incident", "update of prices fails for everybody")
    modal = await office.dee.wait_for_view()
    assert "update of prices fails for everybody" in text_of(modal)


async def test_a_private_incident_is_not_shown_to_others(office: Office) -> None:
    await office.declare(office.dee, options=["private"], severity="low")  # of a critical one he would be told
    await office.bo.command("/incident", "inc-1 status")
    await office.bo.wait_for_ephemeral(lambda row: "There is no incident inc-1" in text_of(row))
    await office.bo.command("/incident", "list")
    await office.bo.wait_for_ephemeral(lambda row: "No incident is open" in text_of(row))


@pytest.mark.parametrize("word", ["inc-1 ack", "ack inc-1"])  # as the page says it, and the letter
async def test_whoever_is_paged_for_a_private_incident_does_what_the_page_says(office: Office, word: str) -> None:
    await office.declare(office.dee, options=["private"])
    _, page = await page_of(office.ana)
    assert "typed: `/incident inc-1 ack`" in text_of(page)
    await office.ana.command("/incident", word)
    await office.ana.wait_for_ephemeral(lambda row: "you command" in text_of(row))


async def test_whoever_is_paged_for_a_private_incident_finds_it_among_their_own(office: Office) -> None:
    await office.declare(office.dee, options=["private"])
    await page_of(office.ana)
    await office.ana.command("/incident", "ack")
    await office.ana.wait_for_ephemeral(lambda row: "`/incident inc-1 ack`" in text_of(row))


async def test_a_mention_in_a_thread_does_what_a_slash_command_cannot_there(office: Office) -> None:
    channel = await office.declare(office.dee)
    card = await card_with(office.dee, channel, "Commander")
    bot = next(id_ for name, id_ in office.dee.user_ids.items() if name.lower() == "sitrep")
    await office.dee.post(channel, f"<@{bot}> ack", card["ts"])
    await office.dee.wait_for_ephemeral(lambda row: "Acknowledged" in text_of(row))


async def test_a_question_to_the_bot_is_answered_by_a_notice_in_its_thread(office: Office) -> None:
    channel = await office.declare(office.dee)
    bot = next(id_ for name, id_ in office.dee.user_ids.items() if name.lower() == "sitrep")
    asked = await office.dee.post(channel, f"<@{bot}> who declared this?")
    answer = await office.dee.wait_for_message(
        channel, lambda row: row.get("thread_ts") == asked["ts"] and row["ts"] != asked["ts"]
    )
    assert "declared critical" in text_of(answer)
    async with office.ctx.store.read() as session:  # a notice: what crashes before or behind the call changes nothing
        keys = (await session.scalars(select(records.Outbox.key).where(records.Outbox.surface == "answer"))).all()
    assert len(keys) == 1
    assert await eventually(lambda: office.is_stored(keys[0]))


async def test_two_who_write_an_update_at_once_do_not_contradict_each_other_unawares(office: Office) -> None:
    channel = await office.declare(office.dee)
    forms = []
    for person in (office.dee, office.bo):
        await person.command("/incident", "update", channel)
        forms.append(await person.wait_for_view(lambda view: view["callback_id"] == "update_edit"))
    await office.dee.submit(forms[0], {"condition": "Half of the orders fail"})
    await office.dee.wait_until_no_view()
    await office.bo.submit(forms[1], {"condition": "A third of the orders fail"})
    shown = await office.bo.wait_for_view(lambda view: "Half of the orders fail" in text_of(view))
    assert f"<@{PEOPLE['dee']}>" in text_of(shown)
    assert "A third of the orders fail" in text_of(shown)
    await office.bo.wait_for_message(channel, lambda row: "*Condition*  Half of the orders fail" in text_of(row))
    assert not [row for row in await office.bo.messages(channel) if "A third of the orders" in text_of(row)]
    await office.bo.submit(shown)
    await office.bo.wait_for_message(channel, lambda row: "*Condition*  A third of the orders fail" in text_of(row))


async def test_the_draft_that_two_have_open_goes_out_once(office: Office) -> None:
    channel = await office.declare(office.dee)
    async with office.ctx.store.transaction() as tx:
        due = await updates.waiting(tx.session, 1)
        assert due is not None
        due.state, due.fields = "drafted", {"condition": "The cause is being looked for"}
    forms = []
    for person in (office.dee, office.bo):
        await person.command("/incident", "update", channel)
        forms.append(await person.wait_for_view(lambda view: "The cause is being looked for" in text_of(view)))
    await office.dee.submit(forms[0])
    await office.dee.wait_until_no_view()
    await office.bo.submit(forms[1], {"condition": "A third of the orders fail"})
    shown = await office.bo.wait_for_view(lambda view: "already sent by" in text_of(view))
    assert "A third of the orders fail" in text_of(shown)


async def test_an_update_that_begins_like_snooze_is_posted(office: Office) -> None:
    channel = await office.declare(office.dee)
    for words in ("snoozed alarms are back", "snooze button fails for everybody"):
        await office.dee.command("/incident", f"update {words}", channel)
        await office.dee.wait_for_message(channel, lambda row, words=words: f"*Condition*  {words}" in text_of(row))


async def test_the_update_that_is_due_is_put_off_by_word(office: Office) -> None:
    channel = await office.declare(office.dee)
    before = (await office.incident()).next_update_at
    await office.dee.command("/incident", "update snooze 10m", channel)
    await office.dee.wait_for_ephemeral(lambda row: "Put off to" in text_of(row))
    after = (await office.incident()).next_update_at
    assert before is not None
    assert after == before + timedelta(minutes=10)
    await office.dee.command("/incident", "update snooze soon", channel)
    await office.dee.wait_for_ephemeral(lambda row: "is not a duration" in text_of(row))


async def test_whoever_joins_by_themselves_is_caught_up_and_whom_the_bot_invites_is_not(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low")
    await office.bo.api("conversations.join", channel=channel)
    caught_up = await office.bo.wait_for_ephemeral(lambda row: "Commander" in text_of(row))
    assert "Checkout returns 500s" in text_of(caught_up)
    await office.bo.command("/incident", f"role comms <@{PEOPLE['ana']}>", channel)
    await eventually(lambda: office.are_in(channel, "ana"))
    assert not await office.ana.ephemerals(channel)


async def test_the_home_lists_what_is_open_and_declares(office: Office) -> None:
    await office.declare(office.dee)
    await office.bo.open_home("Sitrep")
    home = await office.bo.wait_for_home("Sitrep", lambda view: "Open now: 1" in text_of(view))
    await office.bo.click_in_view(home, "declare")
    modal = await office.bo.wait_for_view()
    assert modal["callback_id"] == "declare"
