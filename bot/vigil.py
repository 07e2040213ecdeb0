"""Watching whether notices leave in time, and telling operators when they do not."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from datetime import datetime

import structlog

from escalation import operators
from incidents import durations, punctuality, records, store_errors
from incidents.context import Context
from incidents.notices import Road

EVERY_SECONDS = 5.0
_OVER = 0.5  # share of what counts as late below which a spell is over; at the limit itself it would begin anew

log = structlog.get_logger(__name__)


class Vigil:
    """Watches one installation; replicas watch the same rows, and one of them tells."""

    def __init__(self, ctx: Context, roads: Collection[Road], cause: Callable[[], str]) -> None:
        self._ctx = ctx
        self._roads = roads
        self._cause = cause  #: why Slack cannot be reached now, or an empty string
        self._away_since: datetime | None = None

    async def keep(self, stopping: asyncio.Event) -> None:
        """Look every few seconds until `stopping`; never cut off, for a transaction may be open."""
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), EVERY_SECONDS)
            try:
                await self.look()
            except store_errors.TROUBLE as error:
                log.warning("cannot see whether notices leave in time", why=str(store_errors.explain(error)))

    async def look(self) -> None:
        """Look once: a spell of lateness begins, lasts, or ends."""
        store, late_after = self._ctx.store, self._ctx.settings.late_after
        async with store.read() as session:
            found = await punctuality.measure(session, self._ctx.clock)
            lasts = await session.get(records.Spell, operators.LATE) is not None
        cause = self._cause()
        why = found.trouble(late_after) or self._absence(cause, found)
        if why and not lasts:
            async with store.transaction() as tx:
                begun = await operators.begin(tx, self._ctx.settings, why=why, cause=cause, roads=self._roads)
            if begun:
                log.error("notices leave late", why=why, cause=cause)
        # While Slack is away the late page goes by another road, and the next one is late again: one spell, not many.
        elif lasts and not cause and not found.trouble(late_after, share=_OVER):
            async with store.transaction() as tx:
                ended = await operators.end(tx, self._ctx.settings)
            if ended:
                log.info("notices leave in time again")

    def _absence(self, cause: str, found: punctuality.Punctuality) -> str:
        """Return for how long Slack has been away, once a page would be late and while something waits, as a sentence.

        The page itself need not be late: by then another road took it.
        """
        if not cause:
            self._away_since = None
            return ""
        now = self._ctx.clock.now()
        self._away_since = self._away_since or now
        away = now - self._away_since
        if away <= self._ctx.settings.late_after.page or not found.waiting:
            return ""
        return f"Slack has taken nothing for {durations.spoken(away)}."
