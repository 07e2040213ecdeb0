"""Backup and restore: every row of one moment as lines of JSON, for either database, from either.

The first line says what it is, each table follows with its columns and its rows, and the last line says how many rows
there were: a file that was cut off is noticed. Tables are read and written as the database has them, not as
`incidents.records` describes them, so that a backup of an older version is loaded into its own shape and then upgraded.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import sqlalchemy as sa
from sqlmodel import SQLModel

from incidents import migrations
from incidents.errors import SitrepError
from incidents.store import Store

FORMAT = 1  #: raised when an older Sitrep would misread a newer file
_PAGE = 2000  # rows read or written at once

Counts = dict[str, int]


class BackupTrouble(SitrepError):
    """A backup could not be made or restored; nothing was changed."""


async def dump(store: Store, file: Path) -> Counts:
    """Write everything that `store` holds now into the new `file`, gzipped; returns the number of rows by table.

    It may run beside `sitrep serve`: what is read is one moment.

    Raises:
        BackupTrouble: there is nothing to back up, the database is damaged, or the file cannot be written.
    """
    # One moment: SQLite's readers see one anyway, PostgreSQL's are asked to.
    moment = {"isolation_level": "REPEATABLE READ"} if store.supports_skip_locked else {}
    engine = store.engine.execution_options(sitrep_read=True, **moment)
    part = file.with_name(f"{file.name}.part")
    async with engine.connect() as connection:
        try:
            counts = await connection.run_sync(_dump, part, store.clock.now())
            part.replace(file)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise _unwritable(file, error) from error
    return counts


async def load(store: Store, file: Path) -> Counts:
    """Fill the empty database of `store` from `file` and upgrade it; returns the number of rows by table.

    All of it in one transaction: when something is wrong with the file, the database stays as it was.

    Raises:
        BackupTrouble: the database is not empty, or the file is damaged or no backup.
    """
    async with store.engine.connect() as connection, connection.begin():
        try:
            counts = await connection.run_sync(_load, file)
        except (OSError, EOFError, zlib.error, ValueError, KeyError) as error:
            raise BackupTrouble(
                f"{file} cannot be restored: {_what(error)}.", remedy="Take another backup; nothing was changed."
            ) from error
    await migrations.upgrade(store)
    return counts


def _dump(connection: sa.Connection, part: Path, now: datetime) -> Counts:
    revision = migrations.stamped(connection)
    if not revision:
        raise BackupTrouble(
            "The database has no incidents: Sitrep has never run on it.",
            remedy="Set DATABASE_URL or SITREP_DATA to those of `sitrep serve`.",
        )
    _require_sound(connection)
    counts: Counts = {}
    with _create(part) as out:
        _line(out, {"sitrep_backup": FORMAT, "revision": revision, "made_at": now.isoformat()})
        for table in _tables(connection):
            _line(out, {"table": table.name, "columns": [column.name for column in table.columns]})
            counts[table.name] = 0
            for row in _rows(connection, table):
                _line(out, [_plain(value) for value in row])
                counts[table.name] += 1
        _line(out, {"end": counts})
    return counts


def _load(connection: sa.Connection, file: Path) -> Counts:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        head = json.loads(lines.readline())
        if not isinstance(head, dict) or head.get("sitrep_backup") != FORMAT:
            raise ValueError("it is no backup of this format")
        _prepare(connection, str(head["revision"]))
        tables = {table.name: table for table in _tables(connection)}
        counts = _take_in(connection, tables, lines)
    _count_on(connection, tables.values())
    _require_sound(connection)
    return counts


def _prepare(connection: sa.Connection, revision: str) -> None:
    """Make the tables as they were when the backup was made."""
    stamped = migrations.stamped(connection)
    if stamped:
        for table in _tables(connection):
            if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                raise BackupTrouble(
                    f"The database is not empty: there are rows in {table.name}.",
                    remedy="Restore into a new database: set DATABASE_URL, or SITREP_DATA to an empty folder.",
                )
        if stamped != revision:
            raise BackupTrouble(
                f"The database has revision {stamped} and the backup {revision}.",
                remedy="Restore into a database that Sitrep has never used; it is upgraded afterwards.",
            )
        return
    _make_tables(connection, revision)


def _make_tables(connection: sa.Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see incidents.migrations.config()
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see incidents.migrations.config()

    made = migrations.config(connection)
    if revision not in {script.revision for script in ScriptDirectory.from_config(made).walk_revisions()}:
        raise BackupTrouble(
            f"The backup has revision {revision}, which this version of Sitrep does not know.",
            remedy="Install the Sitrep that made it, or a newer one.",
        )
    command.upgrade(made, revision)


def _take_in(connection: sa.Connection, tables: dict[str, sa.Table], lines: TextIO) -> Counts:
    counts: Counts = {}
    table: sa.Table | None = None
    columns: list[sa.Column[Any]] = []
    batch: list[dict[str, Any]] = []
    for line in lines:
        said = json.loads(line)
        if isinstance(said, list):
            batch.append({column.name: _value(column, each) for column, each in zip(columns, said, strict=True)})
        if table is not None and batch and (not isinstance(said, list) or len(batch) == _PAGE):
            connection.execute(sa.insert(table), batch)
            counts[table.name] += len(batch)
            batch = []
        if isinstance(said, dict) and "end" in said:
            if said["end"] != counts:
                raise ValueError("it does not hold the rows that it promises")
            return counts
        if isinstance(said, dict):
            table = tables[said["table"]]
            columns = [table.columns[name] for name in said["columns"]]
            counts[table.name] = 0
    raise ValueError("its end is missing")


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """Return our tables as the database has them, those that others refer to first."""
    known = set(SQLModel.metadata.tables)
    there = sa.MetaData()
    there.reflect(connection, only=lambda name, _: name in known)
    return list(there.sorted_tables)


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[Any]]:
    """Yield all rows in the order of their key, some at a time."""
    key = list(table.primary_key.columns)
    places = [list(table.columns).index(column) for column in key]
    last: tuple[Any, ...] | None = None
    while True:
        asked = sa.select(table).order_by(*key).limit(_PAGE)
        if last is not None:
            asked = asked.where(sa.tuple_(*key) > sa.tuple_(*(sa.literal(value) for value in last)))
        page = connection.execute(asked).all()
        yield from page
        if len(page) < _PAGE:
            return
        last = tuple(page[-1][place] for place in places)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # SQLite keeps no zone; every time of ours is UTC.
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value


def _value(column: sa.Column[Any], written: Any) -> Any:
    if isinstance(written, str) and isinstance(column.type, sa.DateTime):
        return datetime.fromisoformat(written)
    return written


def _count_on(connection: sa.Connection, tables: Any) -> None:
    """Let PostgreSQL number new rows behind those that were restored; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        if "id" in table.columns and isinstance(table.columns["id"].type, sa.Integer):
            newest = connection.scalar(sa.select(sa.func.max(table.columns["id"])))
            if newest is not None:
                sequence = sa.func.pg_get_serial_sequence(table.name, "id")
                connection.execute(sa.select(sa.func.setval(sequence, newest)))


def _require_sound(connection: sa.Connection) -> None:
    """Let SQLite look for damage, and for rows that refer to nothing; PostgreSQL's checksums do it while reading."""
    if connection.dialect.name != "sqlite":
        return
    said = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar()
    loose = connection.execute(sa.text("PRAGMA foreign_key_check")).first()
    if said != "ok" or loose is not None:
        raise BackupTrouble(
            f"The database is damaged: {said if loose is None else f'a row of {loose[0]} refers to nothing'}.",
            remedy="Restore the newest backup into a new database.",
        )


@contextmanager
def _create(part: Path) -> Iterator[TextIO]:
    # Incidents name people and hosts: nobody but the owner reads the file.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as out:
            yield cast("TextIO", out)
        raw.flush()
        os.fsync(descriptor)


def _line(out: TextIO, value: Any) -> None:
    out.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def _unwritable(file: Path, error: OSError) -> BackupTrouble:
    return BackupTrouble(f"{file} cannot be written ({error.strerror}).", remedy="Choose a folder with space in it.")


def _what(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is damaged" if isinstance(error, EOFError | OSError | zlib.error) else str(error) or type(error).__name__
