"""The matrix is kept: on declaring, over time, through changes of severity, after a reopening."""

from datetime import timedelta
from typing import Any

from bot.surfaces import room
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.notices import Lane
from incidents.service import resolve, respond

COMMANDER = "U0ANA"


def told(keys: list[str]) -> set[str]:
    return {key.removeprefix("inc-1:matrix:") for key in keys}


async def change(house: Any, severity: Severity) -> None:
    async with house.store.transaction() as tx:
        await respond.change_severity(tx, house.ctx, 1, COMMANDER, severity)


async def test_a_critical_incident_tells_three_at_once_and_the_rest_in_time(house: Any) -> None:
    await house.declare()
    assert told(await house.keys(":matrix:")) == {"immediate:U0ANA", "immediate:U0BO", "immediate:U0CY"}
    await house.pass_time(minutes=30)
    late = set(told(await house.keys(":matrix:within")))
    assert late == {"within_30_min:U0DEE", "within_30_min:U0ELI"}
    await house.pass_time(minutes=30)
    assert len(await house.keys(":matrix:")) == 7


async def test_whoever_is_on_call_gets_the_promise_as_a_page_and_nothing_beside_it(house: Any) -> None:
    await house.declare()
    rows = [row for row in await house.outbox() if row.target == "user:U0ANA"]
    assert [(row.key, row.surface, row.lane) for row in rows] == [
        ("inc-1:matrix:immediate:U0ANA", "page", int(Lane.PAGE))
    ]
    assert rows[0].params == {"audience": "on_call_engineer", "level": 1, "of": 4, "person": "U0ANA"}


async def test_what_goes_out_late_says_how_late(house: Any) -> None:
    await house.declare()
    await house.pass_time(minutes=42)
    row = (await house.outbox(":within_30_min:U0ELI"))[0]
    assert row.params["late_seconds"] == 12 * 60
    assert row.due_at == house.clock.now() - timedelta(minutes=12)


async def test_raising_the_severity_late_sends_the_overdue_and_nothing_twice(house: Any) -> None:
    await house.declare(Severity.HIGH)
    house.clock.advance(timedelta(minutes=45))
    await change(house, Severity.CRITICAL)
    keys = await house.keys(":matrix:")
    assert told(keys) == {
        "immediate:U0ANA",
        "immediate:U0BO",
        "immediate:U0CY",
        "within_30_min:U0DEE",
        "within_30_min:U0ELI",
    }
    assert len(keys) == len(set(keys))
    assert await house.waiting(":matrix:") == {"inc-1:matrix:within_60_min": timedelta(minutes=15)}


async def test_lowering_the_severity_cancels_what_was_to_come(house: Any) -> None:
    await house.declare()
    await change(house, Severity.MEDIUM)
    assert await house.waiting(":matrix:") == {}
    await house.pass_time(hours=3)
    assert len(await house.keys(":matrix:")) == 3


async def test_raising_and_lowering_again_and_again_tells_nobody_twice(house: Any) -> None:
    await house.declare(Severity.HIGH)
    for severity in (Severity.CRITICAL, Severity.LOW, Severity.HIGH, Severity.CRITICAL):
        await change(house, severity)
        await house.pass_time(minutes=20)
    keys = await house.keys(":matrix:")
    people = [key.rpartition(":")[2] for key in keys]
    assert len(people) == len(set(people)) == 7


async def test_resolving_ends_every_promise(house: Any) -> None:
    await house.declare()
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, COMMANDER, "rolled back")
    assert list(await house.waiting()) == ["inc-1:postmortem:due"]
    await house.pass_time(hours=2)
    assert len(await house.keys(":matrix:")) == 3


async def test_a_reopened_incident_promises_anew_and_tells_only_who_has_not_heard(house: Any) -> None:
    await house.declare()
    await house.pass_time(minutes=10)
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, COMMANDER, "rolled back")
    await house.pass_time(minutes=60)
    async with house.store.transaction() as tx:
        await resolve.reopen(tx, house.ctx, 1, COMMANDER, "errors are back")
    assert await house.waiting(":matrix:") == {
        "inc-1:matrix:within_30_min": timedelta(minutes=30),
        "inc-1:matrix:within_60_min": timedelta(minutes=60),
    }
    again = [row.key for row in await house.outbox(":update:") if row.target == "user:U0BO"]
    assert len(again) == 2, "told that it was over, and that it is not"


async def test_nobody_configured_is_said_once_in_the_channel_and_to_the_operators(empty_house: Any) -> None:
    await empty_house.declare()
    (note,) = [event for event in await empty_house.events(EventKind.NOTE) if event.data.get("unfilled")]
    assert "CTO" in note.data["text"]
    assert "sitrep.yml" in note.data["text"]
    lines = await empty_house.outbox(f":{note.id}")
    assert {row.target for row in lines} == {"channel", "channel:C0OPS"}
    await change(empty_house, Severity.HIGH)
    await change(empty_house, Severity.CRITICAL)
    named = [name for event in await empty_house.events(EventKind.NOTE) for name in event.data.get("unfilled", ())]
    assert len(named) == len(set(named))


async def test_a_drill_tells_nobody_outside_the_channel(house: Any) -> None:
    await house.declare(drill=True)
    await house.pass_time(hours=3)
    outside = [row.key for row in await house.outbox() if row.target.startswith(("user:", "mail:"))]
    assert outside == []
    assert [event for event in await house.events(EventKind.NOTE) if event.data.get("unfilled")] == []


async def test_what_comes_hours_later_is_no_page_for_whoever_was_paged_first(house: Any) -> None:
    await house.declare(Severity.HIGH)
    await house.pass_time(hours=4)
    (row,) = await house.outbox(":within_4_hours:U0ANA")
    assert row.surface == "matrix_notice"


async def test_message_that_was_redrawn_is_no_second_promise_and_one_on_its_way_is_neither_kept_nor_broken(
    house: Any,
) -> None:
    incident = await house.declare()

    async def kept() -> tuple[int, ...]:
        async with house.store.read() as session:
            return (await room.card_facts(session, house.ctx, incident)).told

    assert await kept() == (0, 0, 3)
    await house.deliver()
    assert await kept() == (3, 3, 0)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, COMMANDER)
    assert [key for key in await house.keys(":matrix:") if ":edit:" in key], "who was told reads who has it"
    await house.deliver()
    assert await kept() == (3, 3, 0)
