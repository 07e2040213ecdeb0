"""The database is brought to the shape of the records, once, whoever starts first."""

import asyncio

import pytest
from alembic import autogenerate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from incidents import migrations, records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.errors import ConfigurationError
from incidents.migrations import column_types, scope
from incidents.store import Store


def differences(connection: Connection) -> list[object]:
    """What Alembic would still change to make the database equal to the records."""
    context = MigrationContext.configure(
        connection, opts={"compare_type": column_types.differ, "include_name": scope.ours}
    )
    return list(autogenerate.compare_metadata(context, SQLModel.metadata))


async def test_upgraded_database_equals_the_records(empty_store: Store) -> None:
    assert await migrations.upgrade(empty_store)
    async with empty_store.read() as session:
        assert await (await session.connection()).run_sync(differences) == []


async def test_a_missing_column_would_be_noticed(empty_store: Store) -> None:
    await migrations.upgrade(empty_store)
    async with empty_store.transaction() as tx:
        await tx.session.execute(text("ALTER TABLE incident DROP COLUMN resolution"))
    async with empty_store.read() as session:
        assert await (await session.connection()).run_sync(differences) != []


async def test_second_upgrade_does_nothing(empty_store: Store) -> None:
    assert await migrations.upgrade(empty_store)
    assert not await migrations.upgrade(empty_store)


async def test_of_several_that_start_at_once_one_upgrades(database_url: str) -> None:
    stores = [Store(database_url, SystemClock()) for _ in range(8)]
    try:
        done = await asyncio.gather(*(migrations.upgrade(store) for store in stores))
        assert sorted(done) == [""] * 7 + ["empty"]
    finally:
        for store in stores:
            await store.close()


async def test_database_of_a_newer_sitrep_is_refused_with_a_remedy(empty_store: Store) -> None:
    await migrations.upgrade(empty_store)
    async with empty_store.transaction() as tx:
        await tx.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match=r"9999.*newer Sitrep"):
        await migrations.upgrade(empty_store)


async def test_references_are_enforced_after_an_upgrade(empty_store: Store) -> None:
    await migrations.upgrade(empty_store)
    if empty_store.supports_skip_locked:
        pytest.skip("PostgreSQL always enforces references")
    async with empty_store.transaction() as tx:
        assert await tx.session.scalar(text("PRAGMA foreign_keys")) == 1


async def test_a_replica_that_knows_no_memberships_yet_can_forget_their_incidents(empty_store: Store) -> None:
    await migrations.upgrade(empty_store)
    async with empty_store.transaction() as tx:
        incident = records.Incident(title="t", severity=Severity.LOW, reporter="U1", declared_at=tx.now)
        tx.session.add(incident)
        await tx.session.flush()
        tx.session.add(records.Membership(incident_id=incident.number, person="U1", changed_at=tx.now))
    async with empty_store.transaction() as tx:
        await tx.session.execute(text("DELETE FROM incident"))
    async with empty_store.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM membership")) == 0


def test_head_is_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(migrations.config()).get_current_head() == migrations.HEAD


def test_records_are_in_the_metadata() -> None:
    assert records.Outbox.__table__ in SQLModel.metadata.sorted_tables  # type: ignore[attr-defined]
