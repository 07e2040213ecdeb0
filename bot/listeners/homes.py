"""Keeps open App Homes current: soon after something changed, and never more often than people can read."""

import asyncio

import structlog

from bot.listeners.background import Background
from incidents import homes, store, store_errors
from incidents.context import Context

SOON_SECONDS = 1.0  #: several changes that belong together become one drawing
EVERY_SECONDS = 10.0  #: a storm of changes must not spend on homes what pages need

log = structlog.get_logger(__name__)


class Homes:
    """Hears what changed and has the open homes drawn anew."""

    def __init__(self, ctx: Context, background: Background) -> None:
        self._ctx = ctx
        self._background = background
        self._planned: asyncio.TimerHandle | None = None
        self._drawn_at = 0.0  # the loop's time
        self._closed = False
        ctx.store.on_commit(self._hear)

    def close(self) -> None:
        """Draw nothing any more; the next change after a restart does."""
        self._closed = True  # others still commit while the process stops
        if self._planned is not None:
            self._planned.cancel()

    def _hear(self, topics: frozenset[str]) -> None:
        if store.VIEWS not in topics or self._planned is not None or self._closed:
            return
        loop = asyncio.get_running_loop()
        at = max(loop.time() + SOON_SECONDS, self._drawn_at + EVERY_SECONDS)
        self._planned = loop.call_at(at, self._begin)

    def _begin(self) -> None:
        self._planned = None
        self._drawn_at = asyncio.get_running_loop().time()
        self._background.start(self._draw())

    async def _draw(self) -> None:
        try:
            async with self._ctx.store.transaction() as tx:
                await homes.redraw(tx)
        except store_errors.TROUBLE as error:  # a locked or full database passes; so does a home that is a little old
            log.warning("homes_not_drawn", why=str(store_errors.explain(error)))
