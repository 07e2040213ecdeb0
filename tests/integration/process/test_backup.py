"""A backup holds every row, of either database, and is restored into an empty one of either kind, or not at all."""

import gzip
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, select

from incidents import backup, migrations, records
from incidents.backup import BackupTrouble
from incidents.catalog import Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.service import declare
from incidents.store import Store
from tests import installation
from tests.benchmarks import history
from tests.integration.process.sitrep import run


@pytest.fixture
async def full(tmp_path: Path) -> AsyncIterator[Store]:
    """A SQLite database with some incidents."""
    store = await _filled(f"sqlite+aiosqlite:///{tmp_path}/full.db")
    yield store
    await store.close()


async def _filled(url: str) -> Store:
    store = Store(url, SystemClock())
    await migrations.upgrade(store)
    await history.write(store, history.Size(past=30, opened=2, timers=20))
    async with store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        incident.title, incident.facts = "Zahlung schlägt fehl 🔥 \u202eשלום", {"steps": "a\nb"}
        await tx.record(incident, EventKind.NOTE, actor="U0P001", text="“quoted”, \\ and \x7f")
    return store


async def _everything(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables, as plain values."""
    found: dict[str, list[Any]] = {}
    async with store.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            rows = await session.execute(select(table).order_by(*table.primary_key.columns))  # type: ignore[call-overload]
            found[table.name] = [tuple(row) for row in rows.all()]
    return found


async def test_what_is_restored_is_what_was_backed_up(full: Store, empty_store: Store, tmp_path: Path) -> None:
    file = tmp_path / "b.gz"
    written = await backup.dump(full, file)
    assert written["incident"] == 32
    assert await backup.load(empty_store, file) == written
    assert await _everything(empty_store) == await _everything(full)
    again = tmp_path / "again.gz"
    assert await backup.dump(empty_store, again) == written
    assert _lines(again)[1:] == _lines(file)[1:]


async def test_a_restored_database_goes_on_counting(full: Store, empty_store: Store, tmp_path: Path) -> None:
    await backup.dump(full, tmp_path / "b.gz")
    await backup.load(empty_store, tmp_path / "b.gz")
    library = installation.library()
    ctx = Context(empty_store, empty_store.clock, library, Settings())
    declaration = declare.Declaration(title="Search is slow", severity=Severity.LOW, reporter="U0P001")
    async with empty_store.transaction() as tx:
        incident = await declare.declare(tx, ctx, declaration)
    assert incident.key == "inc-33"


async def test_a_database_that_is_not_empty_is_refused(full: Store, database_url: str, tmp_path: Path) -> None:
    await backup.dump(full, tmp_path / "b.gz")
    other = await _filled(database_url)
    before = await _everything(other)
    with pytest.raises(BackupTrouble, match="not empty"):
        await backup.load(other, tmp_path / "b.gz")
    assert await _everything(other) == before
    await other.close()


async def test_a_migrated_database_without_rows_is_empty(full: Store, empty_store: Store, tmp_path: Path) -> None:
    await backup.dump(full, tmp_path / "b.gz")
    await migrations.upgrade(empty_store)
    assert (await backup.load(empty_store, tmp_path / "b.gz"))["incident"] == 32


async def test_a_backup_of_an_older_version_is_upgraded(empty_store: Store, tmp_path: Path) -> None:
    incident = {
        **records.Incident(
            id=7, title="Checkout is slow", severity=Severity.HIGH, reporter="U0P001", declared_at=SystemClock().now()
        ).model_dump(mode="json")
    }
    for newer in ("archived_at", "stripped_at", "kind"):
        del incident[newer]
    file = tmp_path / "old.gz"
    _write(
        file,
        {"sitrep_backup": 1, "revision": "0001", "made_at": "2026-11-20T10:00:00+00:00"},
        {"table": "incident", "columns": list(incident)},
        list(incident.values()),
        {"end": {"incident": 1}},
    )
    await backup.load(empty_store, file)
    async with empty_store.read() as session:
        assert await (await session.connection()).run_sync(migrations.stamped) == migrations.HEAD
        words = await session.scalars(select(records.IncidentWord.word).order_by(records.IncidentWord.word))
        assert list(words.all()) == ["checkout", "is", "slow"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda content: content[: len(content) // 2], "damaged"),
        (lambda content: content[:400] + b"\0\0\0\0" + content[404:], "damaged"),
        (lambda content: b"no gzip at all", "damaged"),
        (lambda content: gzip.compress(b'{"some": "json"}\n'), "no backup of this format"),
        (lambda content: gzip.compress(b"\n".join(gzip.decompress(content).splitlines()[:-1])), "end is missing"),
        (lambda content: gzip.compress(_without_a_row(gzip.decompress(content))), "rows that it promises"),
        (lambda content: gzip.compress(gzip.decompress(content).replace(b'"0', b'"9', 1)), "does not know"),
    ],
)
async def test_a_damaged_file_changes_nothing(
    full: Store, empty_store: Store, tmp_path: Path, harm: Any, said: str
) -> None:
    file = tmp_path / "b.gz"
    await backup.dump(full, file)
    file.write_bytes(harm(file.read_bytes()))
    with pytest.raises(BackupTrouble, match=said):
        await backup.load(empty_store, file)
    async with empty_store.read() as session:
        assert await (await session.connection()).run_sync(migrations.stamped) == ""


async def test_what_is_written_meanwhile_is_not_half_in_it(full: Store, tmp_path: Path) -> None:
    async with full.transaction() as tx:
        await tx.session.execute(text("UPDATE incident SET title = 'half done'"))
        await backup.dump(full, tmp_path / "b.gz")
    assert "half done" not in gzip.decompress((tmp_path / "b.gz").read_bytes()).decode()


async def test_a_damaged_database_is_not_backed_up(full: Store, tmp_path: Path) -> None:
    async with full.engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute("PRAGMA foreign_keys=OFF")
        await connection.execute(text("DELETE FROM incident WHERE id = 5"))
        await connection.commit()
    with pytest.raises(BackupTrouble, match="refers to nothing"):
        await backup.dump(full, tmp_path / "b.gz")
    assert not list(tmp_path.glob("b.gz*"))  # noqa: ASYNC240 - a listing of two names


async def test_only_its_owner_reads_the_file(full: Store, tmp_path: Path) -> None:
    await backup.dump(full, tmp_path / "b.gz")
    assert stat.S_IMODE((tmp_path / "b.gz").stat().st_mode) == 0o600


async def test_the_commands_say_what_they_did_and_overwrite_nothing(full: Store, tmp_path: Path) -> None:
    there = {"DATABASE_URL": f"sqlite:///{tmp_path}/full.db", "SITREP_DATA": str(tmp_path)}
    file = str(tmp_path / "b.gz")
    code, out, err = await run("backup", file, **there)
    assert (code, err) == (0, "")
    assert "32 incidents" in out
    code, _, err = await run("backup", file, **there)
    assert (code, "never overwritten" in err) == (1, True)
    new = {"DATABASE_URL": f"sqlite:///{tmp_path}/new/sitrep.db", "SITREP_DATA": str(tmp_path / "new")}
    code, out, err = await run("restore", file, **new)
    assert (code, err) == (0, "")
    assert "Restored 32 incidents" in out
    code, _, err = await run("restore", file, **new)
    assert (code, "not empty" in err, len(err.splitlines())) == (1, True, 1)


def _lines(file: Path) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def _write(file: Path, *lines: Any) -> None:
    file.write_bytes(gzip.compress("\n".join(json.dumps(line) for line in lines).encode()))


def _without_a_row(content: bytes) -> bytes:
    lines = content.splitlines()
    gone = max(number for number, line in enumerate(lines) if line.startswith(b"["))
    return b"\n".join([*lines[:gone], *lines[gone + 1 :]])
