"""Words that were typed: understood where they are typed, answered where the person looks, and never lost."""

from typing import Any

import pytest

from bot.views import mrkdwn
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault, FaultKind
from incidents.events import EventKind
from incidents.service import queries
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


# What was typed and refused is shown again, to copy.


@pytest.mark.parametrize(
    "typed",
    [
        "inc-99 update half of all orders fail in Europe",
        "inc-1 takeover 9.9 switched the pricing off & <on> again",
        "inc-1 attest nothing_known I looked through all of it",
    ],
)
async def test_refused_words_are_shown_again(office: Office, typed: str) -> None:
    await office.declare(office.dee)
    await office.dee.command("/incident", typed)
    refused = await shown_to(office.dee, "general", "You typed")
    assert mrkdwn.escape(f"/incident {typed}") in text_of(refused)


async def test_an_update_after_the_end_is_refused_with_its_words(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "resolve rolled back by hand", channel)
    await shown_to(office.dee, channel, "✓ Resolved")
    await office.dee.command("/incident", "update the shop is fine", channel)
    assert "/incident update the shop is fine" in text_of(await shown_to(office.dee, channel, "You typed"))


async def test_a_title_is_shown_again_where_slack_stopped_waiting_for_its_form(office: Office) -> None:
    await office.workspace.request_faults(Fault(kind=FaultKind.ERROR, method="views.open", error="expired_trigger_id"))
    await office.dee.command("/incident", "invoices are late and nobody knows why")
    refused = await shown_to(office.dee, "general", "Slack stopped waiting")
    assert "/incident invoices are late and nobody knows why" in text_of(refused)


async def test_a_title_is_shown_again_where_slack_refuses_the_token(office: Office) -> None:
    office.app.desk.client.token = "xoxb-revoked"
    await office.dee.command("/incident", "invoices are late and nobody knows why")
    refused = await shown_to(office.dee, "general", "Slack does not accept the bot token.")
    assert "/incident invoices are late and nobody knows why" in text_of(refused)


async def test_refused_words_to_the_bot_in_a_thread_are_shown_again(office: Office) -> None:
    channel = await office.declare(office.dee)
    said = await office.ana.post(channel, "who looks at the logs")
    await office.ana.post(channel, f"{await mention(office)} takeover 9.9 did it by hand", said["ts"])
    assert "@Sitrep takeover 9.9 did it by hand" in text_of(await shown_to(office.ana, channel, "You typed"))


async def test_an_answer_that_slack_wants_later_comes_by_another_way(office: Office) -> None:
    channel = await office.declare(office.dee)
    said = await office.ana.post(channel, "who looks at the logs")
    slow_down = Fault(kind=FaultKind.RATE_LIMITED, method="chat.postEphemeral", retry_after=30)
    await office.workspace.request_faults(slow_down)
    await office.ana.post(channel, f"{await mention(office)} takeover 9.9 did it by hand", said["ts"])
    await office.ana.wait_for_message(await office.direct(office.ana), lambda row: "You typed" in text_of(row))


async def test_long_words_are_shown_again_to_the_last(office: Office) -> None:
    words = " ".join(f"word{n}" for n in range(900)) + " & <end>"
    await office.dee.command("/incident", f"inc-99 note {words}")
    refused = await shown_to(office.dee, "general", "You typed")
    shown = "".join(block["text"]["text"].strip("`") for block in refused["blocks"] if "word" in text_of(block))
    assert mrkdwn.escape(f"/incident inc-99 note {words}") == shown


# In an incident's channel, words that begin like a command declare nothing.


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("severity page is broken", "There is no severity"),
        ("role ic <@U01ANA>", "There is no role"),
        ("status please", "Did you mean `/incident status`?"),
        ("resolved it by hand", "Did you mean `/incident resolve it by hand`?"),
    ],
)
async def test_a_typo_with_words_in_an_incidents_channel_opens_no_form(office: Office, typed: str, answer: str) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", typed, channel)
    told = text_of(await shown_to(office.dee, channel, answer))
    assert "declare" in told
    assert mrkdwn.escape(f"/incident {typed}") in told
    assert not office.dee.screen.views


async def test_help_on_a_word_shows_what_it_and_its_neighbours_do(office: Office) -> None:
    channel = await office.declare(office.dee, severity="high")
    await office.dee.command("/incident", "help severity", channel)
    told = text_of(await shown_to(office.dee, channel, "What /incident can do"))
    assert "severity critical|" in told
    assert "change it" in told
    assert "take, give or give back a role" in told
    assert "what it would bring" not in told


async def test_a_mistyped_choice_with_a_reason_is_understood_in_an_incidents_channel(office: Office) -> None:
    channel = await office.declare(office.dee, severity="high")
    await office.dee.command("/incident", "severity critcal because data is lost", channel)
    await shown_to(office.dee, channel, "Severity is critical now")


async def test_a_title_typed_in_an_incidents_channel_still_declares(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "invoices are late", channel)
    assert "invoices are late" in text_of(await office.dee.wait_for_view())


# Elsewhere, a word about an incident asks which.


async def test_elsewhere_a_word_names_the_persons_own_incident_by_its_full_command(office: Office) -> None:
    await office.declare(office.dee)
    await office.ana.command("/incident", "ack")  # paged, and not in the incident's channel
    asked = await shown_to(office.ana, "general", "Your open incidents")
    assert "`/incident inc-1 ack`" in text_of(asked)
    await office.ana.command("/incident", "inc-1 ack")
    await shown_to(office.ana, "general", "you command")


async def test_elsewhere_a_word_names_what_is_open_to_somebody_without_a_part(tmp_path) -> None:
    async with opened(tmp_path, "dee", "gil") as office:
        await office.declare(office.dee, severity="low")
        await office.gil.command("/incident", "timeline")
        assert "`/incident inc-1 timeline`" in text_of(await shown_to(office.gil, "general", "Open now"))


async def test_elsewhere_a_word_says_that_nothing_is_open(office: Office) -> None:
    await office.dee.command("/incident", "ack")
    assert "/incident ack" in text_of(await shown_to(office.dee, "general", "No incident is open."))


# What is longer than fits is refused with its count; nothing is cut behind a tick.


async def test_words_that_do_not_fit_are_refused_with_their_count_and_shown_again(office: Office) -> None:
    channel = await declared_and_commanded(office)
    limits = {
        "impact": 300, "followup": 150, "note": 2000, "severity low": 2000, "escalate data loss": 2000,
        "takeover 4.2": 300, "stop": 300, "resolve": 2000, "cancel": 2000,
    }  # fmt: skip
    for word, limit in limits.items():
        words = f"{word.partition(' ')[0]} it fails " * (limit // 10)
        await office.ana.command("/incident", f"{word} {words}", channel)
        refused = text_of(await shown_to(office.ana, channel, words.strip()[-80:]))
        assert f"characters; {limit:,} fit." in refused
    assert not any("✓" in text_of(row) for row in (await office.ana.ephemerals(channel))[-len(limits) :])


@pytest.mark.parametrize("words", [2900, 3500])
async def test_feedback_under_a_decision_stands_in_the_form_and_what_does_not_fit_is_said(
    office: Office, words: int
) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await eventually(lambda: office.is_stored("inc-1:approval:1"))
    said = ("keep the rounding " * 200)[:words] + "!"
    await office.ana.post(channel, said, card["ts"])
    offered = await shown_to(office.ana, channel, "Is this what should change?")
    await office.ana.click(channel, offered, "Send back with these words")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "send_back")
    assert said[: min(words, 2990)] in text_of(form)
    assert ("has 3,501 characters" in text_of(form)) == (words == 3500)


# What has a button on the home has a word too.


async def test_a_drill_is_declared_by_word(office: Office) -> None:
    await office.dee.command("/incident", "drill the database is gone")
    form = await office.dee.wait_for_view()
    assert "the database is gone" in text_of(form)
    await office.dee.submit(form)
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    assert (await office.incident()).drill


async def test_a_follow_up_is_done_by_word_for_those_whose_it_is(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await office.ana.command("/incident", "followup write a contract test", channel)
    await shown_to(office.ana, channel, "Filed as follow-up 1; nobody owns it yet.")
    await office.ana.command("/incident", "followup #1 <@U02BO>", channel)
    await shown_to(office.ana, channel, "✓ <@U02BO> owns it: write a contract test")
    await office.ana.command("/incident", "followup 7 <@U02BO>", channel)
    await shown_to(office.ana, channel, "There is no follow-up 7.")
    await office.dee.command("/incident", "followup done 1")
    await shown_to(office.dee, "general", "Only <@U01ANA> may finish somebody else's follow-up")
    await office.bo.command("/incident", "followup done 1")
    await shown_to(office.bo, "general", "✓ Done: write a contract test")
    await office.bo.command("/incident", "followup done #1")
    await shown_to(office.bo, "general", "Follow-up 1 is already done.")
    await office.bo.command("/incident", "followup done 7")
    await shown_to(office.bo, "general", "There is no follow-up 7.")
    await office.bo.command("/incident", "timeline", channel)
    assert "follow-up done: write a contract test" in text_of(await shown_to(office.bo, channel, "Timeline"))


async def test_a_follow_up_done_on_the_home_is_recorded_with_who_did_it(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "followup write a contract test <@U02BO>", channel)
    await shown_to(office.dee, channel, "Filed as follow-up 1.")
    await office.bo.open_home("Sitrep")
    home = await office.bo.wait_for_home("Sitrep", lambda view: "Follow-up 1: write a contract" in text_of(view))
    await office.bo.click_in_view(home, "Done")
    await office.bo.wait_for_home("Sitrep", lambda view: "write a contract" not in text_of(view))
    async with office.ctx.store.read() as session:
        (done,) = [each for each in await queries.events(session, 1) if each.kind is EventKind.FOLLOWUP_DONE]
    assert done.actor == "U02BO"


async def test_a_follow_up_of_a_private_incident_is_not_confirmed_to_exist(office: Office) -> None:
    channel = await office.declare(office.dee, options=["private"], severity="low")
    await office.dee.command("/incident", "followup rotate the keys", channel)
    await shown_to(office.dee, channel, "Filed as follow-up 1; nobody owns it yet.")
    await office.bo.command("/incident", "followup done 1")
    await shown_to(office.bo, "general", "There is no follow-up 1.")
