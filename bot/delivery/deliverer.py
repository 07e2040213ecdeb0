"""The deliverer: wakes when rows are due, sends them side by side, stores what came of them."""

import asyncio
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

import structlog
from prometheus_client import Counter, Gauge
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.exc import DBAPIError

from bot.delivery import lost_room, settling
from bot.delivery.choosing import Choice, Chooser
from bot.delivery.lookout import Lookout
from bot.delivery.messages import Messages
from bot.delivery.pace import Pace
from bot.delivery.papers import Papers
from bot.delivery.roads import Road, SlackRoad
from bot.delivery.rooms import Rooms
from bot.delivery.trip import Draw, NoLongerWanted, Trip, Undelivered
from bot.delivery.web import Json, Web
from bot.slack_errors import Refusal, Verdict
from bot.views.message import Message
from incidents import notices, outbox, store, store_errors
from incidents.context import Context
from incidents.service import queries

SWEEP_SECONDS = 1.0  #: how often rows are looked for that no commit of this process announced
_SWEEPS = 5  # after so many, all rows are looked at: one may lie there that another, lost process put in
_PROBE_SECONDS = 15.0  # how often a token that was refused is tried again
_DRAIN_SECONDS = 12.0  # longer than the slowest answer that is waited for (10 s)

TRIPS = Counter("sitrep_deliveries_total", "Notices sent, by what came of it.", ("road", "action", "outcome"))
UNDER_WAY = Gauge("sitrep_deliveries_under_way", "Notices being sent now.")

log = structlog.get_logger()


class Deliverer:
    """Delivers the outbox of one process; several processes share the rows by their leases."""

    def __init__(
        self,
        ctx: Context,
        client: AsyncWebClient,
        draw: Draw,
        *,
        others: Mapping[notices.Road, Road] | None = None,
        owner: str = "",
    ) -> None:
        self._ctx = ctx
        self._drawing = draw
        self._web = Web(client)
        lookout = Lookout(self._web)
        slack = SlackRoad(Messages(self._web, lookout), Rooms(self._web, self._is_taken), Papers(self._web, lookout))
        self._roads: dict[notices.Road, Road] = {notices.Road.SLACK: slack, **(others or {})}
        self._pace = Pace()
        self._chooser = Chooser(owner or f"{socket.gethostname()}-{uuid4().hex[:8]}", self._roads, self._pace)
        self._woken = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._rung = False  # the alarm woke us, not a commit
        self._shut_out: Refusal | None = None
        self._unreachable: Refusal | None = None
        self._probe_at = 0.0

    @property
    def trouble(self) -> str:
        """Return why notices do not reach Slack now, or an empty string."""
        refusal = self._shut_out or self._unreachable
        return str(refusal) if refusal else ""

    def start(self) -> None:
        """Begin to deliver; rows left by an earlier process are found at once."""
        self._ctx.store.on_commit(self._hear)
        self._running = asyncio.create_task(self._run(), name="deliverer")

    async def stop(self) -> None:
        """Begin nothing more and wait for what is under way; what takes too long is looked for by the next process."""
        self._stopping = True
        self._woken.set()
        if self._running is not None:
            await self._running
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _is_taken(self, channel: str) -> bool:
        async with self._ctx.store.read() as session:
            return await queries.in_channel(session, channel) is not None

    def _hear(self, topics: frozenset[str]) -> None:
        if store.OUTBOX in topics:
            self._woken.set()

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                choice = await self._go()
                if not choice.more:
                    await self._sleep(choice.at)
            except DBAPIError as error:  # a locked or full database passes
                log.warning("the outbox cannot be worked on; trying again", why=str(store_errors.explain(error)))
                await asyncio.sleep(SWEEP_SECONDS)
            except Exception:  # the edge of the process
                log.exception("the outbox could not be worked on; trying again")
                await asyncio.sleep(SWEEP_SECONDS)

    async def _go(self) -> Choice:
        """Send what may go now."""
        async with self._ctx.store.transaction() as tx:
            choice = await self._choose(tx, in_flight=len(self._under_way))
        self._set_off(choice)
        return choice

    async def _choose(self, tx: store.Tx, *, in_flight: int) -> Choice:
        shut = frozenset({notices.Road.SLACK}) if self._shut_out else frozenset()
        choice = await self._chooser.choose(tx, in_flight=in_flight, shut=shut)
        for trip, reason in choice.nowhere:
            await settling.give_up(tx, trip, reason)
        return choice

    def _set_off(self, choice: Choice) -> None:
        for trip in choice.trips:
            task = asyncio.create_task(self._deliver(trip), name=f"deliver {trip.row.key}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        UNDER_WAY.set(len(self._under_way))
        if choice.more:
            self._woken.set()

    async def _sleep(self, looked_at: datetime) -> None:
        """Wait until a commit wakes us, or a row is due that was not due at `looked_at` (UTC)."""
        loop = asyncio.get_running_loop()
        for _ in range(_SWEEPS):
            async with self._ctx.store.read() as session:
                due = await outbox.next_due(session, after=looked_at)
            wait_seconds = SWEEP_SECONDS
            if due is not None:
                wait_seconds = min(wait_seconds, (due - self._ctx.clock.now()).total_seconds())
            if self._stopping or wait_seconds <= 0:
                return
            rung = loop.call_later(wait_seconds, self._ring)
            await self._woken.wait()
            rung.cancel()
            if not self._rung:
                return
            self._rung = False
            self._woken.clear()
            await self._probe()

    def _ring(self) -> None:
        self._rung = True
        self._woken.set()

    async def _deliver(self, trip: Trip) -> None:
        row = trip.row
        outcome = "unsettled"
        try:
            outcome = await self._settle(trip, await self._carry(trip))
        except Exception:  # the edge of a task: the row's lease runs out, and it is looked for
            log.exception("what came of a notice could not be stored", key=row.key)
            self._woken.set()
        finally:
            TRIPS.labels(row.road, row.action, outcome).inc()

    async def _carry(self, trip: Trip) -> Json | Exception:
        try:
            return await self._roads[notices.Road(trip.row.road)].carry(trip, lambda: self._draw(trip))
        except (Undelivered, NoLongerWanted) as end:
            return end
        except Exception as fault:  # the edge of a task: one bad row must not stop the others
            log.exception("a notice could not be made", key=trip.row.key, surface=trip.row.surface)
            return fault

    async def _draw(self, trip: Trip) -> Message:
        async with self._ctx.store.read() as session:
            if trip.row.surface == lost_room.SURFACE:
                return await lost_room.draw(session, trip.row)
            return await self._drawing(session, self._ctx, trip.row)

    async def _settle(self, trip: Trip, end: Json | Exception) -> str:
        """Store what came of a trip and begin what waited for it, in one transaction: a channel is usable sooner."""
        self._note_health(trip, end)
        choice: Choice | None = None
        async with self._ctx.store.transaction() as tx:
            outcome = await self._store(tx, trip, end)
            if not self._stopping:
                choice = await self._choose(tx, in_flight=len(self._under_way) - 1)
                tx.wakes.discard(store.OUTBOX)  # what woke it has just been looked at
        if choice is not None:
            self._set_off(choice)
        return outcome

    async def _store(self, tx: store.Tx, trip: Trip, end: Json | Exception) -> str:
        match end:
            case Undelivered():
                await settling.failed(tx, trip, end, self._pace)
                return end.refusal.verdict.value
            case NoLongerWanted():
                await outbox.drop(tx, trip.row, str(end))
                return "dropped"
            case Exception():
                await settling.give_up(tx, trip, f"Sitrep could not make this message: {type(end).__name__}.")
                return "fault"
            case _:
                await settling.arrived(tx, trip, end)
                return "done"

    def _note_health(self, trip: Trip, end: Json | Exception) -> None:
        if trip.row.road != notices.Road.SLACK:
            return
        refusal = end.refusal if isinstance(end, Undelivered) else None
        if refusal is not None and refusal.verdict is Verdict.SHUT_OUT:
            if self._shut_out is None:
                log.error("nothing can be sent to Slack", why=str(refusal))
            self._shut_out, self._probe_at = refusal, time.monotonic() + _PROBE_SECONDS
        self._unreachable = refusal if refusal is not None and refusal.error == "unreachable" else None

    async def _probe(self) -> None:
        if self._shut_out is None or time.monotonic() < self._probe_at:
            return
        self._probe_at = time.monotonic() + _PROBE_SECONDS
        try:
            await self._web.read("auth.test")
        except Undelivered as failure:
            log.warning("still nothing can be sent to Slack", why=str(failure))
            return
        log.info("Slack accepts the token again")
        self._shut_out = None
        self._woken.set()
