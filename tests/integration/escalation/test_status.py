"""The regular updates: ready when due, on their grid, never silently missed, ended for everybody."""

from datetime import timedelta
from typing import Any

import pytest

from incidents.definitions import Severity
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.service import resolve, respond, updates
from tests.clock import START

FIELDS = {"condition": "Rolling back.", "impact": "38 % fail", "done": "", "next": "watch", "needs": "nothing"}
FIRST, SECOND = "2026-11-21T10:30:00Z", "2026-11-21T11:00:00Z"


async def declared(house: Any, severity: Severity = Severity.CRITICAL) -> None:
    """Declare, with Bo in command so that pages do not fill the picture."""
    await house.declare(severity)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0BO")


async def by_slot(house: Any) -> dict[str, str]:
    return {row.slot: row.state for row in await house.updates()}


async def slot(house: Any, name: str) -> Any:
    return next(row for row in await house.updates() if row.slot == name)


async def test_a_critical_incident_promises_its_first_update_in_half_an_hour(house: Any) -> None:
    await declared(house)
    assert await by_slot(house) == {FIRST: "planned"}
    assert (await house.incident(1)).next_update_at == START + timedelta(minutes=30)
    assert await house.waiting(":update:") == {
        f"inc-1:update:{FIRST}:draft": timedelta(minutes=25),
        f"inc-1:update:{FIRST}:due": timedelta(minutes=30),
        f"inc-1:update:{FIRST}:overdue": timedelta(minutes=35),
    }


async def test_the_draft_lies_ready_five_minutes_ahead(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=25)
    row = await slot(house, FIRST)
    assert row.state == "drafted"
    assert set(row.fields) == {"condition", "impact", "done", "next", "needs"}
    (notice,) = await house.outbox(f":update:{FIRST}:draft")
    assert (notice.surface, notice.holds_while) == ("status_draft", f"update:{FIRST}")


async def test_when_due_it_is_handed_to_whoever_speaks(house: Any) -> None:
    await declared(house)
    async with house.store.transaction() as tx:
        await respond.take_role(tx, house.ctx, 1, "U0COMMS", Role.COMMS)
    await house.pass_time(minutes=25)
    await house.pass_time(minutes=5)
    (reminder,) = await house.outbox(":due:")
    assert reminder.target == "user:U0COMMS"


async def test_sending_posts_it_and_plans_the_next_slot(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=26)
    row = await slot(house, FIRST)
    async with house.store.transaction() as tx:
        await updates.send(tx, house.ctx, row.id, "U0BO", FIELDS)
    assert await by_slot(house) == {FIRST: "sent", SECOND: "planned"}
    assert await house.keys(f"inc-1:update:{FIRST}")
    assert all(key.startswith(f"inc-1:update:{SECOND}") for key in await house.waiting(":update:"))


async def test_two_who_send_at_once_send_it_once(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=26)
    row = await slot(house, FIRST)
    async with house.store.transaction() as tx:
        await updates.send(tx, house.ctx, row.id, "U0BO", FIELDS)
    with pytest.raises(Conflict, match=r"already sent by <@U0BO> at 2026-11-21 10:26 UTC"):
        async with house.store.transaction() as tx:
            await updates.send(tx, house.ctx, row.id, "U0CY")
    assert len(await house.events(EventKind.UPDATE_SENT)) == 1


async def test_an_update_nobody_sends_goes_out_from_the_facts_and_the_miss_is_told(house: Any) -> None:
    await declared(house)
    async with house.store.transaction() as tx:
        await respond.take_role(tx, house.ctx, 1, "U0DEP", Role.DEPUTY)
    for minutes in (25, 5, 5):
        await house.pass_time(minutes=minutes)
    row = await slot(house, FIRST)
    assert (row.state, row.sent_by) == ("missed", "")
    assert row.fields["condition"].startswith("Somebody has taken it")
    (missed,) = await house.events(EventKind.UPDATE_MISSED)
    assert missed.data["people"] == ["U0DEP"]
    (told,) = await house.outbox(":missed:")
    assert told.target == "user:U0DEP"
    assert "10:30 UTC" in told.params["reason"]
    assert f"inc-1:update:{FIRST}" in await house.keys()
    assert (await by_slot(house))[SECOND] == "planned"


async def test_without_a_deputy_the_next_in_line_hears_of_the_miss(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=35)
    (told,) = await house.outbox(":missed:")
    assert told.target == "user:U0ANA", "the first level of paging that does not hold the pen"


async def test_no_change_is_an_update_too(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=26)
    row = await slot(house, FIRST)
    async with house.store.transaction() as tx:
        await updates.no_change(tx, house.ctx, row.id, "U0BO")
    assert (await by_slot(house))[FIRST] == "no_change"
    (event,) = await house.events(EventKind.UPDATE_SENT)
    assert event.data["no_change"] is True


async def test_snoozing_moves_this_slot_and_not_the_cadence(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=26)
    row = await slot(house, FIRST)
    async with house.store.transaction() as tx:
        await updates.snooze(tx, house.ctx, row.id, "U0BO", START + timedelta(minutes=40))
    assert (await house.incident(1)).next_update_at == START + timedelta(minutes=40)
    await house.pass_time(minutes=10)
    assert (await by_slot(house))[FIRST] == "drafted", "not missed at its old time"
    await house.pass_time(minutes=5)
    async with house.store.transaction() as tx:
        await updates.send(tx, house.ctx, row.id, "U0BO", FIELDS)
    assert (await slot(house, SECOND)).due_at == START + timedelta(minutes=60)


async def test_snoozing_past_the_next_update_is_refused(house: Any) -> None:
    await declared(house)
    row = await slot(house, FIRST)
    with pytest.raises(InvalidInput, match="11:00 UTC"):
        async with house.store.transaction() as tx:
            await updates.snooze(tx, house.ctx, row.id, "U0BO", START + timedelta(minutes=60))


async def test_snoozing_into_the_past_is_refused(house: Any) -> None:
    await declared(house)
    row = await slot(house, FIRST)
    with pytest.raises(InvalidInput, match="has passed"):
        async with house.store.transaction() as tx:
            await updates.snooze(tx, house.ctx, row.id, "U0BO", START)


async def test_after_hours_of_silence_one_update_goes_out_and_the_missed_slots_are_skipped(house: Any) -> None:
    await declared(house)
    await house.pass_time(hours=3, minutes=10)
    assert await by_slot(house) == {FIRST: "missed", "2026-11-21T13:30:00Z": "planned"}


async def test_an_update_out_of_turn_leaves_the_cadence_alone(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=10)
    async with house.store.transaction() as tx:
        row = await updates.post_now(tx, house.ctx, 1, "U0BO", FIELDS)
    assert row.slot.startswith("extra-")
    assert f"inc-1:update:{row.slot}" in await house.keys()
    assert (await by_slot(house))[FIRST] == "planned"


async def test_an_update_typed_while_a_draft_lies_ready_is_that_update(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=27)
    async with house.store.transaction() as tx:
        await updates.post_now(tx, house.ctx, 1, "U0BO", FIELDS)
    assert await by_slot(house) == {FIRST: "sent", SECOND: "planned"}


@pytest.mark.parametrize("fields", [{"condition": "  "}, {"condition": "x", "done": "y" * 1001}])
async def test_what_cannot_be_sent_is_named(house: Any, fields: dict[str, str]) -> None:
    await declared(house)
    with pytest.raises(InvalidInput) as refused:
        async with house.store.transaction() as tx:
            await updates.post_now(tx, house.ctx, 1, "U0BO", fields)
    assert refused.value.field in {"condition", "done"}


async def test_raising_the_severity_shortens_the_wait(house: Any) -> None:
    await declared(house, Severity.HIGH)
    assert await by_slot(house) == {"2026-11-21T12:00:00Z": "planned"}
    await house.pass_time(minutes=40)
    async with house.store.transaction() as tx:
        await respond.change_severity(tx, house.ctx, 1, "U0BO", Severity.CRITICAL)
    assert await by_slot(house) == {SECOND: "planned"}


async def test_lowering_it_ends_the_regular_updates(house: Any) -> None:
    await declared(house)
    async with house.store.transaction() as tx:
        await respond.change_severity(tx, house.ctx, 1, "U0BO", Severity.MEDIUM)
    assert await by_slot(house) == {}
    assert await house.waiting(":update:") == {}
    assert (await house.incident(1)).next_update_at is None


async def test_the_last_update_goes_to_everybody_told_before(house: Any) -> None:
    await declared(house)
    await house.pass_time(minutes=30)
    told = {row.target for row in await house.outbox(":matrix:")}
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, "U0BO", "rolled back release 41")
    last = {row.target for row in await house.outbox(":to:")}
    assert told == last == {f"user:U0{name}" for name in ("ANA", "BO", "CY", "DEE", "ELI")}
    (row,) = [row for row in await house.updates() if row.sent_at == house.clock.now()]
    assert row.fields["condition"] == "Resolved. rolled back release 41"
    assert list(await house.waiting()) == ["inc-1:postmortem:due"]
    assert (await house.incident(1)).next_update_at is None


async def test_a_false_alarm_is_told_to_whoever_heard_of_it(house: Any) -> None:
    await declared(house)
    async with house.store.transaction() as tx:
        await resolve.cancel(tx, house.ctx, 1, "U0BO", "a test page")
    assert len(await house.outbox(":to:")) == 3
    assert (await house.updates())[-1].fields["condition"].startswith("Cancelled")


async def test_nothing_nags_after_the_end(house: Any) -> None:
    await declared(house)
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, "U0BO", "rolled back")
    before = await house.keys()
    assert await house.pass_time(hours=46) == 0
    assert await house.keys() == before, "on Monday the post-mortem is due, and nothing before"


async def test_stakeholders_who_do_not_read_along_get_the_update_by_mail(wired_house: Any) -> None:
    await wired_house.declare()
    async with wired_house.store.transaction() as tx:
        await respond.acknowledge(tx, wired_house.ctx, 1, "U0BO")
    await wired_house.pass_time(minutes=30)
    row = await slot(wired_house, FIRST)
    async with wired_house.store.transaction() as tx:
        await updates.send(tx, wired_house.ctx, row.id, "U0BO", FIELDS)
    mailed = {row.target for row in await wired_house.outbox(f"mail:update:{FIRST}")}
    assert {"mail:dee@example.com", "mail:eli@example.com"} <= mailed
    assert "mail:bo@example.com" not in mailed, "he commands, he is in the channel"
