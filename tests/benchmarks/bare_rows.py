"""What a bare app pays that commits a row before it acks: one table, over the engine that Sitrep uses."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from incidents import database


class Rows:
    """One table, written by one hand at a time, as SQLite will have it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()

    async def add(self, words: str) -> None:
        """Commit one row."""
        async with self._turn, self._engine.begin() as connection:
            await connection.execute(text("INSERT INTO sent (text) VALUES (:words)"), {"words": words})


async def prepared(url: str) -> Rows:
    """Return the table, made in the database at `url`."""
    engine = database.engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE sent (id INTEGER PRIMARY KEY, text TEXT)"))
    return Rows(engine)
