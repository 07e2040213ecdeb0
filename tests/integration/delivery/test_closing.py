"""Closing the database: nothing that is in use is left open behind it."""

import asyncio
from pathlib import Path

from sqlalchemy import text

from incidents.store import Store
from tests.clock import ManualClock


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
