"""What waited while Slack was away is left out in portions: others go on meanwhile, and a crash changes no outcome."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, insert
from sqlmodel import select

from bot.delivery import returning
from incidents import migrations, outbox, records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.notices import Action, Lane, Road
from incidents.store import Store, Tx
from tests import installation
from tests.integration.delivery.conftest import Post, note
from tests.processes import database_on

TURNS = returning.PORTION // 2  # of each kind of notice and incident: with its kinds, several portions
NEVER = 0


async def leave_waiting(store: Store, incident: int | None, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows of `incident` that wait for so long that they are stale."""
    at = store.clock.now() - returning.STALE - timedelta(minutes=1)
    row = records.Outbox(
        key="",
        incident_id=incident,
        lane=Lane.STATUS,
        road=Road.SLACK,
        action=Action.POST,
        target="channel",
        surface="line",
        created_at=at,
        not_before=at,
    )
    blank = row.model_dump(exclude={"id"})
    async with store.engine.begin() as connection:
        await connection.execute(insert(records.Outbox), [{**blank, **each} for each in rows])


async def test_somebody_writes_between_two_portions_and_nothing_stale_sets_off_in_that_moment(post: Post) -> None:
    incident, store = await post.room(), post.ctx.store
    page = {"action": Action.DIRECT, "target": "user:U0BEN", "surface": "page", "lane": Lane.PAGE}
    stale = [{"key": f"old:{number}", "surface": "status_update"} for number in range(2 * returning.PORTION)]
    await leave_waiting(store, incident.id, [*stale, {"key": "page:1", **page}, {"key": "page:2", **page}])
    post.deliverer().start()
    seen: list[int] = []
    async with asyncio.timeout(30):
        while not seen or seen[-1] < len(stale):  # all but the newest update, and the first page
            async with store.transaction() as tx:
                dropped = select(func.count()).where(records.Outbox.state == "dropped")
                seen.append(await tx.session.scalar(dropped) or 0)
                await outbox.put(tx, incident.id, note(f"fresh:{len(seen)}"))
    assert returning.PORTION in seen
    await post.wait("page:2")
    opened = await post.client.conversations_open(users="U0BEN")
    assert await post.texts(opened["channel"]["id"]) == ["page:2"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        made = Store(installation.sqlite_database(tmp_path), SystemClock())
        yield made
        await made.close()
        return
    async with database_on(request.getfixturevalue("postgres")) as url:
        made = Store(url, SystemClock())
        await migrations.upgrade(made)
        yield made
        await made.close()


async def outage(store: Store) -> None:
    """Write what waits of two incidents: for each rule of what is left out its rows, mixed."""
    async with store.transaction() as tx:
        for _ in range(2):
            incident = records.Incident(title="t", severity=Severity.HIGH, reporter="U0AVA", declared_at=tx.now)
            tx.session.add(incident)
            await tx.session.flush()
            await tx.record(incident, EventKind.UPDATE_MISSED)
            await tx.record(incident, EventKind.CLOSED)
    for number in (1, 2):
        blank = {"state": "pending", "params": {}, "of_key": "", "after_key": ""}
        rows: list[dict[str, Any]] = []
        for key in (f"{number}:{turn}" for turn in range(TURNS)):
            behind = {"after_key": f"{key}:status", "state": "waiting"}
            rows += [
                {"key": f"{key}:status", "surface": "status_update"},
                {"key": f"{key}:in order", **behind},
                {"key": f"{key}:in its thread", "target": f"thread:{key}:status", **behind},
                {"key": f"{key}:edit", "action": Action.EDIT, "of_key": "card"},
                {"key": f"{key}:whisper", "action": Action.EPHEMERAL},
                {"key": f"{key}:missed", "params": {"event_id": 2 * number - 1}},
                {"key": f"{key}:line", "params": {"event_id": 2 * number}},
            ]
        await leave_waiting(store, number, [{**blank, **row} for row in rows])


def as_it_must_end() -> dict[str, str]:
    ends: dict[str, str] = {}
    for number, turn in ((number, turn) for number in (1, 2) for turn in range(TURNS)):
        newest = turn == TURNS - 1
        of_turn = dict.fromkeys(("status", "edit", "missed"), "pending" if newest else "dropped")
        of_turn |= {"whisper": "dropped", "line": "pending"}
        of_turn["in order"] = "waiting" if newest else "pending"
        of_turn["in its thread"] = "waiting" if newest else "dropped"
        ends |= {f"{number}:{turn}:{name}": end for name, end in of_turn.items()}
    return ends


@pytest.mark.parametrize("stops_in", [1, 3, NEVER], ids=["the first", "the third", "none"])
async def test_whoever_stops_in_a_portion_leaves_out_the_same_in_the_end(store: Store, stops_in: int) -> None:
    await outage(store)
    portions = bound = 0

    async def stop(_: Tx) -> None:
        nonlocal portions
        portions += 1
        if portions == stops_in:
            raise ConnectionAbortedError

    def note_bound(*arguments: Any) -> None:
        nonlocal bound
        bound = max(bound, len(arguments[3]))

    store.before_commit(stop)
    event.listen(store.engine.sync_engine, "before_cursor_execute", note_bound)
    if stops_in:
        with pytest.raises(ConnectionAbortedError):
            await returning.sort_out(store)
    left_out = await returning.sort_out(store)
    async with store.read() as session:
        ends = {row.key: row.state for row in (await session.scalars(select(records.Outbox))).all()}
    assert ends == as_it_must_end()
    assert left_out == 2 * (4 * TURNS - 3) - returning.PORTION * max(stops_in - 1, 0)
    assert portions >= left_out / returning.PORTION
    assert bound < len(ends), "each portion asks for its own rows alone"


async def test_newest_home_of_each_person_is_drawn_when_slack_is_back(store: Store) -> None:
    home = {"action": Action.HOME, "surface": "home", "target": ""}
    drawn = [(person, turn) for turn in ("1", "2") for person in ("U0ANA", "U0BEN")]
    await leave_waiting(
        store, None, [{**home, "key": f"{person}:{turn}", "params": {"person": person}} for person, turn in drawn]
    )
    assert await returning.sort_out(store) == 2
    async with store.read() as session:
        left = await session.scalars(select(records.Outbox.key).where(records.Outbox.state == "pending"))
        assert set(left.all()) == {"U0ANA:2", "U0BEN:2"}
