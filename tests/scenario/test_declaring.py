"""Declaring, through the front door."""

import asyncio
from typing import Any

from bot.workspace.rules.faults import Fault
from incidents.definitions import Severity
from tests.scenario.office import TITLE, Office, eventually, has_button, text_of


async def test_the_modal_opens_with_the_words_typed_and_shows_each_severitys_consequence(office: Office) -> None:
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    assert TITLE in text_of(modal)
    assert "✓ High" in text_of(modal)
    await office.dee.click_in_view(modal, "severity_critical")
    critical = await office.dee.wait_for_view(lambda view: "✓ Critical" in text_of(view))
    assert "Status every 30 min" in text_of(critical)
    assert "CTO if not resolved in 60 min" in text_of(critical)
    assert "on-call Ana" in text_of(critical)


async def test_what_was_typed_survives_pressing_a_severity(office: Office) -> None:
    await office.dee.command("/incident")
    modal = await office.dee.wait_for_view()
    await office.dee.fill(modal, {"title": "Invoices are late", "known": "since release 41"})
    await office.dee.click_in_view(modal, "severity_low")
    redrawn = await office.dee.wait_for_view(lambda view: "✓ Low" in text_of(view))
    assert "Invoices are late" in text_of(redrawn)
    assert "since release 41" in text_of(redrawn)


async def test_a_severity_counts_though_the_form_is_sent_before_slack_has_redrawn_it(office: Office) -> None:
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    office.workspace.core.faults.request(
        [Fault.model_validate({"method": "views.update", "kind": "latency", "seconds": 1, "times": 1})]
    )
    await office.dee.click_in_view(modal, "severity_critical")
    await office.dee.submit(modal)
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    await eventually(office.has_no_press_under_way)
    assert "Go to" in text_of(await office.dee.wait_for_view())  # and what Slack was slow with is drawn over nothing
    assert (await office.incident()).severity == Severity.CRITICAL


async def test_a_form_that_waits_for_its_channel_is_not_cut_off_when_sitrep_stops(office: Office) -> None:
    office.workspace.core.faults.request(
        [Fault.model_validate({"method": "conversations.create", "kind": "429", "retry_after": 60})]
    )
    await office.dee.command("/incident", TITLE)
    await office.dee.submit(await office.dee.wait_for_view())

    async def followers() -> list[asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks() if "guarded" in str(task.get_coro())]

    [following] = await eventually(followers)
    await office.app.drain()
    assert not following.cancelled()


async def test_declaring_ends_with_the_link_to_a_channel_that_has_reporter_topic_and_card(office: Office) -> None:
    channel = await office.declare(office.dee, known="KeyError in pricing.py since 14:02")
    incident = await office.incident()
    assert (incident.title, incident.severity, incident.reporter) == (TITLE, Severity.CRITICAL, "U05DEE")
    assert incident.channel == channel
    room = await office.dee.wait_for_channel(lambda row: row["id"] == channel and row.get("topic", {}).get("value"))
    assert room["name"] == "inc-1-checkout-returns-500s"
    assert room["topic"]["value"] == f"Critical: {TITLE}"
    asked = await office.dee.wait_for_message(channel, lambda row: "What we still need to know" in text_of(row))
    assert "Steps to reproduce" in text_of(asked)


async def test_a_page_that_overtook_the_channel_gets_its_link_in_the_same_message(office: Office) -> None:
    slow_down = Fault.model_validate({"method": "conversations.create", "kind": "429", "retry_after": 1})
    office.workspace.core.faults.request([slow_down])
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    await office.dee.click_in_view(modal, "severity_critical")
    modal = await office.dee.wait_for_view(lambda view: "✓ Critical" in text_of(view))
    await office.dee.submit(modal, {"service": "checkout"})
    direct = await office.direct(office.ana)
    page = await office.ana.wait_for_message(direct, has_button("Acknowledge"))
    assert not has_button("Open the channel")(page)
    office.workspace.core.faults.clear()
    linked = await office.ana.wait_for_message(direct, has_button("Open the channel"))
    assert linked["ts"] == page["ts"]
    assert has_button("Acknowledge")(linked)
    told = await office.direct(office.bo)
    await office.bo.wait_for_message(told, has_button("Open the channel"))
    assert len(await office.ana.messages(direct)) == len(await office.bo.messages(told)) == 1
