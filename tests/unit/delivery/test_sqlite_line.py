"""A statement crosses to the connection's thread once; what it finds, changes and breaks comes back with it."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from incidents import sqlite_line


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/x.db", connect_args={"async_creator_fn": sqlite_line.connect}
    )
    async with engine.connect() as connected:
        await connected.execute(text("CREATE TABLE word (id INTEGER PRIMARY KEY, said TEXT UNIQUE)"))
        yield connected
    await engine.dispose()


async def test_rows_changes_and_numbers_come_back(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO word (said) VALUES (:said)"), [{"said": "a"}, {"said": "b"}])
    inserted = await connection.execute(text("INSERT INTO word (said) VALUES ('c')"))
    assert inserted.lastrowid == 3
    assert (await connection.execute(text("SELECT id, said FROM word ORDER BY id"))).all() == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert (await connection.execute(text("UPDATE word SET said = said || '!' WHERE id > 1"))).rowcount == 2


async def test_refused_statement_says_why_and_leaves_the_connection_usable(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO word (said) VALUES ('a')"))
    with pytest.raises(IntegrityError, match="UNIQUE"):
        await connection.execute(text("INSERT INTO word (said) VALUES ('a')"))
    assert (await connection.execute(text("SELECT count(*) FROM word"))).scalar() == 1


async def test_query_crosses_to_the_thread_once(connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    crossings: list[Any] = []
    execute = sqlite_line.Line._execute

    async def counted(line: sqlite_line.Line, work: Any, *arguments: Any) -> Any:
        crossings.append(work)
        return await execute(line, work, *arguments)

    monkeypatch.setattr(sqlite_line.Line, "_execute", counted)
    assert (await connection.execute(text("SELECT sqlite_version()"))).scalar() == sqlite3.sqlite_version
    assert len(crossings) == 1
