"""Decisions made at the same moment: one commit for them all, and each as if it had been alone."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from bot.listeners.sharing import SeenBefore, Sharing
from incidents import records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.store import Store, Tx
from incidents.turns import Turn
from tests import installation


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(installation.sqlite_database(tmp_path), SystemClock())
    async with made.transaction() as tx:
        tx.session.add(
            records.Incident(title="t", severity=Severity.HIGH, reporter="U01ANA", declared_at=made.clock.now())
        )
    yield made
    await made.close()


async def noted(tx: Tx, text: str) -> str:
    await tx.record(await tx.session.get_one(records.Incident, 1), EventKind.NOTE, actor="U01ANA", text=text)
    return text


async def notes(store: Store) -> list[str]:
    async with store.read() as session:
        found = await session.scalars(select(records.Event).order_by(col(records.Event.id)))
        return [each.data["text"] for each in found.all()]


async def test_those_that_wait_together_are_committed_together_in_the_order_in_which_they_came(store: Store) -> None:
    commits = []
    event.listen(store.engine.sync_engine, "commit", commits.append)
    sharing = Sharing(store)
    said = await asyncio.gather(*(sharing.do(f"k{n}", 1, lambda tx, n=n: noted(tx, f"n{n}")) for n in range(20)))
    assert said == await notes(store) == [f"n{n}" for n in range(20)]
    assert len(commits) < 4


async def test_one_that_is_refused_or_was_seen_before_takes_no_other_with_it(store: Store) -> None:
    async def refused(tx: Tx) -> str:
        await noted(tx, "refused")
        raise Conflict("Too late.")

    sharing = Sharing(store)
    await sharing.do("seen", 1, lambda tx: noted(tx, "first"))
    outcomes = await asyncio.gather(
        sharing.do("a", 1, lambda tx: noted(tx, "a")),
        sharing.do("b", 1, lambda tx: noted(tx, "b")),
        sharing.do("no", 1, refused),
        sharing.do("seen", 1, lambda tx: noted(tx, "again")),
        sharing.do("c", 1, lambda tx: noted(tx, "c")),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[1], outcomes[4]] == ["a", "b", "c"]
    assert isinstance(outcomes[2], Conflict)
    assert isinstance(outcomes[3], SeenBefore)
    assert sorted(await notes(store)) == ["a", "b", "c", "first"]
    assert await sharing.do("no", 1, lambda tx: noted(tx, "its key was not taken"))


async def test_one_that_was_seen_before_never_acts_on_what_it_did_itself(store: Store) -> None:
    async def sent(tx: Tx) -> str:
        if await tx.session.scalar(select(records.Event)):
            raise Conflict("An update went out meanwhile.")
        return await noted(tx, "sent")

    async def refused(tx: Tx) -> str:
        raise Conflict("Too late.")

    sharing = Sharing(store)
    assert await sharing.do("sent", 1, sent) == "sent"
    ahead = sharing.do("ahead", 1, refused)
    outcomes = await asyncio.gather(ahead, sharing.do("sent", 1, sent), return_exceptions=True)
    assert [type(each) for each in outcomes] == [Conflict, SeenBefore]


async def test_each_finds_what_came_of_the_one_before_it(store: Store) -> None:
    async def raise_severity(tx: Tx, incident: records.Incident, event: records.Event) -> None:
        incident.severity = Severity.CRITICAL

    async def look(tx: Tx) -> Severity:
        return (await tx.session.get_one(records.Incident, 1)).severity

    store.react(EventKind.NOTE, raise_severity)
    sharing = Sharing(store)
    found = await asyncio.gather(
        sharing.do("first", 1, look),
        sharing.do("second", 1, lambda tx: noted(tx, "it is worse")),
        sharing.do("third", 1, look),
    )
    assert found == [Severity.HIGH, "it is worse", Severity.CRITICAL]


async def test_what_nobody_waits_for_is_drawn_when_what_people_sent_is_stored(store: Store) -> None:
    async with store.transaction():
        await store.lull(60.0)  # a writer for whom nobody waits
    async with store.transaction(turn=Turn.FIRST):
        drawing = asyncio.create_task(store.lull(60.0))
        await store.lull(0.01)  # nobody waits for ever
        assert not drawing.done()
    await drawing
