"""The deliverer: wakes when rows are due, sends them side by side, stores what came of them."""

import asyncio
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

import structlog
from prometheus_client import Gauge
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery import ledger, returning
from bot.delivery.choosing import Choice, Chooser
from bot.delivery.courier import Courier
from bot.delivery.lookout import Lookout
from bot.delivery.messages import Messages
from bot.delivery.outage import Outage
from bot.delivery.pace import Pace
from bot.delivery.papers import Papers
from bot.delivery.renewal import Renewal
from bot.delivery.roads import Road, SlackRoad
from bot.delivery.rooms import Rooms
from bot.delivery.trip import Draw, Trip
from bot.delivery.web import Web
from escalation.fallback import Fallback
from incidents import notices, outbox_queries, store, store_errors
from incidents.context import Context
from incidents.service import queries

SWEEP_SECONDS = 1.0  #: how often rows are looked for that no commit of this process announced
_SWEEPS = 5  # after so many, all rows are looked at: one may lie there that another, lost process put in
_TIDY_SECONDS = 600.0
_RESTS = 4  # times as long as a look has taken, before the next: in an outage each letter that arrives wakes us
_LONGEST_REST_SECONDS = 0.5  # well within one turn of the fall-back
_LATE_SECONDS = 0.005  # an alarm that rang a moment early would find nothing due
_DRAIN_SECONDS = 12.0  # longer than the slowest answer that is waited for (10 s)

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
        limits: Pace | None = None,
    ) -> None:
        self._ctx = ctx
        self._web = Web(client)
        lookout = Lookout(self._web)
        slack = SlackRoad(Messages(self._web, lookout), Rooms(self._web, self._is_taken), Papers(self._web, lookout))
        self._roads: dict[notices.Road, Road] = {notices.Road.SLACK: slack, **(others or {})}
        self._pace = limits or Pace()
        ours = owner or f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self._chooser = Chooser(ours, self._roads, self._pace, slack.calls, shared=ctx.store.supports_skip_locked)
        self._tidied_at = 0.0
        self._woken = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], Trip] = {}
        self._chosen: set[asyncio.Future[None]] = set()  # in transactions of others, each until its own is over
        self._running: asyncio.Task[None] | None = None
        self._stopping = False
        self._stopped = False
        self._rung = False  # the alarm woke us, not a commit
        self._full: set[notices.Road] = set()  # rows may wait for room there
        self._behind = False  # more rows wait than one look takes in; a decision must not wait for such looks
        self._outage = Outage(self._web)
        self._courier = Courier(ctx, draw, self._roads, self._pace, self._outage, self._wake_at)
        self._sorted_out = False  # until then nothing sets off: it could be what a newer one says
        self._asking: asyncio.Task[None] | None = None
        self._renewal = Renewal(ctx.store, ours, self._under_way.values)
        self._renewing: asyncio.Task[None] | None = None
        self._over = asyncio.Event()  # nothing is under way any more
        self._fallback = Fallback(ctx, frozenset(self._roads))
        self._rest_seconds = 0.0  # until the next look

    @property
    def trouble(self) -> str:
        """Return why notices do not reach Slack now, or an empty string."""
        return self._outage.trouble

    def start(self) -> None:
        """Begin to deliver; rows left by an earlier process are found at once."""
        self._ctx.store.before_commit(self._begin)
        self._ctx.store.on_commit(self._hear)
        self._running = asyncio.create_task(self._run(), name="deliverer")
        self._renewing = asyncio.create_task(self._renewal.keep(self._over), name="renew leases")

    async def stop(self) -> None:
        """Begin nothing more and wait for what is under way; what takes too long is looked for by the next process."""
        self._stopping = True
        self._woken.set()
        if self._running is not None:
            await self._running
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        until = time.monotonic() + _DRAIN_SECONDS
        # Again and again: what a transaction chose before we stopped sets off when it commits.
        while (waited_for := [*self._chosen, *self._under_way]) and (left := until - time.monotonic()) > 0:
            await asyncio.wait(waited_for, timeout=left)
        self._stopped = True
        late = list(self._under_way)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._over.set()
        if self._renewing is not None:
            await self._renewing

    async def _is_taken(self, channel: str) -> bool:
        async with self._ctx.store.read() as session:
            return await queries.in_channel(session, channel) is not None

    def _hear(self, topics: frozenset[str]) -> None:
        if store.OUTBOX in topics:
            self._woken.set()

    def _must_look(self) -> bool:
        """Return whether the fall-back looks before each choice; transactions of others do not wait for that."""
        return self._outage.lasts or self._fallback.needed

    async def _begin(self, tx: store.Tx) -> None:
        """Begin what a decision puts on its way inside its own transaction: one of delivery's own would come later."""
        if store.OUTBOX not in tx.wakes or self._stopping or self._behind:
            return
        if not self._sorted_out or self._must_look():
            return
        self._wait_for(tx)
        await tx.session.flush()  # a fault of the decision's own is not ours to catch
        try:
            async with tx.session.begin_nested():
                choice = None if self._must_look() else await self._choose(tx)  # it may have come to that
        except Exception:  # a fault of delivery must not undo somebody's decision
            log.exception("what was decided could not be begun at once")
            return
        if choice is None:
            return
        tx.wakes.discard(store.OUTBOX)  # what woke it has just been looked at
        tx.then(lambda: self._set_off(choice))

    def _wait_for(self, tx: store.Tx) -> None:
        over = asyncio.get_running_loop().create_future()
        self._chosen.add(over)

        def ended() -> None:
            self._chosen.discard(over)
            over.set_result(None)

        tx.once_over(ended)

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            self._ask()
            try:
                if not self._sorted_out:  # a former process may have left what went stale
                    await self._sort_out()
                    self._sorted_out = True
                choice = await self._go()
                if not choice.more:
                    await self._sleep(choice.at)
            except store_errors.TROUBLE as error:  # a locked or full database passes
                log.warning("the outbox cannot be worked on; trying again", why=str(store_errors.explain(error)))
                await asyncio.sleep(SWEEP_SECONDS)
            except Exception:  # the edge of the process
                log.exception("the outbox could not be worked on; trying again")
                await asyncio.sleep(SWEEP_SECONDS)

    async def _tidy(self) -> None:
        """Forget what replicas share about channels that are quiet."""
        if self._ctx.store.supports_skip_locked and time.monotonic() - self._tidied_at > _TIDY_SECONDS:
            self._tidied_at = time.monotonic()
            async with self._ctx.store.transaction() as tx:
                await ledger.tidy(tx)

    async def _go(self) -> Choice:
        """Send what may go now."""
        await self._tidy()
        if self._rest_seconds:
            await asyncio.sleep(self._rest_seconds)
        async with self._ctx.store.transaction() as tx:
            began = time.monotonic()
            await self._fallback.look(tx, away=self._outage.lasts)
            spent = time.monotonic() - began
            self._rest_seconds = min(_LONGEST_REST_SECONDS, _RESTS * spent) if self._must_look() else 0.0
            if self._must_look():
                tx.wakes.discard(store.OUTBOX)  # what the look put is chosen from now
            choice = await self._choose(tx)
        self._set_off(choice)
        return choice

    async def _choose(self, tx: store.Tx) -> Choice:
        if self._stopping:
            return Choice(tx.now)
        shut = frozenset({notices.Road.SLACK}) if self._outage.lasts else frozenset()
        return await self._chooser.choose(tx, under_way=self._under_way.values(), shut=shut)

    def _set_off(self, choice: Choice) -> None:
        if self._stopped:  # whoever comes next finds them once their leases run out
            log.warning("stopped before these notices set off", notices=[trip.row.key for trip in choice.trips])
            return
        for trip in choice.trips:
            task = asyncio.create_task(self._courier.deliver(trip), name=f"deliver {trip.row.key}")
            self._under_way[task] = trip
            task.add_done_callback(self._ended)
        UNDER_WAY.set(len(self._under_way))
        self._full = choice.full
        self._behind = choice.crowded or choice.more
        if choice.more:
            self._woken.set()
        if choice.postponed_to is not None:
            self._wake_at(choice.postponed_to)

    def _ended(self, task: asyncio.Task[None]) -> None:
        trip = self._under_way.pop(task)
        UNDER_WAY.set(len(self._under_way))
        if notices.Road(trip.row.road) in self._full:
            self._woken.set()

    def _wake_at(self, at: datetime) -> None:
        wait_seconds = (at - self._ctx.clock.now()).total_seconds()
        asyncio.get_running_loop().call_later(max(0.0, wait_seconds) + _LATE_SECONDS, self._woken.set)

    async def _sleep(self, looked_at: datetime) -> None:
        """Wait until a commit wakes us, or a row is due that was not due at `looked_at` (UTC)."""
        loop = asyncio.get_running_loop()
        for _ in range(_SWEEPS):
            async with self._ctx.store.read() as session:
                due = await outbox_queries.next_due(session, after=looked_at)
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
            self._ask()

    def _ring(self) -> None:
        self._rung = True
        self._woken.set()

    def _ask(self) -> None:
        """Ask Slack beside everything else whether it is back: other roads go on meanwhile."""
        if self._outage.may_be_asked and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask_slack(), name="ask Slack")

    async def _ask_slack(self) -> None:
        try:
            if await self._outage.answers():
                await self._sort_out()
                self._outage.end()
                self._woken.set()
        except Exception:  # the edge of a task: it is asked again
            log.exception("could not go on although Slack is back; trying again")

    async def _sort_out(self) -> None:
        count = await returning.sort_out(self._ctx.store)
        await returning.hasten(self._ctx.store)
        if count:
            log.info("left out what a newer notice says", notices=count)
