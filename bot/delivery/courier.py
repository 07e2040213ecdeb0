"""One notice's way: drawn, carried by its road, and what came of it stored."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import DBAPIError

from bot.delivery import lost_room, settling
from bot.delivery.outage import Outage
from bot.delivery.pace import Pace
from bot.delivery.roads import Road
from bot.delivery.trip import Draw, NoLongerWanted, Trip, Undelivered
from bot.delivery.web import Json
from bot.slack_errors import Refusal, Verdict
from bot.views.message import Message
from incidents import notices, sending, store, store_errors
from incidents.context import Context
from incidents.errors import SitrepError
from incidents.tools import redaction
from incidents.turns import Turn

TRIPS = Counter("sitrep_deliveries_total", "Notices sent, by what came of it.", ("road", "action", "outcome"))
LATENESS = Histogram(
    "sitrep_delivery_lateness_seconds",
    "How late notices left, from when they were due to the answer that took them.",
    ("lane",),
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
#: How long the edit of a card waits for people whose words are being stored: to draw it costs as much as fifty of them.
_LULL_SECONDS = 0.5
_MOST_SAID = 300  # characters of a reason in the log; a proxy may answer with a page

log = structlog.get_logger()


class Courier:
    """Carries the trips of one process; `wake_at` is told when something may go again (UTC)."""

    def __init__(
        self,
        ctx: Context,
        draw: Draw,
        roads: Mapping[notices.Road, Road],
        pace: Pace,
        outage: Outage,
        wake_at: Callable[[datetime], None],
    ) -> None:
        self._ctx = ctx
        self._drawing = draw
        self._roads = roads
        self._pace = pace
        self._outage = outage
        self._wake_at = wake_at
        self._easel = asyncio.Lock()

    async def deliver(self, trip: Trip) -> None:
        """Carry one trip to its end; whatever breaks is logged, and the row is looked for once its lease runs out."""
        row = trip.row
        outcome, end = "unsettled", None
        # The task's own context: whatever is logged on this trip says what it is about.
        incident = f"inc-{row.incident_id}" if row.incident_id else ""
        structlog.contextvars.bind_contextvars(incident=incident, key=row.key)
        try:
            end = await self._carry(trip)
            self._note_health(trip, end)
            # What is known is stored when the database is back: only who died leaves rows for the lease.
            outcome = await store_errors.outlast(lambda: self._settle(trip, end), trip.seconds_left)
        except Exception:  # the edge of a task: the row's lease runs out, and it is looked for
            log.exception("what came of a notice could not be stored")
            self._wake_at(self._ctx.clock.now())
        finally:
            TRIPS.labels(row.road, row.action, outcome).inc()
            late = max(0.0, (self._ctx.clock.now() - (row.due_at or row.created_at)).total_seconds())
            if outcome == "done":
                LATENESS.labels(notices.Lane(row.lane).name.lower()).observe(late)
            why = reason(end)
            told = {"why": why} if why else {}
            say = log.warning if why and outcome != "dropped" else log.info
            say("notice", road=row.road, action=row.action, outcome=outcome, late_seconds=round(late, 1), **told)

    async def _carry(self, trip: Trip) -> Json | Exception:
        if trip.nowhere:
            return Undelivered(Refusal(Verdict.REFUSED, "nowhere", trip.nowhere))
        if trip.row.action == notices.Action.EDIT and trip.row.lane >= notices.Lane.ROOM:
            # Nobody waits for it, and the later it is drawn, the more it says.
            await self._ctx.store.lull(_LULL_SECONDS)
        try:
            return await self._roads[notices.Road(trip.row.road)].carry(trip, lambda: self._draw(trip))
        except Undelivered as failure:
            return await self._outage.judged(failure, trip.row.key)
        except NoLongerWanted as end:
            return end
        except Exception as fault:  # the edge of a task: one bad row must not stop the others
            log.exception("a notice could not be made", surface=trip.row.surface)
            return fault

    async def _draw(self, trip: Trip) -> Message:
        # One at a time, as they were chosen: side by side all would be ready when the last is.
        async with self._easel, self._ctx.store.read() as session:
            if trip.row.surface == lost_room.SURFACE:
                return await lost_room.draw(session, trip.row)
            return await self._drawing(session, self._ctx, trip.row)

    async def _settle(self, trip: Trip, end: Json | Exception) -> str:
        """Store what came of a trip; what waited for it begins in the same transaction."""
        turn = Turn.FIRST if trip.row.lane <= notices.Lane.ROOM else Turn.USUAL
        async with self._ctx.store.transaction(turn=turn) as tx:
            return await self._store(tx, trip, end)

    async def _store(self, tx: store.Tx, trip: Trip, end: Json | Exception) -> str:
        match end:
            case Undelivered():
                again_at = await settling.failed(tx, trip, end, self._pace)
                if again_at is not None:
                    tx.then(lambda: self._wake_at(again_at))
                return end.refusal.verdict.value
            case NoLongerWanted():
                await sending.drop(tx, trip.row, str(end))
                return "dropped"
            case DBAPIError() | store_errors.NoConnectionFree():
                # It could not be drawn because the database went away, and that passes. Whether an earlier try took
                # effect is as open as it was: rows are read before the call, never after it.
                why = str(store_errors.explain(end))
                await settling.give_back(tx, trip, tx.now + settling.backoff(trip.row), why)
                return "undrawn"
            case Exception():
                await settling.give_up(tx, trip, f"Sitrep could not make this message: {type(end).__name__}.")
                return "fault"
            case _:
                return "done" if await settling.arrived(tx, trip, end) else "taken_over"

    def _note_health(self, trip: Trip, end: Json | Exception) -> None:
        if trip.row.road != notices.Road.SLACK or trip.nowhere:
            return
        if isinstance(end, Undelivered):
            self._outage.note(end)
        elif not isinstance(end, Exception):
            self._outage.note(None)


def reason(end: Json | Exception | None) -> str:
    """Return in one masked line of at most 300 characters why a trip ended as `end`; empty where it arrived."""
    if not isinstance(end, Exception):
        return ""
    cause = store_errors.explain(end) or end
    is_plain = isinstance(cause, SitrepError | Undelivered | NoLongerWanted)
    said = str(cause) if is_plain else f"{type(end).__name__}: {end}"
    return " ".join(redaction.redact(said).split())[:_MOST_SAID]
