"""Where everybody reads: one line for each incident, edited in place until it is over."""

from collections.abc import AsyncIterator

import pytest

from incidents.service import queries
from tests.scenario.office import Office, opened, settings, text_of


@pytest.fixture
async def office(tmp_path) -> AsyncIterator[Office]:
    async with opened(tmp_path, "dee", announce_channel="general") as running:
        yield running


async def test_one_line_follows_the_incident_to_its_end(office: Office) -> None:
    channel = await office.declare(office.dee, severity="high")
    said = await office.dee.wait_for_message("general", lambda row: "*inc-1 high*" in text_of(row))
    assert "Checkout returns 500s" in text_of(said)

    async def becomes(*words: str) -> None:
        await office.dee.wait_for_message(
            "general", lambda row: row["ts"] == said["ts"] and all(word in text_of(row) for word in words)
        )

    await becomes(f"<#{channel}>")
    await office.dee.command("/incident", "severity critical", channel)
    await becomes("*inc-1 critical*")
    await office.dee.command("/incident", "resolve Rolled back to release 40", channel)
    await becomes("✅", "*inc-1 resolved* after")
    await office.dee.command("/incident", "reopen errors are back", channel)
    await becomes("*inc-1 critical*")


@pytest.mark.parametrize("option", ["private", "drill"])
async def test_private_incidents_and_drills_are_not_announced(office: Office, option: str) -> None:
    channel = await office.declare(office.dee, severity="low", options=[option])
    await office.dee.command("/incident", "cancel false alarm", channel)
    await office.dee.wait_for_message(channel, lambda row: "Cancelled" in text_of(row))
    async with office.ctx.store.read() as session:
        assert not await queries.deliveries(session, 1, "inc-1:announcement")


async def test_without_a_channel_for_it_nothing_is_announced(tmp_path) -> None:
    assert settings().announce_channel == ""
    async with opened(tmp_path, "dee") as quiet:
        await quiet.declare(quiet.dee, severity="low")
        async with quiet.ctx.store.read() as session:
            assert not await queries.deliveries(session, 1, "inc-1:announcement")
