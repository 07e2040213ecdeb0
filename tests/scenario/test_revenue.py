"""A loss above the threshold: critical is suggested, and whoever answers for the revenue hears of it."""

from collections.abc import AsyncIterator

import pytest

from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.service import queries
from tests.scenario.office import TITLE, Office, eventually, opened, text_of


@pytest.fixture
async def office(tmp_path) -> AsyncIterator[Office]:
    async with opened(tmp_path, "dee", "ana", revenue_threshold_per_hour=5000) as running:
        yield running


async def triggers(office: Office) -> list[str]:
    """Return what was found of revenue; what the agents find beside it may come at any time."""
    async with office.ctx.store.read() as session:
        events = await queries.events(session, 1)
    found = [event.data["trigger"] for event in events if event.kind is EventKind.IMPACT_FOUND]
    return [trigger for trigger in found if trigger.startswith("revenue")]


async def test_critical_is_suggested_once_and_declaring_stays_with_the_person(office: Office) -> None:
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    await office.dee.submit(modal, {"known": "We lose about 20k EUR an hour"})
    advised = await office.dee.wait_for_view(lambda view: "Critical is suggested" in text_of(view))
    assert "A loss of about 20,000 an hour was stated; the threshold is 5,000" in text_of(advised)
    assert "We lose about 20k EUR an hour" in text_of(advised)
    await office.dee.submit(advised)
    await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    incident = await office.incident()
    assert incident.severity is Severity.HIGH
    assert await triggers(office) == ["revenue_impact_exceeds_threshold"]
    await office.dee.wait_for_message(
        incident.channel, lambda row: "Escalated to business stakeholders" in text_of(row)
    )


async def test_a_loss_below_the_threshold_suggests_and_escalates_nothing(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low", known="We lose about 900 EUR an hour")
    assert await triggers(office) == []
    await office.dee.command("/incident", "impact checkouts fail, $6k an hour", channel)
    await eventually(lambda: triggers(office))
