"""A database that keeps people waiting: no form is lost to Slack's patience, and nothing is stored twice."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.listeners import awaiting
from incidents.events import EventKind
from incidents.service import queries
from tests.scenario.office import Office, eventually, opened, text_of

WORDS = "The payment provider *confirms* it & looks"


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setattr("incidents.database._BUSY_TIMEOUT_MS", 300)
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 0.1)
    async with opened(tmp_path, "dee") as running:
        running.app.desk.patience_seconds = 0.2
        yield running


@asynccontextmanager
async def held(folder: Path) -> AsyncIterator[None]:
    """Hold the database as another program would."""
    holder = sqlite3.connect(folder / "sitrep.db", isolation_level=None, timeout=0)

    async def begun() -> bool:
        with suppress(sqlite3.OperationalError):  # Sitrep is writing
            holder.execute("BEGIN IMMEDIATE")
        return holder.in_transaction

    try:
        await eventually(begun)
        yield
    finally:
        holder.close()


async def note_form(office: Office) -> dict[str, Any]:
    await office.dee.command("/incident", "inc-1 note")
    return await office.dee.wait_for_view(lambda view: "Timeline of" in text_of(view["title"]))


async def notes(office: Office) -> list[str]:
    async with office.ctx.store.read() as session:
        return [each.data["text"] for each in await queries.events_of(session, 1, EventKind.NOTE)]


async def test_a_form_that_is_not_stored_in_time_says_so_and_becomes_stored_once(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)
    await office.declare(office.dee, severity="low")
    form = await note_form(office)
    async with held(tmp_path):
        shown = (await office.dee.submit(form, {"note": WORDS}))["view"]
        assert "Not stored yet" in text_of(shown)
        assert shown["state"]["values"]["note"]["input"]["value"] == WORDS
        # Whoever does not believe it presses again, and it is the same note.
        assert "Not stored yet" in text_of((await office.dee.submit(shown))["view"])
    await office.dee.wait_for_view(lambda view: "✅ Stored" in text_of(view))
    assert await notes(office) == [WORDS]


async def test_a_form_that_cannot_be_stored_keeps_every_word_and_is_stored_when_sent_again(
    office: Office, tmp_path: Path
) -> None:
    await office.declare(office.dee, severity="low")
    form = await note_form(office)
    async with held(tmp_path):
        await office.dee.submit(form, {"note": WORDS})
        refused = await office.dee.wait_for_view(lambda view: "*Not stored.*" in text_of(view))
        assert "Another program holds the database" in text_of(refused)
        assert refused["blocks"][-1]["element"]["initial_value"] == WORDS
    office.app.desk.patience_seconds = 30.0
    assert not (await office.dee.submit(refused)).get("response_action")
    assert await notes(office) == [WORDS]


async def test_whoever_closed_the_form_hears_that_it_was_not_stored_and_has_the_words(
    office: Office, tmp_path: Path
) -> None:
    await office.declare(office.dee, severity="low")
    form = await note_form(office)
    async with held(tmp_path):
        shown = (await office.dee.submit(form, {"note": WORDS}))["view"]
        await office.dee.close(shown)
        said = await office.dee.wait_for_message(
            await office.direct(office.dee), lambda message: "was not stored" in text_of(message)
        )
    assert WORDS.replace("&", "&amp;") in text_of(said)
    assert await notes(office) == []


async def test_a_declaration_that_is_stored_late_ends_with_the_link_of_its_channel(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)
    await office.dee.command("/incident", "Checkout returns 500s")
    form = await office.dee.wait_for_view()
    async with held(tmp_path):
        assert "Not stored yet" in text_of((await office.dee.submit(form))["view"])
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    assert (await office.incident()).number == 1
