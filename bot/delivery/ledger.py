"""Slack's limits kept by several replicas together: what each may still call stands in rows that they lock in turn.

How old a row is the database's clock tells: replicas' own differ, and one that was set back would refill nothing until
it is again as late as when the row was written. On SQLite one process delivers, and its own memory is enough.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects import postgresql
from sqlmodel import col, select

from bot.delivery.pace import Pace, Scope, limited_methods
from incidents import records, store

#: What was written further ahead than this was written before the database's clock was set back: no look waits so long
#: for its turn.
_AHEAD = timedelta(seconds=30)

_FORGOTTEN_AFTER = timedelta(minutes=10)  # every bucket is full again by then, and a missing row stands for a full one


class Ledger:
    """One look's view of the shared limits: `lock` what is asked about, `write` what was taken."""

    def __init__(self, tx: store.Tx, pace: Pace, now: float) -> None:
        self._tx = tx
        self._pace = pace
        self._now = now  # of the pace's clock, at the transaction's time
        self._at = tx.now  # of the database's clock, once rows were read
        self._rows: dict[Scope, tuple[records.Allowance, float]] = {}  # and what was left before this look

    async def lock(self, scopes: Iterable[Scope]) -> None:
        """Bring `scopes` up to date and keep others from changing them until the transaction ends."""
        wanted = {scope for scope in scopes if scope not in self._rows}
        if not wanted:
            return
        if not self._rows:
            # All methods at once and in one order, channels after them: replicas cannot wait for each other in a ring.
            await self._read({(method, "") for method in limited_methods()})
            wanted -= set(self._rows)
        for scope in sorted(wanted):
            await self._read({scope})

    async def _read(self, scopes: set[Scope]) -> None:
        keys = {_key(scope): scope for scope in scopes}
        found = await self._locked(keys)
        if missing := sorted(keys.keys() - {row.scope for row, _ in found}):
            full = [{"scope": key, "level": self._pace.size(keys[key]), "at": func.now()} for key in missing]
            await self._tx.session.execute(postgresql.insert(records.Allowance).values(full).on_conflict_do_nothing())
            found = await self._locked(keys)
        for row, now in found:
            scope = keys[row.scope]
            if row.at > now + _AHEAD:
                row.at = now
            age_seconds = max(0.0, (now - row.at).total_seconds())
            self._pace.set_level(scope, row.level, self._now - age_seconds)
            self._rows[scope] = (row, self._pace.level(scope, self._now))
            self._at = now

    async def _locked(self, keys: Iterable[str]) -> list[tuple[records.Allowance, datetime]]:
        """Return the rows of `keys`, locked, each with the time of this transaction by the database's clock."""
        found = await self._tx.session.execute(
            select(records.Allowance, func.now())
            .where(col(records.Allowance.scope).in_(keys))
            .order_by(col(records.Allowance.scope))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return [(row, now) for row, now in found.all()]

    def write(self) -> None:
        """Store what is left of what was taken from."""
        for scope, (row, before) in self._rows.items():
            left = self._pace.level(scope, self._now)
            if left < before:
                row.level, row.at = left, max(row.at, self._at)


async def tidy(tx: store.Tx) -> None:
    """Forget channels that nobody wrote to for a while."""
    quiet = col(records.Allowance.at) < func.now() - _FORGOTTEN_AFTER
    await tx.session.execute(delete(records.Allowance).where(quiet))


def _key(scope: Scope) -> str:
    return " ".join(scope).strip()
