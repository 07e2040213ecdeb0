"""Payloads that were taken in: a retry or a redelivery finds its key and changes nothing."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from incidents import records, store

#: Slack's last retry comes after five minutes, and a socket's redelivery within seconds; a day is ample.
KEPT = timedelta(days=1)

_TABLE = records.Inbound.metadata.tables["inbound"]
# Two replicas may be given the same payload at once: the second insert waits for the first and then does nothing.
# Asked for what was written: how many rows an insert wrote is not known on PostgreSQL. Built once: every payload asks.
_TAKING = {
    dialect: insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.key)
    for dialect, insert in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


async def first_time(tx: store.Tx, *keys: str) -> bool:
    """Take `keys` in with the open transaction; returns False when one of them was taken in before."""
    taking: Sequence[dict[str, object]] = [{"key": key, "at": tx.now} for key in keys]
    new = (await tx.session.scalars(_TAKING[tx.session.get_bind().dialect.name], taking)).all()
    return len(new) == len(keys)


async def was_taken_in(session: AsyncSession, key: str) -> bool:
    """Return whether `key` was taken in by a transaction that has committed."""
    return await session.get(records.Inbound, key) is not None


async def forget_old(tx: store.Tx) -> int:
    """Delete the keys that no retry can bring any more; returns how many there were."""
    gone = await tx.session.execute(delete(records.Inbound).where(col(records.Inbound.at) < tx.now - KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]
