"""SQLite connections that cross to their thread once per statement.

aiosqlite crosses four times for a query: cursor, execute, fetchall, close. A declaration has some fifty statements and
is waited for; each crossing costs 0.1 ms, and far more while the loop is busy, for both threads want the interpreter.
"""

import sqlite3
from collections.abc import Iterable
from functools import partial
from typing import Any, Self

import aiosqlite

_CHUNK = 64  # rows that aiosqlite would fetch at once while iterating, which nobody does here


class Cursor:
    """What SQLAlchemy's adapter needs of a cursor; rows are fetched with the statement that finds them."""

    arraysize = 1

    def __init__(self, line: "Line") -> None:
        self._line = line
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Any = ()) -> None:
        """Run one statement and fetch what it finds."""
        await self._line.run(self._execute, operation, parameters)

    async def executemany(self, operation: str, parameters: Iterable[Any]) -> None:
        """Run one statement for each of `parameters`."""
        await self._line.run(self._execute_many, operation, parameters)

    async def fetchall(self) -> list[Any]:
        """Return the rows that were found."""
        return self._rows

    async def close(self) -> None:
        """Forget the rows; the statement ended when its last row was fetched."""
        self._rows = []

    def _execute(self, connection: sqlite3.Connection, operation: str, parameters: Any) -> None:
        self._keep(connection.execute(operation, parameters))

    def _execute_many(self, connection: sqlite3.Connection, operation: str, parameters: Iterable[Any]) -> None:
        self._keep(connection.executemany(operation, parameters))

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self._rows = cursor.fetchall()
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        cursor.close()


class Line(aiosqlite.Connection):
    """A connection whose cursors are ours."""

    def cursor(self) -> Cursor:  # type: ignore[override]
        """Return a cursor; it touches the database when it executes."""
        return Cursor(self)

    async def run(self, work: Any, *arguments: Any) -> None:
        """Call `work` with the connection and `arguments`, on the connection's thread."""
        await self._execute(work, self._conn, *arguments)  # type: ignore[no-untyped-call]


def connect(database: str, **options: Any) -> Line:
    """Return a connection to await; takes what `sqlite3.connect` takes."""
    line = Line(partial(sqlite3.connect, database, **options), _CHUNK)
    line._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: a connection that nobody closed must not hold the process
    return line
