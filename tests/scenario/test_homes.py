"""An open App Home follows what happens, without being opened again."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select

from bot.listeners import homes as listening
from bot.listeners.homes import SOON_SECONDS
from incidents import homes, records
from incidents.store import VIEWS
from tests.scenario.office import PEOPLE, Office, eventually, opened, text_of


async def sent_to(office: Office, person: str) -> list[records.Outbox]:
    async with office.ctx.store.read() as session:
        rows = await session.scalars(select(records.Outbox).where(col(records.Outbox.action) == "home"))
        return [row for row in rows.all() if row.params["person"] == PEOPLE[person]]


async def all_sent(office: Office) -> bool:
    rows = [*await sent_to(office, "bo"), *await sent_to(office, "dee")]
    return bool(rows) and all(row.state == "done" for row in rows)


async def test_an_open_home_shows_what_was_declared_and_what_came_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "EVERY_SECONDS", 2.0)
    await office.bo.open_home("Sitrep")
    await office.bo.wait_for_home("Sitrep", lambda view: "Open now: 0" in text_of(view))
    channel = await office.declare(office.dee, severity="low")
    await office.bo.wait_for_home("Sitrep", lambda view: "Open now: 1" in text_of(view), timeout=20)
    await office.dee.command("/incident", "cancel false alarm", channel)
    await office.bo.wait_for_home("Sitrep", lambda view: "Open now: 0" in text_of(view), timeout=20)


async def test_homes_that_nobody_opened_lately_are_left_alone(office: Office) -> None:
    for person in (office.bo, office.dee):
        await person.open_home("Sitrep")
        await person.wait_for_home("Sitrep", lambda view: "Open now: 0" in text_of(view))
    await eventually(lambda: all_sent(office))
    async with office.ctx.store.transaction() as tx:
        (opening,) = await sent_to(office, "dee")
        row = await tx.session.get_one(records.Outbox, opening.number)
        row.created_at = tx.now - homes.LOOKED_AT_FOR - timedelta(seconds=1)
    async with office.ctx.store.transaction() as tx:
        assert await homes.redraw(tx) == [PEOPLE["bo"]]
        assert not tx.session.identity_map  # on SQLite it keeps each whole record that was read
        # One that waits is not put a second time: it shows the newest state when it goes.
        assert await homes.redraw(tx) == []
    assert await sent_to(office, "dee") == []


async def test_redrawings_leave_no_rows_behind(office: Office) -> None:
    await office.bo.open_home("Sitrep")
    await office.bo.wait_for_home("Sitrep", lambda view: "Open now: 0" in text_of(view))
    for _ in range(3):
        await eventually(lambda: all_sent(office))
        async with office.ctx.store.transaction() as tx:
            assert await homes.redraw(tx) == [PEOPLE["bo"]]
    assert len(await sent_to(office, "bo")) == 2


async def test_the_home_names_the_organisation(tmp_path) -> None:
    async with opened(tmp_path, "bo", workspace_name="Example Shop") as office:
        await office.bo.open_home("Sitrep")
        await office.bo.wait_for_home("Sitrep", lambda view: "Sitrep at Example Shop" in text_of(view))


async def test_while_the_process_stops_no_home_is_planned_any_more(office: Office) -> None:
    await office.bo.open_home("Sitrep")
    await office.bo.wait_for_home("Sitrep", lambda view: "Open now: 0" in text_of(view))
    await eventually(lambda: all_sent(office))
    office.app.homes.close()
    async with office.ctx.store.transaction() as tx:
        tx.wake(VIEWS)
    await asyncio.sleep(SOON_SECONDS + 0.5)  # what must not happen tells nobody
    assert len(await sent_to(office, "bo")) == 1
