"""Looking for what an earlier try may have done, before it is tried again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from bot.delivery.trip import Place, Trip, Undelivered
from bot.delivery.web import Json, Web
from bot.slack_errors import Verdict

EVENT_TYPE = "sitrep_notice"  #: of the metadata that every message carries; its payload is the row's key

_MARGIN = timedelta(minutes=2)  # how far Slack's clock and ours may be apart
_PAGE = 200  # https://docs.slack.dev/reference/methods/conversations.history recommends no more
_PAGES = 25  # 5,000 messages since the first try: beyond this, the channel is not ours alone

T = TypeVar("T")

log = structlog.get_logger()


@dataclass
class _Look:
    began_at: float
    oldest: datetime
    messages: list[Json] | None = None  #: None where Slack refuses to show them


class Lookout:
    """Reads a channel's messages, once for all trips that were begun before the look."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._looks: dict[tuple[str, str], _Look] = {}
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}

    async def message(self, trip: Trip, place: Place) -> Json | None:
        """Return the message that an earlier try of `trip` posted to `place`, or None.

        Raises:
            Undelivered: it could not be looked for; whether it was posted stays unclear.
        """
        for message in await self.since(trip, place):
            metadata = message.get("metadata") or {}
            if (
                metadata.get("event_type") == EVENT_TYPE
                and metadata.get("event_payload", {}).get("key") == trip.row.key
            ):
                return message
        return None

    async def since(self, trip: Trip, place: Place) -> list[Json]:
        """Return the messages at `place` since `trip` was first tried; none where Slack refuses to show them.

        Raises:
            Undelivered: they could not be read.
        """
        where = (place.channel, place.thread_ts)
        oldest = (trip.row.first_tried_at or trip.row.created_at) - _MARGIN
        async with self._turns.setdefault(where, asyncio.Lock()):
            look = self._looks.get(where)
            if look is None or look.began_at <= trip.began_at or look.oldest > oldest:
                look = _Look(time.monotonic(), oldest)
                look.messages = await looked(trip, self._read(where, oldest), otherwise=None)
                self._looks = {where: look}
            if look.messages is None:
                return []
            trip.unclear = False  # also where another trip's look shows it
            return look.messages

    async def _read(self, where: tuple[str, str], oldest: datetime) -> list[Json]:
        channel, thread_ts = where
        method = "conversations.replies" if thread_ts else "conversations.history"
        arguments: Json = {"channel": channel, "oldest": f"{oldest.timestamp():.6f}", "include_all_metadata": True}
        if thread_ts:
            arguments["ts"] = thread_ts
        return [message async for message in pages(self._web, method, "messages", **arguments)]


async def pages(web: Web, method: str, name: str, **arguments: object) -> AsyncIterator[Json]:
    """Yield what stands under `name` in every page of a method's answer."""
    cursor = ""
    for _ in range(_PAGES):
        answer = await web.read(method, limit=_PAGE, **({"cursor": cursor} if cursor else {}), **arguments)
        for item in answer.get(name) or ():
            yield item
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return
    log.warning("there is more than was looked through", method=method, pages=_PAGES)


async def looked(trip: Trip, looking: Awaitable[T], *, otherwise: T) -> T:
    """Return what `looking` finds; where Slack refuses to show it, `otherwise`: twice is better than never.

    What was found, or not found, ends the doubt of `trip`. A refusal does not: what is then tried may fail, too.

    Raises:
        Undelivered: it could not be looked for now; whether an earlier try took effect stays unclear.
    """
    try:
        found = await looking
    except Undelivered as failure:
        if failure.refusal.verdict is not Verdict.REFUSED:
            raise
        log.warning("could not look for an earlier try", method=failure.method, error=str(failure.refusal))
        return otherwise
    trip.unclear = False
    return found
