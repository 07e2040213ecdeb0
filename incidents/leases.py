"""Leases of notices that are on their way, prolonged while they are."""

from collections.abc import Collection

from sqlalchemy import bindparam, tuple_, update
from sqlalchemy import select as columns

from incidents import records, sending, store
from incidents.records.columns import UtcDateTime

_TABLE = records.Outbox.metadata.tables["outbox"]
_STILL_OURS = (
    columns(_TABLE.c.id)
    .where(
        _TABLE.c.id.in_(bindparam("ids", expanding=True)),
        tuple_(_TABLE.c.id, _TABLE.c.attempts).in_(bindparam("begun", expanding=True)),
        _TABLE.c.state == "sending",
        _TABLE.c.owner == bindparam("its_owner"),
        _TABLE.c.lease_until >= bindparam("now", type_=UtcDateTime),
    )
    .with_for_update(skip_locked=True)
)
_RENEW = (
    update(_TABLE)
    .where(_TABLE.c.id.in_(_STILL_OURS))
    .values(lease_until=bindparam("until", type_=UtcDateTime))
    .returning(_TABLE.c.id)
)


async def renew(tx: store.Tx, owner: str, rows: Collection[records.Outbox]) -> set[int]:
    """Make rows of `owner` ours for another LEASE; returns the ids of those that were prolonged.

    A lease that has run out is not: whoever saw that may be telling people by another road, or taking the row over.
    What somebody else changes this moment is left out, so that nobody waits for it.
    """
    asked = {
        "ids": [row.number for row in rows],
        "begun": [(row.number, row.attempts) for row in rows],
        "its_owner": owner,
        "now": tx.now,
        "until": tx.now + sending.LEASE,
    }
    return set((await tx.session.execute(_RENEW, asked)).scalars())
