"""`sitrep export`: one incident whole, for archives and for other programs."""

import json

from sqlalchemy.exc import DBAPIError

from bot.settings import Settings
from incidents import export, migrations, store_errors
from incidents.clock import SystemClock
from incidents.errors import SitrepError
from incidents.service import queries
from incidents.store import Store


async def run(env: Settings, word: str) -> str:
    """Return the incident called `word` as JSON.

    Raises:
        SitrepError: there is none, or the database cannot be read.
    """
    store = Store(env.database_url, SystemClock())
    try:
        async with store.read() as session:
            connection = await session.connection()
            if not await connection.run_sync(migrations.stamped):
                raise SitrepError(
                    "The database has no incidents: Sitrep has never run on it.",
                    remedy="Set DATABASE_URL or SITREP_DATA to those of `sitrep serve`.",
                )
            incident = await queries.by_key(session, word)
            return json.dumps(await export.whole(session, incident), indent=2, ensure_ascii=False)
    except DBAPIError as error:
        raise store_errors.explain(error) or error from error
    finally:
        await store.close()
