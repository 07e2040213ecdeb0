"""Slack's limits kept by several replicas together: what each may still call stands in rows that they lock in turn.

On SQLite one process delivers, and its own memory is enough.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql
from sqlmodel import col, select

from bot.delivery.pace import Pace, Scope, limited_methods
from incidents import records, store

_FORGOTTEN_AFTER = timedelta(minutes=10)  # every bucket is full again by then, and a missing row stands for a full one


class Ledger:
    """One look's view of the shared limits: `lock` what is asked about, `write` what was taken."""

    def __init__(self, tx: store.Tx, pace: Pace, now: float) -> None:
        self._tx = tx
        self._pace = pace
        self._now = now  # of the pace's clock, at the transaction's time
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
        rows = await self._locked(keys)
        if missing := sorted(keys.keys() - {row.scope for row in rows}):
            full = [{"scope": key, "level": self._pace.size(keys[key]), "at": self._tx.now} for key in missing]
            await self._tx.session.execute(postgresql.insert(records.Allowance).on_conflict_do_nothing(), full)
            rows = await self._locked(keys)
        for row in rows:
            scope = keys[row.scope]
            age_seconds = max(0.0, (self._tx.now - row.at).total_seconds())
            self._pace.set_level(scope, row.level, self._now - age_seconds)
            self._rows[scope] = (row, self._pace.level(scope, self._now))

    async def _locked(self, keys: Iterable[str]) -> Sequence[records.Allowance]:
        found = await self._tx.session.scalars(
            select(records.Allowance)
            .where(col(records.Allowance.scope).in_(keys))
            .order_by(col(records.Allowance.scope))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found.all()

    def write(self) -> None:
        """Store what is left of what was taken from."""
        for scope, (row, before) in self._rows.items():
            left = self._pace.level(scope, self._now)
            if left < before:
                row.level, row.at = left, max(row.at, self._tx.now)


async def tidy(tx: store.Tx) -> None:
    """Forget channels that nobody wrote to for a while."""
    await tx.session.execute(delete(records.Allowance).where(col(records.Allowance.at) < tx.now - _FORGOTTEN_AFTER))


def _key(scope: Scope) -> str:
    return " ".join(scope).strip()
