"""A database that keeps people waiting: no form is lost to Slack's patience, and nothing is stored twice."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bot.listeners import awaiting, ending, passing
from bot.workspace.rules.faults import Fault, FaultKind
from incidents.events import EventKind
from incidents.service import queries, updates
from tests.scenario.office import Office, eventually, has_button, opened, text_of

#: Slack will not change the form; what it is asked next, it does.
REFUSED = Fault(method="views.update", kind=FaultKind.ERROR, error="invalid_arguments", times=1)
LATER = Fault(method="views.update", kind=FaultKind.RATE_LIMITED, retry_after=1, times=1)
BROKEN = Fault(method="views.update", kind=FaultKind.SERVER_ERROR, times=6)
UNTOLD = Fault(method="chat.postMessage", kind=FaultKind.SERVER_ERROR, times=1)
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


async def declare_form(office: Office) -> dict[str, Any]:
    await office.dee.command("/incident", "Nobody can pay")
    return await office.dee.wait_for_view()


async def bug_form(office: Office) -> dict[str, Any]:
    await office.dee.command("/incident", "bug Nobody can pay")
    return await office.dee.wait_for_view()


async def outdated_update(office: Office) -> dict[str, Any]:
    """Return the form of an update, opened before another one went out."""
    await office.dee.command("/incident", "inc-1 update")
    form = await office.dee.wait_for_view(lambda view: "condition" in view["state"]["values"])
    await office.dee.command("/incident", "inc-1 update All is well again")

    async def went_out() -> bool:
        async with office.ctx.store.read() as session:
            return bool(await updates.last_settled(session, 1))

    await eventually(went_out)
    return form


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
        await office.workspace.request_faults(Fault(method="views.update", kind=FaultKind.RATE_LIMITED, times=1))
        await office.dee.submit(form, {"note": WORDS})
        refused = await office.dee.wait_for_view(lambda view: "*Not stored.*" in text_of(view))
        assert "Another program holds the database" in text_of(refused)
        assert refused["blocks"][-1]["element"]["initial_value"] == WORDS
    office.app.desk.patience_seconds = 30.0
    assert not (await office.dee.submit(refused)).get("response_action")
    assert await notes(office) == [WORDS]


@pytest.mark.parametrize(
    ("opens", "field", "why", "closes"),
    [
        (note_form, "note", "Another program holds the database", True),
        (declare_form, "known", "Another program holds the database", False),
        (outdated_update, "condition", "Something is to be looked at", True),
    ],
)
async def test_whoever_closed_the_form_hears_that_it_was_not_stored_and_has_the_words(
    office: Office,
    tmp_path: Path,
    opens: Callable[[Office], Awaitable[dict[str, Any]]],
    field: str,
    why: str,
    closes: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await office.declare(office.dee, severity="low")
    form = await opens(office)
    if opens is outdated_update:
        monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)
    async with held(tmp_path):
        if not closes:  # as good as closed
            await office.workspace.request_faults(REFUSED)
        shown = (await office.dee.submit(form, {field: WORDS}))["view"]
        if closes:
            await office.dee.close(shown)
        if opens is not outdated_update:
            await heard(office, why)
    await heard(office, why)
    assert await notes(office) == []


@pytest.mark.parametrize(
    ("opens", "field", "trouble", "says"),
    [
        (note_form, "note", [LATER.model_copy(update={"retry_after": 31})], "*Timeline of inc-1* was stored, whatever"),
        (note_form, "note", [BROKEN, UNTOLD], "*Timeline of inc-1* was stored, whatever"),
        (declare_form, "known", [LATER.model_copy(update={"retry_after": 31})], "inc-2 has its channel now"),
    ],
)
async def test_whoever_has_a_form_that_slack_refuses_to_change_hears_that_it_is_stored(
    office: Office,
    tmp_path: Path,
    opens: Callable[[Office], Awaitable[dict[str, Any]]],
    field: str,
    trouble: list[Fault],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)
    monkeypatch.setattr(passing, "_BETWEEN_CALLS_SECONDS", 0.02)
    monkeypatch.setattr(ending, "_SOONEST_SECONDS", 0.02)
    await office.declare(office.dee, severity="low")
    form = await opens(office)
    async with held(tmp_path):
        assert "Not stored yet" in text_of((await office.dee.submit(form, {field: WORDS}))["view"])
        await office.workspace.request_faults(*trouble)
    direct = await office.direct(office.dee)
    await office.dee.wait_for_message(direct, lambda message: says in text_of(message))
    await eventually(lambda: nothing_is_followed(office))
    assert len(await office.dee.messages(direct)) == 1
    assert await notes(office) == ([WORDS] if opens is note_form else [])


async def heard(office: Office, why: str) -> None:
    said = await office.dee.wait_for_message(
        await office.direct(office.dee), lambda message: "was not stored" in text_of(message)
    )
    assert why in text_of(said)
    assert WORDS.replace("&", "&amp;") in text_of(said)


@pytest.mark.parametrize(
    ("opens", "typed", "busy_ms", "last_seconds", "says"),
    [
        (note_form, {"note": WORDS}, 100, 4.0, "Another program holds"),
        (note_form, {"note": WORDS}, 5000, 0.5, "Sitrep is being restarted"),
        (declare_form, {"known": WORDS}, 5000, 0.5, "Sitrep is being restarted"),
        (bug_form, {}, 5000, 0.5, "Sitrep is being restarted"),
    ],
)
async def test_when_sitrep_stops_a_form_that_waits_says_so_and_the_try_under_way_is_not_cut_off(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opens: Callable[[Office], Awaitable[dict[str, Any]]],
    typed: dict[str, str],
    busy_ms: int,
    last_seconds: float,
    says: str,
) -> None:
    monkeypatch.setattr("incidents.database._BUSY_TIMEOUT_MS", busy_ms)
    monkeypatch.setattr(awaiting, "_LAST_SECONDS", last_seconds)
    async with opened(tmp_path, "dee") as office:
        await office.declare(office.dee, severity="low")
        office.app.desk.patience_seconds = 0.2
        form = await opens(office)
        async with held(tmp_path):
            await office.dee.submit(form, typed)
            await office.app.drain()
            refused = await office.dee.wait_for_view(lambda view: "*Not stored.*" in text_of(view))
            assert says in text_of(refused)
        office.app.desk.patience_seconds = 30.0
        assert (await office.dee.submit(refused)).get("response_action") != "errors"
        stored = await office.incident()
        assert [stored.number, *await notes(office)] == ([1, WORDS] if opens is note_form else [2])


async def test_a_press_while_a_declaration_is_not_stored_yet_changes_nothing_but_what_was_pressed(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)

    async def waits_with(severity: str) -> dict[str, Any]:
        return await office.dee.wait_for_view(
            lambda view: f"✓ {severity}" in text_of(view) and "Not stored yet" in text_of(view)
        )

    form = await declare_form(office)
    slow = Fault(method="views.update", kind=FaultKind.LATENCY, seconds=1, times=1)
    async with held(tmp_path):
        await office.workspace.request_faults(slow)
        await office.dee.click_in_view(form, "severity_critical")
        await office.dee.submit(form)
        shown = await waits_with("Critical")  # what is being stored, though the form was sent as High
        for severity in ("low", "critical"):
            await office.dee.click_in_view(shown, f"severity_{severity}")
            shown = await waits_with(severity.capitalize())
        await office.dee.submit(shown)  # the same once more
        await waits_with("Critical")
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    incident = await office.incident()
    assert (incident.number, incident.severity) == (1, "critical")


@pytest.mark.parametrize("opens", [declare_form, bug_form])
async def test_what_is_declared_is_followed_though_the_database_fails_right_after_storing_it(
    office: Office, opens: Callable[[Office], Awaitable[dict[str, Any]]]
) -> None:
    office.app.desk.patience_seconds = 30.0
    form = await opens(office)
    stored, failed = [], []
    office.ctx.store.on_commit(stored.append)

    def fails(connection: Connection) -> None:
        task = str(asyncio.current_task().get_coro())
        if stored and any(name in task and name not in failed for name in ("sends", "guarded")):
            failed.append("sends" if "sends" in task else "guarded")
            connection.exec_driver_sql("SELECT 1 FROM nowhere")

    event.listen(office.ctx.store.engine.sync_engine, "begin", fails)
    assert "Recorded." in text_of(await office.dee.submit(form))
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    assert failed == ["sends", "guarded"]


async def test_a_severity_that_is_pressed_and_sent_at_once_while_it_is_not_stored_yet_is_a_new_one(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)
    form = await declare_form(office)
    async with held(tmp_path):
        shown = (await office.dee.submit(form))["view"]
        assert "Not stored yet" in text_of(shown)
        slow = Fault(method="views.update", kind=FaultKind.LATENCY, seconds=2, times=1)
        await office.workspace.request_faults(slow)
        await office.dee.click_in_view(shown, "severity_critical")
        await eventually(lambda: was_struck(office))
        await office.workspace.request_faults(LATER)
    await eventually(lambda: was_struck(office))  # it is stored, and Slack wants to be told later
    office.app.desk.patience_seconds = 30.0
    asked = (await office.dee.submit(shown))["view"]
    assert "Look first" in text_of(asked)
    assert "✓ Critical" in text_of(asked)
    await eventually(lambda: nothing_is_followed(office))
    shown = await office.dee.wait_for_view()
    assert "Look first" in text_of(shown)  # what came of the first words is not drawn over it, and said elsewhere
    direct = await office.direct(office.dee)
    await office.dee.wait_for_message(direct, lambda message: "inc-1 has its channel now" in text_of(message))
    await office.dee.submit(asked)
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    assert ((await office.incident()).number, (await office.incident()).severity) == (2, "critical")


async def was_struck(office: Office) -> bool:
    return not office.workspace.core.faults.wanted()


async def nothing_is_followed(office: Office) -> bool:
    return not [task for task in asyncio.all_tasks() if "guarded" in str(task.get_coro())]


async def test_a_declaration_that_is_stored_late_ends_with_the_link_of_its_channel(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting, "_TRIES_SECONDS", 60.0)
    await office.dee.command("/incident", "Checkout returns 500s")
    form = await office.dee.wait_for_view()
    await office.workspace.request_faults(REFUSED)
    async with held(tmp_path):
        assert "Not stored yet" in text_of((await office.dee.submit(form))["view"])
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    assert (await office.incident()).number == 1


async def test_what_was_sent_back_late_takes_the_forms_below_along_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidents.database._BUSY_TIMEOUT_MS", 300)
    async with opened(tmp_path, "dee", "ana") as office:
        channel = await office.declare(office.dee)
        await office.ana.command("/incident", "inc-1 ack")
        await office.ana.wait_for_message(channel, has_button("Choose 1"))
        await eventually(lambda: office.is_stored("inc-1:approval:1"))
        await office.ana.command("/incident", "inc-1 reject")
        form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "send_back")
        office.app.desk.patience_seconds = 0.2
        async with held(tmp_path):
            await office.ana.submit(form, {"feedback": WORDS})
        assert (await office.ana.wait_for_view(lambda view: "✅ Stored" in text_of(view)))["clear_on_close"]
