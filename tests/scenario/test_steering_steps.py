"""Watching the plan and steering single steps: what is shown, what is typed, what is lost of neither."""

import dataclasses

from incidents import records
from incidents.service import queries
from tests.scenario.office import Office, eventually, text_of
from tests.scenario.test_deciding import declared_and_commanded

PLAN = "Plan of inc-1"


async def step(office: Office, name: str) -> records.Step:
    async with office.ctx.store.read() as session:
        run = await queries.latest_run(session, 1)
        assert run is not None
        return next(each for each in await queries.steps(session, run.number) if each.name == name)


async def plan_of(office: Office, channel: str, words: str) -> dict:
    """Return the plan as it stands below the live card, once it says `words`."""

    async def look() -> dict | None:
        cards = [row for row in await office.ana.messages(channel) if '"Plan"' in text_of(row)]
        replies = await office.ana.replies(channel, cards[0]["ts"]) if cards else []
        plans = [row for row in replies if PLAN in text_of(row)]
        assert len(plans) <= 1, "it is edited in place, never posted again"
        return plans[0] if plans and words in text_of(plans[0]) else None

    return await eventually(look)


async def test_the_plan_says_who_is_waited_for_and_when_it_should_be_over_and_is_edited_in_place(
    office: Office,
) -> None:
    channel = await declared_and_commanded(office)
    shown = text_of(await plan_of(office, channel, "a choice of the fix by <@U01ANA>"))
    assert "critical path 2.1 → 2.3 → 3.1" in shown
    assert "*Now*  *waits for people*: 2.1, 2.2" in shown
    assert "<!date^" in shown
    await office.ana.command("/incident", "plan", channel)
    typed = await office.ana.wait_for_ephemeral(lambda row: PLAN in text_of(row))
    await office.ana.click(channel, typed, "Pause agents")
    await office.ana.wait_for_ephemeral(lambda row: PLAN in text_of(row) and "*paused*" in text_of(row))
    await plan_of(office, channel, "*paused*")


async def test_a_step_is_left_out_with_a_reason_by_its_menu_and_what_builds_on_it_goes_on(office: Office) -> None:
    office.agents.fails = {"1.3"}
    channel = await declared_and_commanded(office)
    failed = await eventually(lambda: _failed(office, channel))
    await office.ana.click(channel, failed, "Skip")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "skip")
    await office.ana.submit(form, {"reason": "We know the cause"})
    await office.ana.wait_for_message(channel, lambda row: "1.3 Root Cause Investigation left out" in text_of(row))
    assert (await step(office, "1.3")).state == "skipped"
    await eventually(lambda: _is_waiting_or_on(office, "2.1"))
    after = await eventually(lambda: _failed(office, channel, button="Now skipped"))
    assert '"Retry"' not in text_of(after)


async def _failed(office: Office, channel: str, button: str = '"Retry"') -> dict | None:
    (head,) = [row for row in await office.ana.messages(channel) if "Phase 1" in text_of(row)] or [None]
    rows = await office.ana.replies(channel, head["ts"]) if head else []
    return next((row for row in rows if button in text_of(row)), None)


async def _is_waiting_or_on(office: Office, name: str) -> bool:
    return (await step(office, name)).state in ("waiting", "running", "done")


async def test_outputs_typed_into_the_form_are_what_later_steps_read(office: Office) -> None:
    office.agents.fails = {"1.3"}
    channel = await declared_and_commanded(office)
    failed = await eventually(lambda: _failed(office, channel))
    await office.ana.click(channel, failed, "Take over by hand")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "take_over")
    assert "preliminary_root_cause.line" not in text_of(form)
    await office.ana.fill(form, {"summary": "Read the log myself"})
    await office.ana.click_in_view(form, "more_fields")
    form = await office.ana.wait_for_view(lambda view: "preliminary_root_cause.line" in text_of(view))
    assert "Read the log myself" in text_of(form)
    typed = {
        "summary": "Read the log myself",
        "output:preliminary_root_cause.verdict": "likely",
        "output:preliminary_root_cause.summary": "The cache was full",
        "output:preliminary_root_cause.mechanism": "Evictions began at 14:00",
        "output:preliminary_root_cause.line": "eighty-eight",
        "output:preliminary_root_cause.fix_options": "title: Enlarge it\napproach: pray\ndescription: Twice",
    }
    refused = await office.ana.submit(form, typed)
    assert set(refused["errors"]) == {
        "output:preliminary_root_cause.line",
        "output:preliminary_root_cause.fix_options",
    }
    assert (await step(office, "1.3")).state == "failed"
    typed["output:preliminary_root_cause.line"] = "88"
    typed["output:preliminary_root_cause.fix_options"] = "title: Enlarge it\napproach: hotfix\ndescription: Twice"
    await office.ana.submit(form, typed)
    card = await office.ana.wait_for_message(channel, lambda row: "Enlarge it" in text_of(row))
    assert "The cache was full" in text_of(card)
    done = await step(office, "1.3")
    assert (done.state, done.runner) == ("taken_over", "U01ANA")


async def test_a_step_is_stopped_and_handed_to_another_provider_by_word(office: Office) -> None:
    office.app.desk.ctx = dataclasses.replace(office.ctx, providers=("claude", "playbook"))
    channel = await declared_and_commanded(office)
    await eventually(lambda: _is_waiting_or_on(office, "2.1"))
    await office.ana.command("/incident", "stop 2.1", channel)
    await office.ana.wait_for_ephemeral(lambda row: "no agent is at work on it" in text_of(row))
    await office.dee.command("/incident", "handover 2.1 playbook", channel)
    await office.dee.wait_for_ephemeral(lambda row: "may steer the response" in text_of(row))
    await office.ana.command("/incident", "handover 2.1 gpt", channel)
    await office.ana.wait_for_ephemeral(lambda row: "Known: claude, playbook" in text_of(row))
    await office.ana.command("/incident", "handover 2.1 playbook", channel)
    await office.ana.wait_for_message(channel, lambda row: "handed to playbook" in text_of(row))
    await office.ana.command("/incident", "attest initial_mitigation_attempted nothing helps", channel)
    await office.ana.command("/incident", "option 1", channel)
    await eventually(lambda: _asked(office, "2.1"))
    assert next(each for each in office.agents.asked if each.step.name == "2.1").provider == "playbook"


async def _asked(office: Office, name: str) -> bool:
    return any(each.step.name == name for each in office.agents.asked)
