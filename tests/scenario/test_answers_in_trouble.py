"""Slack fails at the moment when somebody presses or types: done once, said once more elsewhere, never half done."""

import time
from typing import Any

import pytest
from sqlmodel import select

from bot.delivery.pace import UPDATE_VIEW
from bot.listeners import passing
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault
from incidents import records
from incidents.events import EventKind
from tests.scenario.office import Office, eventually, text_of

ENDS: dict[str, dict[str, Any]] = {
    "429": {"kind": "429", "retry_after": 0},
    "5xx": {"kind": "5xx"},
    "cut before the effect": {"kind": "drop_before"},
    "cut after the effect": {"kind": "drop_after"},
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "_BETWEEN_CALLS_SECONDS", 0.05)


async def told(office: Office, who: Person, words: str, *, times: int = 1) -> None:
    """Wait until somebody has got so many direct messages with `words`."""
    direct = await office.direct(who)

    async def is_there() -> bool:
        return len([row for row in await who.messages(direct) if words in text_of(row)]) == times

    await eventually(is_there)


async def notes(office: Office) -> list[str]:
    async with office.ctx.store.read() as session:
        found = await session.scalars(select(records.Event).where(records.Event.kind == EventKind.NOTE))
        return [event.data["text"] for event in found.all()]


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_what_is_pressed_or_typed_while_slack_fails_is_done_once_and_said(
    office: Office, end: dict[str, Any]
) -> None:
    async def struck(*methods: str) -> None:
        assert office.workspace.core.faults.wanted() == []  # what was to be struck before was
        await office.workspace.request_faults(*(Fault(method=method, times=1, **end) for method in methods))

    await struck("views.open")
    await office.dee.shortcut("declare_incident")  # from anywhere: there is no channel to answer in
    await told(office, office.dee, "The form could not be opened.")
    if end["kind"] == "drop_after":
        await office.dee.close(await office.dee.wait_for_view())

    await struck("views.open")
    await office.dee.command("/incident", "Checkout returns 500s")
    said = await office.dee.wait_for_ephemeral(lambda row: "The form could not be opened." in text_of(row))
    assert "Checkout returns 500s" in text_of(said)  # nobody types it twice
    if end["kind"] == "drop_after":
        await office.dee.close(await office.dee.wait_for_view())

    await office.dee.command("/incident", "Checkout returns 500s")
    modal = await office.dee.wait_for_view()
    await struck("views.update")
    await office.dee.click_in_view(modal, "severity_low")
    modal = await office.dee.wait_for_view(lambda view: "✓ Low" in text_of(view))
    await struck("views.update")
    await office.dee.submit(modal)
    linked = await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    channel = (await office.incident()).channel
    await office.dee.close(linked)

    await struck("response_url", "conversations.open")
    await office.dee.command("/incident", "note the pool is fine", channel)
    await told(office, office.dee, "It stands on the timeline")

    said = await office.dee.post(channel, "look")
    bot = (await office.app.desk.identity.learn()).bot_user
    await struck("chat.postEphemeral", "conversations.open")
    await office.dee.post(channel, f"<@{bot}> note the vendor is down", said["ts"])
    await told(office, office.dee, "It stands on the timeline", times=2)

    await office.dee.command("/incident", "resolve", channel)
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "resolve")
    await office.workspace.request_faults(Fault(method="views.push", times=2, **end))
    await office.dee.click_in_view(form, "Write the impact")
    if end["kind"] == "drop_after":
        await office.dee.wait_for_view(lambda view: view["callback_id"] == "impact")
    else:
        await told(office, office.dee, "The form could not be opened.", times=2)
    assert await notes(office) == ["the pool is fine", "the vendor is down"]
    async with office.ctx.store.read() as session:
        assert len((await session.scalars(select(records.Incident))).all()) == 1


async def test_a_press_that_slack_wants_later_is_drawn_over_nothing_that_came_after_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "_BETWEEN_CALLS_SECONDS", 0.5)
    busy = Fault(method="views.update", kind="429", retry_after=0, times=1)

    async def first_form() -> dict[str, Any]:
        await office.dee.command("/incident", "Checkout returns 500s")
        return await office.dee.wait_for_view()

    async def was_refused() -> bool:
        return not office.workspace.core.faults.wanted()

    form = await first_form()
    await office.workspace.request_faults(busy)
    await office.dee.click_in_view(form, "severity_critical")
    await eventually(was_refused)
    await office.dee.click_in_view(form, "severity_low")  # thinks better of it
    await office.dee.wait_for_view(lambda view: "✓ Low" in text_of(view))
    await eventually(office.has_no_press_under_way)
    assert "✓ Low" in text_of(await office.dee.wait_for_view())

    async def is_left_alone() -> bool:
        return office.app.desk.pace.wait((UPDATE_VIEW,), "", time.monotonic()) > 0

    await office.workspace.request_faults(busy.model_copy(update={"retry_after": 1}))
    await office.dee.click_in_view(form, "severity_medium")
    await eventually(is_left_alone)  # by all who can wait
    await office.dee.submit(form)
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    await eventually(office.has_no_press_under_way)
    assert "Go to" in text_of(await office.dee.wait_for_view())
    assert (await office.incident()).severity == "medium"
