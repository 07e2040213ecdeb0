"""Databases for the tests of the process: SQLite files, and databases on one real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from incidents.clock import SystemClock
from incidents.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """URL of an empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/sitrep.db"
        return
    server = request.getfixturevalue("postgres")
    name = f"t{uuid4().hex[:12]}"
    admin = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.replace("/postgres?", f"/{name}?")
    await admin.dispose()


@pytest.fixture
async def empty_store(database_url: str) -> AsyncIterator[Store]:
    """A store on an empty database."""
    store = Store(database_url, SystemClock())
    yield store
    await store.close()
