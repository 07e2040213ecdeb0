"""Beside everything else: asks about files that changed under what goes on, and tidies up what nobody needs."""

import asyncio
import contextlib
from collections.abc import Awaitable

import structlog

from incidents import inbound, retention, store_errors
from incidents.context import Context
from incidents.response import drift, expiry

_EVERY_SECONDS = 3600.0
_BETWEEN_BATCHES_SECONDS = 1.0  # whoever responds now comes first; a year's backlog of 10,000 takes some minutes

log = structlog.get_logger(__name__)


async def keep(ctx: Context, stopping: asyncio.Event) -> None:
    """Ask and tidy up now and every hour until `stopping`; never cut off, for a transaction may be open.

    Files are read when Sitrep starts. With hundreds of responses it takes seconds to ask about them, and pages that are
    due wait for none of it: what goes on under its frozen copy is safe, and what was approved is compared at the act.
    """
    while not stopping.is_set():
        await _outlived(drift.ask(ctx))
        await _outlived(expiry.ask_anew_what_changed(ctx))
        await _outlived(once(ctx, stopping))
        await _rest(stopping, _EVERY_SECONDS)


async def _outlived(work: Awaitable[object]) -> None:
    """Let a fault of one piece of work hold up neither the next nor the hours to come."""
    try:
        await work
    except store_errors.TROUBLE as error:
        log.warning("housekeeping goes on in an hour", why=str(store_errors.explain(error)))
    except Exception:
        log.exception("housekeeping_failed")


async def once(ctx: Context, stopping: asyncio.Event, *, pause_seconds: float = _BETWEEN_BATCHES_SECONDS) -> None:
    """Tidy up, a small transaction at a time with a pause behind each."""
    async with ctx.store.transaction() as tx:
        await inbound.forget_old(tx)
    while not stopping.is_set():
        done = await retention.round_(ctx.store, ctx.settings.retention)
        if not done:
            return
        if done.let_go:
            log.info(
                "let go what the retention policy names",
                channels_archived=done.archived,
                incidents_stripped=done.stripped,
                incidents_forgotten=done.forgotten,
                deliveries=done.traffic,
                incidents_held=done.held,
            )
        await _rest(stopping, pause_seconds)


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
