"""Deciding and steering: fix, deploy, gates, failed steps, questions."""

import asyncio

from incidents.lifecycle import Status
from incidents.service import queries
from tests.scenario.office import Office, eventually, has_button, text_of


async def declared_and_commanded(office: Office) -> str:
    """Return the channel of an incident that Ana commands, waiting for a fix to be chosen."""
    channel = await office.declare(office.dee)
    await office.ana.command("/incident", "ack", channel)
    await office.ana.wait_for_ephemeral(lambda row: "Acknowledged" in text_of(row))
    return channel


async def to_the_deploy(office: Office, channel: str) -> dict:
    """Choose the first fix, attest what is asked, and return the card that asks for the deploy."""
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.click(channel, card, "Choose 1")
    gate = await office.ana.wait_for_message(channel, has_button("Attest"))
    await office.ana.click(channel, gate, "Attest")
    return await office.ana.wait_for_message(channel, has_button("Approve and deploy"), 20)


async def approval_states(office: Office) -> list[tuple[str, str]]:
    async with office.ctx.store.read() as session:
        return [(each.kind, each.state) for each in await queries.approvals(session, 1)]


async def test_a_fix_is_chosen_by_its_button_and_the_card_says_by_whom(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.click(channel, card, "Choose 2")
    decided = await office.ana.wait_for_message(
        channel, lambda row: row["ts"] == card["ts"] and "Chosen" in text_of(row)
    )
    assert "<@U01ANA>" in text_of(decided)
    assert not has_button("Choose 1")(decided)


async def test_a_fix_is_chosen_by_words_in_the_thread_also_by_those_put_right_afterwards(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await eventually(lambda: office.ana.replies(channel, card["ts"]))
    said = await office.ana.post(channel, "Go with option 2 please", card["ts"])
    await office.ana.wait_for_ephemeral(lambda row: "Is this what should change?" in text_of(row))
    await office.ana.api("chat.update", channel=channel, ts=said["ts"], text="Go with >option 2 please")
    await office.ana.wait_for_message(channel, lambda row: row["ts"] == card["ts"] and "Chosen" in text_of(row))
    async with office.ctx.store.read() as session:
        (approval,) = [each for each in await queries.approvals(session, 1) if each.kind == "choose_fix"]
    assert approval.decision["number"] == 2


async def test_the_second_of_two_clicks_changes_nothing_and_says_who_decided(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await asyncio.gather(
        office.ana.click(channel, card, "Choose 1"), office.ana.click(channel, card, "Choose 2"), return_exceptions=True
    )
    refused = await office.ana.wait_for_ephemeral(lambda row: "Already approved by" in text_of(row))
    assert "<@U01ANA>" in text_of(refused)


async def test_a_stale_card_and_somebody_without_the_role_are_refused(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.dee.wait_for_message(channel, has_button("Choose 1"))
    await office.dee.click(channel, card, "Choose 1")
    await office.dee.wait_for_ephemeral(lambda row: "may choose the fix" in text_of(row))
    assert await approval_states(office) == [("choose_fix", "pending")]


async def test_words_in_a_decisions_thread_are_offered_as_feedback_and_sent_back_by_form(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await eventually(lambda: office.is_stored("inc-1:approval:1"))
    await office.ana.post(channel, "Keep the rounding, please", card["ts"])
    offer = await office.ana.wait_for_ephemeral(lambda row: "Is this what should change?" in text_of(row))
    assert await approval_states(office) == [("choose_fix", "pending")]
    await office.ana.click(channel, offer, "Send back with these words")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "send_back")
    assert "Keep the rounding, please" in text_of(form)
    await office.ana.submit(form)
    await office.ana.wait_for_message(channel, lambda row: row["ts"] == card["ts"] and "Sent back" in text_of(row))
    await eventually(lambda: _asked_again(office))


async def test_words_under_a_decision_count_before_slacks_answer_to_its_post_is_stored(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await eventually(lambda: office.is_stored("inc-1:approval:1"))
    await office.forget_answer("inc-1:approval:1")
    await office.ana.post(channel, "Keep the rounding, please", card["ts"])
    await office.ana.wait_for_ephemeral(lambda row: "Is this what should change?" in text_of(row))
    # Talk in another thread stays talk meanwhile.
    talk = await office.bo.post(channel, "Lunch?")
    await office.bo.post(channel, "Keep a seat for me", talk["ts"])
    await office.bo.post(channel, "?", talk["ts"])
    await office.bo.wait_for_message(channel, lambda row: "Answered from the record" in text_of(row))
    assert not await office.bo.ephemerals(channel)


async def _asked_again(office: Office) -> bool:
    return any(request.feedback == "Keep the rounding, please" for request in office.agents.asked)


async def test_a_question_is_answered_in_its_thread_and_moves_nothing(office: Office) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    asked = await office.bo.post(channel, "? what did the log show")
    answer = await office.bo.wait_for_message(
        channel, lambda row: row.get("thread_ts") == asked["ts"] and row["ts"] != asked["ts"]
    )
    assert "412 tracebacks" in text_of(answer)
    assert await approval_states(office) == [("choose_fix", "pending")]
    assert has_button("Choose 1")(await office.ana.wait_for_message(channel, lambda row: row["ts"] == card["ts"]))


async def test_the_deploy_is_reviewed_and_approved_from_the_live_card(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await to_the_deploy(office, channel)
    card = await office.ana.wait_for_message(channel, has_button("Review the fix"))
    await office.ana.click(channel, card, "Review the fix")
    review = await office.ana.wait_for_view(lambda view: "Approve this deploy?" in text_of(view))
    await office.ana.click_in_view(review, "See the diff")
    diff = await office.ana.wait_for_view(lambda view: "Diff 9f8e7d6" in text_of(view))
    await office.ana.close(diff)
    await office.ana.click_in_view(review, "Approve and deploy")
    await office.ana.wait_for_view(lambda view: "Approved" in text_of(view))
    await eventually(lambda: _deploying(office))


async def test_the_gate_that_holds_the_response_up_is_attested_from_the_live_card(office: Office) -> None:
    channel = await declared_and_commanded(office)
    choice = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.click(channel, choice, "Choose 1")
    card = await office.ana.wait_for_message(channel, has_button("Review the gate"))
    await office.ana.click(channel, card, "Review the gate")
    asked = await office.ana.wait_for_view(lambda view: "Initial mitigation attempted" in text_of(view))
    await office.ana.click_in_view(asked, "Attest")
    await office.ana.wait_for_view(lambda view: "Every gate holds" in text_of(view))
    await office.ana.wait_for_message(
        channel, lambda row: "Stabilize" in text_of(row) and "gates 3 of 3" in text_of(row)
    )


async def test_whoever_attests_a_gate_reads_what_it_asks_before_and_after(office: Office) -> None:
    channel = await declared_and_commanded(office)
    choice = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.click(channel, choice, "Choose 1")
    asks = "Was something done to relieve users, or is it said why nothing can be?"
    gate = await office.ana.wait_for_message(channel, has_button("Attest"))
    buttons = [button for block in gate["blocks"] for button in block.get("elements", []) if "confirm" in button]
    assert asks in gate["blocks"][0]["text"]["text"]
    assert [asks in button["confirm"]["text"]["text"] for button in buttons] == [True]
    await office.ana.command("/incident", "attest", channel)
    await office.ana.wait_for_ephemeral(
        lambda row: asks in text_of(row) and "`initial_mitigation_attempted`" in text_of(row)
    )
    await office.ana.command("/incident", "attest initial_mitigation_attempted rolled back at 14:20", channel)
    await office.ana.wait_for_ephemeral(lambda row: "your name stands for it" in text_of(row) and asks in text_of(row))
    await office.ana.wait_for_message(
        channel, lambda row: row["ts"] == gate["ts"] and "attested by" in text_of(row) and asks in text_of(row)
    )


async def test_a_decision_that_waits_names_the_new_commander(office: Office) -> None:
    channel = await office.declare(office.dee)
    asked = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.command("/incident", "ack", channel)
    await office.ana.wait_for_message(
        channel, lambda row: row["ts"] == asked["ts"] and "Waiting for <@U01ANA>" in text_of(row)
    )


async def _deploying(office: Office) -> bool:
    return any(request.step.name == "3.1" for request in office.agents.asked)


async def test_the_deploy_is_approved_by_word_by_a_release_approver(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await to_the_deploy(office, channel)
    await office.dee.command("/incident", "approve", channel)
    await office.dee.wait_for_ephemeral(lambda row: "may approve a deploy" in text_of(row))
    await office.bo.command("/incident", "approve", channel)
    await office.bo.wait_for_ephemeral(lambda row: "deploy of" in text_of(row))


async def test_evidence_opens_from_a_steps_result(office: Office) -> None:
    channel = await declared_and_commanded(office)
    result = await office.ana.wait_for_message(channel, lambda row: "evidence_1" in text_of(row))
    await office.ana.click(channel, result, "evidence_1")
    shown = await office.ana.wait_for_view(lambda view: "Evidence E" in text_of(view))
    assert "KeyError: 'currency'" in text_of(shown)
    assert "sha256" in text_of(shown)


async def test_a_failed_step_is_retried_by_button(office: Office) -> None:
    office.agents.fails = {"1.2"}
    channel = await declared_and_commanded(office)
    failure = await office.ana.wait_for_message(channel, has_button("Take over by hand"))
    assert "Check the path in sitrep.yml." in text_of(failure)
    await office.ana.click(channel, failure, "Retry")
    await office.ana.wait_for_message(channel, lambda row: "1.2" in text_of(row) and "of 15 min" in text_of(row))


async def test_a_failed_step_is_taken_over_by_form(office: Office) -> None:
    office.agents.fails = {"1.2"}
    channel = await declared_and_commanded(office)
    failure = await office.ana.wait_for_message(channel, has_button("Take over by hand"))
    await office.ana.click(channel, failure, "Take over by hand")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "take_over")
    answer = await office.ana.submit(form, {"summary": "   "})
    assert "Say what you did." in answer["errors"]["summary"]
    await office.ana.submit(form, {"summary": "Rolled back by hand"})
    await office.ana.wait_until_no_view()
    await office.ana.wait_for_message(channel, lambda row: "Rolled back by hand" in text_of(row))


async def test_agents_paused_from_ones_own_card_are_shown_paused_there(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.command("/incident", "status", channel)
    card = await office.ana.wait_for_ephemeral(lambda row: "Pause agents" in text_of(row))
    await office.ana.click(channel, card, "more", "Pause agents")
    paused = await office.ana.wait_for_ephemeral(
        lambda row: row["ts"] == card["ts"] and "agents are paused" in text_of(row)
    )
    await office.ana.click(channel, paused, "more", "Resume agents")
    await office.ana.wait_for_ephemeral(lambda row: row["ts"] == card["ts"] and "Pause agents" in text_of(row))


async def test_what_is_pressed_or_sent_from_the_catch_up_is_shown_there(office: Office) -> None:
    await declared_and_commanded(office)
    await office.ana.open_home("Sitrep")
    home = await office.ana.wait_for_home("Sitrep", lambda view: "Catch me up" in text_of(view))
    await office.ana.click_in_view(home, "Catch me up")
    card = await office.ana.wait_for_view(lambda view: "Pause agents" in text_of(view))
    await office.ana.click_in_view(card, "more", "Pause agents")
    paused = await office.ana.wait_for_view(lambda view: "agents are paused" in text_of(view))
    await office.ana.click_in_view(paused, "more", "Change severity")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "severity")
    await office.ana.submit(form, {"severity": "high", "reason": "one shop only"})
    await office.ana.wait_for_view(lambda view: view["id"] == card["id"] and "*Severity*  High" in text_of(view))


async def test_agents_resumed_from_ones_own_card_are_shown_at_work_there(office: Office) -> None:
    office.agents.fails = {"1.3"}
    channel = await declared_and_commanded(office)
    await office.ana.command("/incident", "pause", channel)
    await office.ana.wait_for_message(channel, lambda row: "Agents paused" in text_of(row))
    await office.ana.command("/incident", "status", channel)
    card = await office.ana.wait_for_ephemeral(
        lambda row: has_button("Resume agents")(row) and "Post update" in text_of(row)
    )
    await office.ana.click(channel, card, "resume")
    await office.ana.wait_for_ephemeral(lambda row: row["ts"] == card["ts"] and "Pause agents" in text_of(row))


async def test_agents_stopped_in_the_form_that_closes_are_missing_there_no_longer(office: Office) -> None:
    office.agents.fails = {"4.1"}
    channel = await declared_and_commanded(office)
    await office.ana.command("/incident", "resolve Rolled back by hand", channel)
    await office.ana.wait_for_message(channel, lambda row: "4.1" in text_of(row) and has_button("Retry")(row))
    await office.ana.command("/incident", "close", channel)
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "close")
    assert "The response still has steps to do." in text_of(form)
    await office.ana.fill(form, {"reason": "Nothing to learn here"})
    await office.ana.click_in_view(form, "Stop the agents")
    stopped = await office.ana.wait_for_view(
        lambda view: view["callback_id"] == "close" and "still has steps to do" not in text_of(view)
    )
    await office.ana.submit(stopped)
    await office.ana.wait_until_no_view()
    assert (await office.incident()).status is Status.CLOSED


async def test_agents_are_paused_resumed_and_stopped_by_word(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await office.ana.wait_for_message(channel, has_button("Choose 1"))
    for word, line in (("pause", "Agents paused"), ("resume", "Agents resumed"), ("stop enough", "Agents stopped")):
        await office.ana.command("/incident", word, channel)
        await office.ana.wait_for_message(channel, lambda row, line=line: line in text_of(row))
    assert ("choose_fix", "superseded") in await approval_states(office)


async def test_a_deputy_who_gave_the_role_back_between_seeing_and_pressing_is_refused(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await office.ana.command("/incident", f"role deputy <@{office.dee.user_id}>", channel)
    card = await office.dee.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.command("/incident", f"role deputy <@{office.bo.user_id}>", channel)
    await office.ana.wait_for_message(channel, lambda row: "*deputy*, instead of" in text_of(row))
    await office.dee.click(channel, card, "Choose 1")
    await office.dee.wait_for_ephemeral(lambda row: "may choose the fix" in text_of(row))
    assert await approval_states(office) == [("choose_fix", "pending")]
