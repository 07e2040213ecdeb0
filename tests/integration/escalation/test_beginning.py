"""A response of low severity begins when business opens next, in the zone where the people are."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from incidents import records
from incidents.definitions import Severity
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.response import control
from incidents.response.reactors import Progress
from incidents.room import Room
from incidents.service import queries, resolve, respond
from tests.integration.escalation.conftest import REPORTER, House


def in_berlin(house: House) -> None:
    Room(house.ctx).register()
    Progress(house.ctx).register()
    there = house.ctx.settings.model_copy(update={"timezone": "Europe/Berlin"})
    object.__setattr__(house.ctx, "settings", there)


async def states(house: House, incident: records.Incident) -> set[str]:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        return {step.state for step in await queries.steps(session, run.number)}


async def low(house: House) -> tuple[records.Incident, datetime]:
    """Declare on a Saturday in Berlin; returns the incident and when business opens."""
    in_berlin(house)
    opens = datetime(2030, 1, 7, 9, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    house.clock.advance(opens - timedelta(days=2) - house.clock.now())
    return await house.declare(Severity.LOW), opens


async def until(house: House, moment: datetime) -> None:
    house.clock.advance(moment - house.clock.now())
    await house.fire()


async def test_nothing_starts_before_business_opens(house: House) -> None:
    incident, opens = await low(house)
    await until(house, opens - timedelta(seconds=1))
    assert await states(house, incident) == {"queued"}
    await until(house, opens)
    assert await states(house, incident) == {"queued", "ready"}


async def test_the_channel_is_told_when_work_begins(house: House) -> None:
    _, opens = await low(house)
    [told] = await house.events(EventKind.RUN_SCHEDULED)
    assert datetime.fromisoformat(told.data["begins_at"]) == opens
    assert len(await house.keys(f":line:{told.id}")) == 1


async def test_other_severities_begin_at_once(house: House) -> None:
    in_berlin(house)
    incident = await house.declare(Severity.MEDIUM)
    assert "ready" in await states(house, incident)
    assert await house.events(EventKind.RUN_SCHEDULED) == []


async def test_a_higher_severity_begins_what_was_to_wait(house: House) -> None:
    incident, opens = await low(house)
    async with house.store.transaction() as tx:
        await respond.change_severity(tx, house.ctx, incident.number, REPORTER, Severity.MEDIUM)
    assert "ready" in await states(house, incident)
    await until(house, opens)  # the timer of the former plan changes nothing
    assert "ready" in await states(house, incident)


async def test_what_is_opened_again_before_the_morning_still_begins_then(house: House) -> None:
    incident, opens = await low(house)
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, incident.number, REPORTER, "gone by itself")
    async with house.store.transaction() as tx:
        await resolve.reopen(tx, house.ctx, incident.number, REPORTER, "it is back")
    assert "ready" not in await states(house, incident)
    await until(house, opens)
    assert "ready" in await states(house, incident)


async def test_a_person_begins_it_early_and_the_channel_hears_who(house: House) -> None:
    incident, opens = await low(house)
    async with house.store.transaction() as tx:
        await control.begin(tx, house.ctx, incident.number, REPORTER)
    assert await states(house, incident) == {"queued", "ready"}
    [begun] = await house.events(EventKind.RUN_BEGUN)
    assert begun.actor == REPORTER
    assert len(await house.keys(f":line:{begun.id}")) == 1
    assert not any(":begin" in key for key in await house.waiting())
    with pytest.raises(Conflict, match="does not wait to begin"):
        async with house.store.transaction() as tx:
            await control.begin(tx, house.ctx, incident.number, REPORTER)
    await until(house, opens)
    assert len(await house.events(EventKind.RUN_BEGUN)) == 1


async def test_what_has_begun_does_not_wait_again_when_it_is_raised_and_lowered(house: House) -> None:
    incident, opens = await low(house)
    async with house.store.transaction() as tx:
        await control.begin(tx, house.ctx, incident.number, REPORTER)
    other, _ = await low(house)
    for moment in (opens - timedelta(hours=1), opens + timedelta(hours=1)):  # the other begins by itself in between
        await until(house, moment)
        for severity in (Severity.HIGH, Severity.LOW):
            for each in (incident, other):
                async with house.store.transaction() as tx:
                    await respond.change_severity(tx, house.ctx, each.number, REPORTER, severity)
        assert "ready" in await states(house, incident)
        assert ("ready" in await states(house, other)) is (moment > opens)


async def test_what_does_not_wait_cannot_be_begun(house: House) -> None:
    in_berlin(house)
    incident = await house.declare(Severity.MEDIUM)
    with pytest.raises(Conflict, match="does not wait to begin"):
        async with house.store.transaction() as tx:
            await control.begin(tx, house.ctx, incident.number, REPORTER)


async def test_a_public_holiday_is_waited_out(house: House) -> None:
    in_berlin(house)
    there = house.ctx.settings.model_copy(update={"holidays": "DE"})
    object.__setattr__(house.ctx, "settings", there)
    eve = datetime(2030, 12, 24, 20, tzinfo=UTC)  # a Tuesday; both days of Christmas are holidays
    house.clock.advance(eve - house.clock.now())
    await house.declare(Severity.LOW)
    [told] = await house.events(EventKind.RUN_SCHEDULED)
    assert datetime.fromisoformat(told.data["begins_at"]) == datetime(2030, 12, 27, 8, tzinfo=UTC)
