"""Bringing a database to the shape of `incidents.records`, on SQLite and on PostgreSQL.

Alembic is imported only when there is something to do: a start on a current database costs one query.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from incidents.errors import ConfigurationError
from incidents.store import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0013"  #: the newest revision in versions/; a test holds it to Alembic's own answer

_FOLDER = Path(__file__).parent
_LOCK = 0x51_7265_70  # any number that no other use of this database takes; one upgrades, the others wait

_FIRST_LOOKS = 20
_BETWEEN_LOOKS_SECONDS = 0.05


async def upgrade(store: Store) -> str:
    """Upgrade the database of `store` to HEAD; returns the revision it had, or `empty`; nothing where it was at HEAD.

    Several processes may start at once: one upgrades under a lock, the others find it done.

    Raises:
        ConfigurationError: the database was made by a newer Sitrep.
    """
    if await _first_look(store) == HEAD:
        return ""
    async with store.engine.connect() as connection:
        await _enforce_references(connection, False)
        try:
            async with connection.begin():
                if connection.dialect.name == "postgresql":
                    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                # On SQLite the transaction itself is the lock: store begins every one of them IMMEDIATE.
                return await connection.run_sync(_upgrade)
        finally:
            await _enforce_references(connection, True)


async def _first_look(store: Store) -> str:
    # The first connection to a new SQLite file turns WAL on. Two that do so at once do not wait for each other, as
    # SQLite asks no busy handler there: one is told "locked" and comes again.
    for _ in range(_FIRST_LOOKS - 1):
        try:
            async with store.read() as session:
                return await (await session.connection()).run_sync(stamped)
        except OperationalError as error:
            if "database is locked" not in str(error):
                raise
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
    async with store.read() as session:
        return await (await session.connection()).run_sync(stamped)


def stamped(connection: Connection) -> str:
    """Return the revision that the database is stamped with, or an empty string."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def config(connection: Connection | None = None) -> "Config":
    """Return Alembic's configuration; revisions run on `connection`."""
    from alembic.config import Config  # noqa: PLC0415 - 0.1 s that a start on a current database saves

    made = Config()
    made.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def _upgrade(connection: Connection) -> str:
    from alembic import command  # noqa: PLC0415 - see config()
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see config()

    current = stamped(connection)
    if current == HEAD:  # another process was faster, and we waited for it
        return ""
    made = config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(made).walk_revisions()}
    if current and current not in known:
        raise ConfigurationError(
            [
                f"DATABASE_URL: the database has revision {current}, which this version of Sitrep does not know: "
                "a newer Sitrep has used it. Install that version again, or restore a backup."
            ]
        )
    command.upgrade(made, HEAD)
    return current or "empty"


async def _enforce_references(connection: AsyncConnection, enforced: bool) -> None:
    # Changing a table on SQLite means building it anew, which would trip over references to it; the pragma has no
    # effect inside a transaction, and SQLAlchemy would begin one, so the driver is asked directly.
    if connection.dialect.name == "sqlite":
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None, "the connection is open"  # noqa: S101 - a fault of ours
        await driver.execute(f"PRAGMA foreign_keys={'ON' if enforced else 'OFF'}")
