"""Slack would not make the channel: whoever declared is told where they look, and the incident goes on."""

import pytest

from bot.workspace.rules.faults import Fault
from incidents.service import queries
from tests.scenario.office import TITLE, Office, eventually, has_button, text_of


def refuse(office: Office, error: str) -> None:
    fault = Fault.model_validate({"method": "conversations.create", "kind": "error", "error": error})
    office.workspace.core.faults.request([fault])


async def declared_in_vain(office: Office, error: str = "restricted_action") -> dict:
    """Return the modal that Dee sees when Slack refuses the channel with `error`."""
    refuse(office, error)
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    await office.dee.click_in_view(modal, "severity_critical")
    modal = await office.dee.wait_for_view(lambda view: "✓ Critical" in text_of(view))
    await office.dee.submit(modal, {"service": "checkout"})
    return await office.dee.wait_for_view(has_button("Try again"))


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("restricted_action", "Ask a workspace admin to allow it."),
        ("missing_scope", "Update the app from manifest.yml and install it again."),
        ("name_taken", "Rename or delete these channels."),
    ],
)
async def test_the_modal_says_why_and_what_to_do(office: Office, error: str, remedy: str) -> None:
    modal = await declared_in_vain(office, error)
    assert remedy in text_of(modal)
    assert "inc-1 is recorded" in text_of(modal)


async def test_whoever_closed_the_modal_reads_it_in_a_direct_message(office: Office) -> None:
    await declared_in_vain(office)
    told = await office.dee.wait_for_message(await office.direct(office.dee), has_button("Try again"))
    assert "Ask a workspace admin to allow it." in text_of(told)


async def test_the_incident_goes_on_without_a_channel(office: Office) -> None:
    await declared_in_vain(office)
    direct = await office.direct(office.ana)
    page = await office.ana.wait_for_message(direct, has_button("Acknowledge"))
    await office.ana.click(direct, page, "Acknowledge")
    await eventually(lambda: _is_acknowledged(office))
    await office.ana.command("/incident", "inc-1 status")
    await office.ana.wait_for_ephemeral(lambda row: "*Commander*  <@U01ANA>" in text_of(row))
    await office.ana.command("/incident", "list")
    await office.ana.wait_for_ephemeral(lambda row: "_no channel_" in text_of(row))


async def _is_acknowledged(office: Office) -> bool:
    return (await office.incident()).acknowledged_at is not None


async def test_once_mended_the_channel_is_made_from_the_modal_with_all_that_belongs_in_it(office: Office) -> None:
    modal = await declared_in_vain(office)
    await office.dee.command("/incident", "inc-1 update Half the orders fail")
    office.workspace.core.faults.clear()
    await office.dee.click_in_view(modal, "Try again")
    linked = await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    channel = text_of(linked).partition("<#")[2].partition(">")[0]
    await office.dee.wait_for_message(channel, lambda row: "Commander" in text_of(row))
    await office.dee.wait_for_message(channel, lambda row: "What we still need to know" in text_of(row))
    await eventually(lambda: office.are_in(channel, "dee", "ana", "bo"))
    told = await office.direct(office.dee)
    await office.dee.wait_for_message(told, lambda row: "has its channel now" in text_of(row))


async def test_a_second_refusal_is_shown_in_the_same_message(office: Office) -> None:
    await declared_in_vain(office)
    direct = await office.direct(office.dee)
    told = await office.dee.wait_for_message(direct, has_button("Try again"))
    office.workspace.core.faults.clear()
    refuse(office, "name_taken")
    await office.dee.click(direct, told, "Try again")
    again = await office.dee.wait_for_message(direct, lambda row: "Rename or delete" in text_of(row))
    assert again["ts"] == told["ts"]


async def test_the_channel_is_asked_for_by_word_and_only_where_there_is_none(office: Office) -> None:
    await declared_in_vain(office)
    office.workspace.core.faults.clear()
    await office.dee.command("/incident", "inc-1 channel")
    await office.dee.wait_for_ephemeral(lambda row: "Slack is asked again" in text_of(row))
    await office.dee.wait_for_channel(lambda row: row.get("name", "").startswith("inc-1"))
    await eventually(lambda: office.is_stored("inc-1:card"))
    await office.dee.command("/incident", "inc-1 channel")
    await office.dee.wait_for_ephemeral(lambda row: "has its channel" in text_of(row))
    async with office.ctx.store.read() as session:
        assert not [row.key for row in await queries.deliveries(session, 1) if row.state == "failed"]
