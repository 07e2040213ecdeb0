"""Closing the database: nothing that is in use is left open behind it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from incidents import outbox
from incidents import store as stores
from incidents.store import Store
from incidents.store_errors import DatabaseTrouble
from tests.clock import ManualClock
from tests.integration.delivery.conftest import Post, note


async def test_the_database_closes_when_the_last_session_has_ended(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'sitrep.db'}", ManualClock())
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def read_slowly() -> int:
        async with store.read() as session:
            await session.execute(text("SELECT 1"))
            begun.set()
            await go_on.wait()
            return int(await session.scalar(text("SELECT 2")) or 0)

    reading = asyncio.create_task(read_slowly())
    await begun.wait()
    closing = asyncio.create_task(store.close())
    done, _ = await asyncio.wait({closing}, timeout=0.2)
    assert not done
    go_on.set()
    assert await reading == 2
    await closing
    assert "Connections in pool: 0" in store.engine.pool.status()


async def test_a_cancelled_session_does_not_hold_the_closing_up(tmp_path: Path) -> None:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'sitrep.db'}", ManualClock())
    begun = asyncio.Event()

    async def never_end() -> None:
        async with store.transaction() as tx:
            await tx.session.execute(text("SELECT 1"))
            begun.set()
            await asyncio.Event().wait()

    writing = asyncio.create_task(never_end())
    await begun.wait()
    writing.cancel()
    await asyncio.wait({writing})
    async with asyncio.timeout(2):
        await store.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(f"sqlite+aiosqlite:///{tmp_path / 'sitrep.db'}", ManualClock())
    yield made
    await made.close()


class Writers:
    """Writers that have their turn one after another, each until it may go on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.begun: list[int] = []
        self.may_end = [asyncio.Event() for _ in range(3)]

    async def write(self, number: int) -> None:
        async with self._store.transaction() as tx:
            await tx.session.execute(text("SELECT 1"))
            self.begun.append(number)
            await self.may_end[number].wait()

    async def begins(self, number: int) -> None:
        async with asyncio.timeout(5):
            while number not in self.begun:  # noqa: ASYNC110 - a writer tells nobody
                await asyncio.sleep(0)


async def test_who_is_in_line_to_write_is_waited_for(store: Store) -> None:
    writers = Writers(store)
    tasks = [asyncio.create_task(writers.write(number)) for number in (0, 1)]
    await writers.begins(0)
    closing = asyncio.create_task(store.close())
    writers.may_end[0].set()
    await writers.begins(1)
    assert not (await asyncio.wait({closing}, timeout=0.1))[0]
    writers.may_end[1].set()
    await asyncio.gather(*tasks, closing)


async def test_what_comes_after_the_closing_is_refused(store: Store) -> None:
    await store.close()
    with pytest.raises(DatabaseTrouble, match="being restarted"):
        async with store.read():
            pass
    with pytest.raises(DatabaseTrouble, match="being restarted"):
        async with store.transaction():
            pass


async def test_who_outlasts_the_closing_closes_what_is_left(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_LAST_SECONDS", 0.05)
    writers = Writers(store)
    writing = asyncio.create_task(writers.write(0))
    await writers.begins(0)
    await store.close()
    writers.may_end[0].set()
    await writing  # and the guard of all tests finds no connection open


async def test_a_notice_chosen_in_a_commit_under_way_is_sent_before_the_deliverer_stops(post: Post) -> None:
    incident = await post.room()
    deliverer = post.deliverer()
    deliverer.start()
    await post.put(incident, note("before"))
    await post.wait("before")
    mine: list[stores.Tx] = []
    chosen, go_on = asyncio.Event(), asyncio.Event()

    async def decide() -> None:
        async with post.ctx.store.transaction() as tx:
            await outbox.put(tx, incident.id, note("decided"))
            mine.append(tx)

    async def commit_slowly(tx: stores.Tx) -> None:
        if tx in mine:
            chosen.set()
            await go_on.wait()

    post.ctx.store.before_commit(commit_slowly)  # after the deliverer's own
    deciding = asyncio.create_task(decide())
    await chosen.wait()
    stopping = asyncio.create_task(deliverer.stop())
    assert not (await asyncio.wait({stopping}, timeout=0.1))[0]
    go_on.set()
    await asyncio.gather(deciding, stopping)
    assert (await post.row("decided")).state == "done"
