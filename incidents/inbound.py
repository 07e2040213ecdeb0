"""Payloads that were taken in: a retry or a redelivery finds its key and changes nothing."""

from incidents import records, store


async def first_time(tx: store.Tx, key: str) -> bool:
    """Take `key` in with the open transaction; returns False when it was taken in before."""
    if await tx.session.get(records.Inbound, key) is not None:
        return False
    tx.session.add(records.Inbound(key=key, at=tx.now))
    await tx.session.flush()
    return True
