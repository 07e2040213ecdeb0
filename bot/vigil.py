"""Watching whether notices leave in time, and telling operators when they do not."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from escalation import operators
from incidents import durations, punctuality, records, store_errors
from incidents.context import Context
from incidents.notices import Road

EVERY_SECONDS = 5.0
_OVER = 0.5  # share of what counts as late below which a spell is over; at the limit itself it would begin anew
_QUIET = timedelta(seconds=30)  # by then every replica has asked Slack anew, see bot.delivery.outage

log = structlog.get_logger(__name__)


class Vigil:
    """Watches one installation; replicas watch the same rows, and one of them tells."""

    def __init__(self, ctx: Context, roads: Collection[Road], cause: Callable[[], str]) -> None:
        self._ctx = ctx
        self._roads = roads
        self._cause = cause  #: why Slack cannot be reached now, or an empty string
        self._away_since: datetime | None = None
        self._clear_since: datetime | None = None  #: in a spell: since when nothing is wrong in this process's eyes

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
        cause = self._cause()
        async with store.read() as session:
            found = await punctuality.measure(session, self._ctx.clock)
            spell = await session.get(records.Spell, operators.LATE)
            why = found.trouble(late_after) or await self._absence(session, cause)
            clear = not cause and not found.trouble(late_after, share=_OVER)
            over = await self._is_over(session, spell if clear else None)
        if why and spell is None:
            async with store.transaction() as tx:
                begun = await operators.begin(tx, self._ctx.settings, why=why, cause=cause, roads=self._roads)
            if begun:
                log.error("notices leave late", why=why, cause=cause)
        elif over:
            async with store.transaction() as tx:
                ended = await operators.end(tx, self._ctx.settings)
            if ended:
                log.info("notices leave in time again")

    async def _absence(self, session: AsyncSession, cause: str) -> str:
        """Return for how long Slack has taken nothing, once a page would be late and something waits, as a sentence.

        The page itself need not be late: by then another road took it. And Slack takes what another replica sends,
        where it is this one alone that does not reach it.
        """
        now, patience = self._ctx.clock.now(), self._ctx.settings.late_after.page
        self._away_since = (self._away_since or now) if cause else None
        if self._away_since is None or now - self._away_since <= patience:
            return ""
        waits = await punctuality.waits_for_slack(session, self._ctx.clock)
        if waits is None or waits <= patience:
            return ""
        away = now - (await punctuality.taken_by_slack(session, self._away_since) or self._away_since)
        return f"Slack has taken nothing for {durations.spoken(away)}." if away > patience else ""

    async def _is_over(self, session: AsyncSession, clear: records.Spell | None) -> bool:
        """Tell whether a spell in which nothing is wrong any more is over, by the rows: replicas know unlike troubles.

        While Slack is away the late page goes by another road, and the next one is late again: one spell, not many. So
        Slack has to take something first; the line on the spell itself waits for it. Where nothing waits, a quiet time
        will do: whoever began the spell may be gone.
        """
        now = self._ctx.clock.now()
        self._clear_since = (self._clear_since or now) if clear else None
        if clear is None or self._clear_since is None:
            return False
        if await punctuality.taken_by_slack(session, clear.began_at) is not None:
            return True
        quiet = now - self._clear_since >= _QUIET
        return quiet and await punctuality.waits_for_slack(session, self._ctx.clock) is None
