"""Many notices that Slack has not taken: none hides another, and a look costs little however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import event
from sqlmodel import col, func, select

from escalation.fallback import Fallback
from incidents import records
from incidents.definitions import Severity
from incidents.notices import Lane, Road
from tests.integration.escalation.conftest import House

TURN = timedelta(seconds=2)


def overdue(house: House, number: int, incident: records.Incident, person: str, surface: str) -> records.Outbox:
    then = house.clock.now() - timedelta(minutes=5)
    return records.Outbox(
        key=f"{incident.key}:{surface}:{number}:{person}", incident_id=incident.id, road="slack", action="direct",
        lane=Lane.PAGE if surface == "page" else Lane.STATUS, target=f"user:{person}", surface=surface,
        params={"person": person, "level": number}, created_at=then, not_before=then, error="Slack is in trouble.",
    )  # fmt: skip


async def put(house: House, *rows: records.Outbox) -> None:
    async with house.store.transaction() as tx:
        tx.session.add_all(rows)


async def look(house: House, fallback: Fallback) -> list[str]:
    """Return what is asked and written."""
    async with house.store.transaction() as tx:
        with statements(house) as seen:
            await fallback.look(tx, away=True)
            await tx.session.flush()
    return seen


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(house.store.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(house.store.engine.sync_engine, "before_cursor_execute", note)


async def by_mail(house: House) -> int:
    async with house.store.read() as session:
        found = select(func.count()).where(col(records.Outbox.key).contains(":instead:email:"))
        return int(await session.scalar(found) or 0)


async def test_what_no_other_road_can_carry_hides_nothing_that_one_can(house: House) -> None:
    grave, low = await house.declare(), await house.declare(Severity.LOW)
    nobody = (overdue(house, number, grave, f"U0NOBODY{number}", "page") for number in range(250))
    mild = (overdue(house, number, low, "U0BO", "matrix_notice") for number in range(250))
    await put(house, *nobody, *mild)
    await put(house, overdue(house, 1, grave, "U0ANA", "page"), overdue(house, 1, grave, "U0CY", "matrix_notice"))
    await look(house, Fallback(house.ctx, frozenset({Road.SLACK, Road.EMAIL})))
    assert [row.target for row in await house.outbox(":instead:")] == ["mail:ana@example.com", "mail:cy@example.com"]


async def test_a_look_asks_as_little_of_many_overdue_pages_as_of_few(house: House) -> None:
    asked: list[list[int]] = []
    for number in (5, 100):
        incident = await house.declare()
        await put(house, *(overdue(house, level, incident, "U0ANA", "page") for level in range(number)))
        fallback = Fallback(house.ctx, frozenset({Road.SLACK, Road.EMAIL}))
        looks = [len(await look(house, fallback))]
        assert await by_mail(house) >= number
        house.clock.advance(timedelta(seconds=1))  # nothing has changed: nothing is written
        again = await look(house, fallback)
        assert not [each for each in again if each.startswith(("UPDATE", "INSERT"))]
        async with house.store.transaction() as tx:
            rows = await house.outbox(f"{incident.key}:page:")
            assert min(row.not_before for row in rows) >= tx.now + TURN
            for ago, each in enumerate(await house.outbox(f"{incident.key}:instead:")):
                letter = await tx.session.get_one(records.Outbox, each.id)
                letter.state, letter.sent_at = "done", tx.now - timedelta(milliseconds=ago)
        asked.append([*looks, len(again), len(await look(house, fallback))])
        assert {row.state for row in await house.outbox(f"{incident.key}:page:")} == {"done"}
        (post,) = await house.outbox(f"{incident.key}:told_elsewhere:")
        assert datetime.fromisoformat(post.params["since"]) == tx.now - timedelta(milliseconds=number - 1)
    assert asked[0] == asked[1]
    assert max(asked[1]) <= 12


async def test_stand_ins_of_what_slack_has_taken_are_left_out_in_one_look(house: House) -> None:
    incident = await house.declare()
    rows = [overdue(house, level, incident, "U0ANA", "page") for level in range(3)]
    await put(house, *rows)
    fallback = Fallback(house.ctx, frozenset({Road.SLACK, Road.EMAIL}))
    await look(house, fallback)
    async with house.store.transaction() as tx:
        for row in rows[:2]:
            (await tx.session.get_one(records.Outbox, row.id)).state = "done"
    await look(house, fallback)
    assert [row.state for row in await house.outbox(":instead:")] == ["dropped", "dropped", "pending"]
