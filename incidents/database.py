"""How the database is connected to: SQLite with one connection a thread, or PostgreSQL."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from incidents import sqlite_line

_BUSY_TIMEOUT_MS = 5000  # how long SQLite waits for another process's write before it gives up
_IDLE_IN_TRANSACTION = "5s"  # PostgreSQL ends transactions that somebody forgot; ours hold no network call

#: How PostgreSQL is connected to: a server that vanished without a word is noticed within about 10 s, not after the
#: quarter of an hour that the operating system would take.
PATIENCE: dict[str, str | int] = {
    "options": f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION}",
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 4,  # seconds
    "keepalives_interval": 2,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


def engine(url: str) -> AsyncEngine:
    """Return the engine of the database at `url`."""
    if url.startswith("sqlite"):
        arguments = {"timeout": _BUSY_TIMEOUT_MS / 1000, "async_creator_fn": sqlite_line.connect}
        made = create_async_engine(url, connect_args=arguments)
        event.listen(made.sync_engine, "connect", _prepare_sqlite)
        event.listen(made.sync_engine, "begin", _begin_sqlite)
        return made
    # The connection that was used last has the statements prepared that are asked again and again; others may rest.
    return create_async_engine(url, pool_pre_ping=True, pool_use_lifo=True, connect_args=PATIENCE)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Transactions are begun by us (see _begin_sqlite), not by the driver.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a commit that was answered survives a power cut
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a write fails at once when another wrote meanwhile (735 of 800 times
    # under load); an immediate one waits its turn (0 of 800).
    read = connection.get_execution_options().get("sitrep_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
