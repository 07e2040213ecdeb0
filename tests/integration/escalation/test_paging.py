"""Somebody is paged until somebody has it."""

from datetime import timedelta
from typing import Any

from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.service import resolve, respond


async def paged(house: Any) -> list[tuple[int, list[str]]]:
    return [(event.data["level"], event.data["people"]) for event in await house.events(EventKind.PAGED)]


async def passes(house: Any, person: str) -> None:
    async with house.store.transaction() as tx:
        await respond.pass_page(tx, house.ctx, 1, person)


async def test_each_level_is_paged_when_the_one_before_does_not_answer(house: Any) -> None:
    await house.declare()
    for _ in range(3):
        await house.pass_time(minutes=5)
    assert await paged(house) == [(1, ["U0ANA"]), (2, ["U0BO"]), (3, ["U0DEE"]), (4, ["U0ELI"])]
    assert await house.keys("inc-1:page:") == [
        "inc-1:page:2:U0BO",
        "inc-1:page:3:U0DEE",
        "inc-1:page:4:U0ELI",
    ]


async def test_acknowledging_stops_the_chain(house: Any) -> None:
    await house.declare()
    await house.pass_time(minutes=5)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0BO")
    assert await house.waiting(":page:") == {}
    await house.pass_time(minutes=30)
    assert len(await paged(house)) == 2


async def test_acknowledging_redraws_the_pages_that_are_out_and_no_others(house: Any) -> None:
    await house.declare()
    await house.deliver()
    await house.pass_time(minutes=5)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0ANA")
    edited = [row.of_key for row in await house.outbox(":edit:") if row.surface == "page"]
    assert edited == ["inc-1:matrix:immediate:U0ANA"]


async def test_who_cannot_take_it_passes_it_on_at_once(house: Any) -> None:
    await house.declare()
    await passes(house, "U0ANA")
    assert await paged(house) == [(1, ["U0ANA"]), (2, ["U0BO"])]
    assert await house.waiting(":page:") == {"inc-1:page:3": timedelta(minutes=5)}


async def test_passing_twice_or_by_somebody_not_paged_passes_on_once(house: Any) -> None:
    await house.declare()
    await passes(house, "U0ANA")
    await passes(house, "U0ANA")
    await passes(house, "U0GUS")
    assert len(await paged(house)) == 2


async def test_after_the_last_level_everybody_is_paged_again_and_it_is_said(house: Any) -> None:
    await house.declare()
    for _ in range(12):
        await house.pass_time(minutes=5)
    everybody = ["U0ANA", "U0BO", "U0DEE", "U0ELI"]
    assert [people for _, people in await paged(house)][4:] == [everybody] * 3
    reasons = [event.data["trigger"] for event in await house.events(EventKind.ESCALATED)]
    assert reasons.count("not_acknowledged") == 1
    assert await house.waiting(":page:") == {}


async def test_levels_with_nobody_are_skipped_and_said(empty_house: Any) -> None:
    await empty_house.declare()
    await empty_house.pass_time(minutes=5)
    levels = [(level, people) for level, people in await paged(empty_house)]
    assert levels == [(1, ["U0ANA"]), (5, ["U0ANA"])]


async def test_low_wakes_nobody(house: Any) -> None:
    await house.declare(Severity.LOW)
    await house.pass_time(hours=48)
    assert await paged(house) == []


async def test_a_cancelled_incident_pages_nobody_else(house: Any) -> None:
    await house.declare()
    async with house.store.transaction() as tx:
        await resolve.cancel(tx, house.ctx, 1, "U0REP", "false alarm")
    await house.pass_time(hours=1)
    assert len(await paged(house)) == 1


async def test_pages_go_by_mail_and_pager_too_where_these_are_set_up(wired_house: Any) -> None:
    await wired_house.declare()
    keys = await wired_house.keys("1:U0ANA")
    assert keys == ["inc-1:mail:page:1:U0ANA", "inc-1:pager:1:U0ANA"]


async def test_the_pager_is_quieted_when_somebody_has_it_and_closed_when_it_is_over(wired_house: Any) -> None:
    await wired_house.declare()
    await wired_house.deliver()
    async with wired_house.store.transaction() as tx:
        await respond.acknowledge(tx, wired_house.ctx, 1, "U0ANA")
    async with wired_house.store.transaction() as tx:
        await resolve.resolve(tx, wired_house.ctx, 1, "U0ANA", "rolled back")
    calls = {row.key: row.params["event_action"] for row in await wired_house.outbox("inc-1:pager:1:U0ANA")}
    assert calls == {
        "inc-1:pager:1:U0ANA": "trigger",
        "inc-1:pager:1:U0ANA:acknowledge": "acknowledge",
        "inc-1:pager:1:U0ANA:resolve": "resolve",
    }
    ids = {row.params["dedup_key"] for row in await wired_house.outbox("inc-1:pager:1:U0ANA")}
    assert ids == {"inc-1:pager:1:U0ANA"}
