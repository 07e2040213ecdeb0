"""`sitrep backup` and `sitrep restore`."""

import asyncio
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.serve import make_folders
from bot.settings import Settings
from incidents import backup, store_errors
from incidents.clock import SystemClock
from incidents.errors import SitrepError
from incidents.store import Store


async def save(env: Settings, file: Path) -> str:
    """Back up into the new `file`; returns one line on what is in it.

    Raises:
        SitrepError: it cannot be done; says what to do.
    """
    if await asyncio.to_thread(file.exists):
        raise SitrepError(f"{file} is there already.", remedy="Name a new file; backups are never overwritten.")
    store = Store(env.database_url, SystemClock())
    try:
        counts = await backup.dump(store, file)
    except DBAPIError as error:
        raise store_errors.explain(error) or error from error
    finally:
        await store.close()
    return f"{file}: {_amount(counts)}."


async def restore(env: Settings, file: Path) -> str:
    """Fill the empty database from `file`; returns one line on what is there now.

    Raises:
        SitrepError: it cannot be done; says what to do.
    """
    await asyncio.to_thread(make_folders, env)
    store = Store(env.database_url, SystemClock())
    try:
        counts = await backup.load(store, file)
    except DBAPIError as error:
        raise store_errors.explain(error) or error from error
    finally:
        await store.close()
    return f"Restored {_amount(counts)}. Timers that fell due meanwhile fire when `sitrep serve` starts."


def _amount(counts: backup.Counts) -> str:
    incidents = counts.get("incident", 0)
    return f"{incidents:,} incident{'s' * (incidents != 1)}, {sum(counts.values()):,} rows"
