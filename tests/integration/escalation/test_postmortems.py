"""A post-mortem that is owed has a date, and is called for until people have written it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from incidents import postmortem
from incidents.definitions import Severity
from incidents.errors import Conflict, InvalidInput, NotAllowed
from incidents.events import EventKind
from incidents.service import resolve, respond

#: Tests begin on a Saturday at ten: business opens next on Monday at nine.
MONDAY = timedelta(hours=47)
DUE = "inc-1:postmortem:due"


async def resolved(house: Any, severity: Severity = Severity.HIGH) -> None:
    await house.declare(severity)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0ANA")
        await resolve.resolve(tx, house.ctx, 1, "U0ANA", "rolled back")


async def write(house: Any, *sections: str) -> None:
    async with house.store.transaction() as tx:
        for section in sections:
            await postmortem.write_section(tx, house.ctx, 1, "U0ANA", section, "The tests were red.")


async def move(house: Any, day: date, actor: str = "U0ANA") -> datetime:
    async with house.store.transaction() as tx:
        return await postmortem.move(tx, house.ctx, 1, actor, day)


async def test_its_owner_is_reminded_when_it_is_due_and_then_the_channel_until_it_is_written(house: Any) -> None:
    await resolved(house)
    assert await house.waiting() == {DUE: MONDAY}, "of all timers this alone outlives the incident"
    (scheduled,) = await house.events(EventKind.POSTMORTEM_SCHEDULED)
    assert [row.surface for row in await house.outbox(f":line:{scheduled.id}")] == ["line"], "the channel is told"
    await house.pass_time(hours=47)
    assert [row.target for row in await house.outbox(":postmortem-due:")] == ["user:U0ANA"]
    assert await house.events(EventKind.NOTE) == []
    await house.pass_time(hours=24)
    assert len(await house.outbox(":postmortem-due:")) == 2
    assert "overdue" in (await house.events(EventKind.NOTE))[0].data["text"]
    await write(house, "went_well", "went_badly")
    assert await house.waiting() == {}
    async with house.store.transaction() as tx:
        await resolve.reopen(tx, house.ctx, 1, "U0ANA", "errors are back")
        await resolve.resolve(tx, house.ctx, 1, "U0ANA", "rolled back further")
    assert await house.events(EventKind.POSTMORTEM_SCHEDULED) == [scheduled], "what is written has no new date"
    assert await house.waiting() == {}


async def test_it_is_moved_to_a_day_on_which_business_opens_by_those_who_lead(house: Any) -> None:
    await resolved(house)
    with pytest.raises(NotAllowed):
        await move(house, date(2026, 11, 25), actor="U0ELI")
    for wrong in (date(2026, 11, 20), date(2027, 11, 20)):
        with pytest.raises(InvalidInput):
            await move(house, wrong)
    assert await move(house, date(2026, 11, 28)) == datetime(2026, 11, 30, 9, tzinfo=UTC), "a Saturday becomes Monday"
    assert await house.waiting() == {DUE: MONDAY + timedelta(days=7)}
    async with house.store.read() as session:
        assert (await postmortem.build(session, house.ctx, 1)).review_by == datetime(2026, 11, 30, 9, tzinfo=UTC)
    async with house.store.transaction() as tx:
        await resolve.reopen(tx, house.ctx, 1, "U0ANA", "errors are back")
    assert await house.waiting(DUE) == {}
    with pytest.raises(Conflict):
        await move(house, date(2026, 11, 25))


async def test_a_minor_incident_owes_none(house: Any) -> None:
    await resolved(house, Severity.MEDIUM)
    assert await house.waiting() == {}
