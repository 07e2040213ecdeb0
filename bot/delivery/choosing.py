"""The transaction before the calls: which rows go now, checked on the rows as they are."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.delivery import holding, pace, places
from bot.delivery.ledger import Ledger
from bot.delivery.trip import Place, Trip
from incidents import outbox_queries, records, sending, store
from incidents.notices import Action, Lane, Road
from incidents.steadiness import Steadiness

LOOKED_AT = 60  # rows read at once; more than can be in flight, so that a busy channel hides no other

#: Calls of Slack at once: aiohttp and Slack take more, SQLite's single writer does not settle them faster. How many of
#: them each lane may use: what is urgent always finds room.
_ROOM_AT_SLACK = {Lane.PAGE: 24, Lane.DECISION: 22, Lane.ROOM: 20, Lane.STATUS: 16, Lane.CHATTER: 10}
#: On each other road, which leads to one server as a rule: it may take a second for each, or hang with all.
_ROOM_ELSEWHERE = {Lane.PAGE: 8, Lane.DECISION: 7, Lane.ROOM: 6, Lane.STATUS: 6, Lane.CHATTER: 6}

#: What an earlier try has posted can be looked for, so that people see how it ended, though it is no longer sent.
FOUND_AGAIN = frozenset({Action.POST.value, Action.DIRECT.value})


@dataclass
class Choice:
    """What was decided about the rows that were due."""

    at: datetime  #: the transaction's time (UTC)
    trips: list[Trip] = field(default_factory=list)
    more: bool = False  #: further rows may be due; look again at once
    full: set[Road] = field(default_factory=set)  #: on these there is no room for what may be due: what ends makes some
    crowded: bool = False  #: rows were read for which there was no room
    postponed_to: datetime | None = None  #: when the first of those may go that were put off (UTC)

    def put_off(self, until: datetime | None) -> None:
        """Note that a row may go at `until` (UTC); None where it is not time that it waits for."""
        if until is not None:
            self.postponed_to = min(until, self.postponed_to or until)


class Chooser:
    """Chooses what goes."""

    def __init__(
        self,
        owner: str,
        roads: Collection[Road],
        limits: pace.Pace,
        calls: Callable[[Action, Place], tuple[str, ...]],
        *,
        shared: bool,
    ) -> None:
        self._owner = owner
        self._roads = roads
        self._pace = limits
        self._calls = calls
        self._steadiness = Steadiness(sending.LEASE)
        self._shared = shared  # other replicas call Slack too

    async def choose(self, tx: store.Tx, *, under_way: Collection[Trip], shut: frozenset[Road]) -> Choice:
        """Begin the rows that go now; postpone, leave out or let wait the others that were due."""
        ledger = Ledger(tx, self._pace, time.monotonic()) if self._shared else None
        choice = await self._choose(tx, ledger, under_way=under_way, shut=shut)
        if ledger is not None:
            ledger.write()
        return choice

    async def _choose(
        self, tx: store.Tx, ledger: Ledger | None, *, under_way: Collection[Trip], shut: frozenset[Road]
    ) -> Choice:
        choice = Choice(tx.now)
        states = sending.MAY_GO if self._steadiness.lasts(tx.now) else ("pending",)
        busy = [trip.row.number for trip in under_way]
        in_flight = Counter(Road(trip.row.road) for trip in under_way)
        choice.full |= {road for road in Road if in_flight[road] >= _room(road, Lane.PAGE)}
        queue: Counter[pace.Scope] = Counter()
        # Again without a road that turned out to be full: its rows must not hide those of the others.
        while (roads := frozenset(Road) - shut - choice.full) & set(self._roads):
            rows = await sending.candidates(tx, LOOKED_AT, roads=roads, busy=busy, states=states)
            for row in rows:
                road = Road(row.road)
                if road in choice.full or in_flight[road] >= _room(road, Lane(row.lane)):
                    choice.full.add(road)  # the road's rows behind it are no more urgent
                    choice.crowded = True
                elif trip := await self._consider(tx, ledger, row, choice, queue):
                    choice.trips.append(trip)
                    in_flight[road] += 1
            if not rows.more:
                break
            if not roads & choice.full:
                choice.more = True
                break
        return choice

    async def _consider(
        self, tx: store.Tx, ledger: Ledger | None, row: records.Outbox, choice: Choice, queue: "Counter[pace.Scope]"
    ) -> Trip | None:
        """Begin a row for which there is room, or postpone it, leave it out, let it wait."""
        incident = await tx.session.get(records.Incident, row.incident_id) if row.incident_id else None
        reason = await holding.why_not(tx.session, row, incident, tx.now)
        if reason and not (row.first_tried_at and row.action in FOUND_AGAIN):
            tried = "; an earlier try may have arrived" if row.first_tried_at else ""
            await sending.leave_out(tx, row, reason + tried)
            return None
        place = await self._place(tx, row, incident)
        if isinstance(place, places.NotYet):
            choice.put_off(await sending.wait_for(tx, row, place.key))
        elif isinstance(place, places.Nowhere):
            return await self._begin(tx, row, incident, Place(), nowhere=place.reason)
        elif until := await self._paced(tx, ledger, row, place, queue):
            choice.put_off(until)
        else:
            return await self._begin(tx, row, incident, place, withdrawn=reason)
        return None

    async def _place(
        self, tx: store.Tx, row: records.Outbox, incident: records.Incident | None
    ) -> Place | places.NotYet | places.Nowhere:
        if Road(row.road) not in self._roads:
            return places.Nowhere(f"Sitrep runs without the road {row.road}; set SMTP_URL or PAGER_ROUTING_KEY.")
        return await places.find(tx.session, row, incident)

    async def _paced(
        self, tx: store.Tx, ledger: Ledger | None, row: records.Outbox, place: Place, queue: "Counter[pace.Scope]"
    ) -> datetime | None:
        """Postpone `row` where Slack's pace asks for it; returns until when (UTC)."""
        methods, scope = self._calls(Action(row.action), place), place.channel or place.person
        if ledger is not None:
            await ledger.lock(pace.scopes(methods, scope))
        now = time.monotonic()
        wait_seconds = self._pace.wait(methods, scope, now, lane=Lane(row.lane), queue=queue)
        if wait_seconds <= 0:
            self._pace.take(methods, scope, now)
            return None
        until = tx.now + timedelta(seconds=wait_seconds)
        sending.postpone(row, until)
        return until

    async def _begin(
        self,
        tx: store.Tx,
        row: records.Outbox,
        incident: records.Incident | None,
        place: Place,
        *,
        nowhere: str = "",
        withdrawn: str = "",
    ) -> Trip:
        unclear = row.first_tried_at is not None
        counted = row.action == Action.EDIT and row.coalesce == row.of_key
        edits = await outbox_queries.tries(tx.session, row.coalesce) if counted else None
        sending.begin(tx, row, self._owner)
        return Trip(row, place, incident, unclear, time.monotonic(), nowhere, withdrawn, edits)


def _room(road: Road, lane: Lane) -> int:
    """Return how many may be on their way by `road` before another of `lane` waits."""
    return (_ROOM_AT_SLACK if road is Road.SLACK else _ROOM_ELSEWHERE)[lane]
