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
IN_FLIGHT = 24  # calls at once; aiohttp and Slack take more, SQLite's single writer does not settle them faster

#: How many of them each lane may use: what is urgent always finds room.
_ROOM_FOR = {Lane.PAGE: 24, Lane.DECISION: 22, Lane.ROOM: 20, Lane.STATUS: 16, Lane.CHATTER: 10}

#: What an earlier try has posted can be looked for, so that people see how it ended, though it is no longer sent.
_FOUND_AGAIN = frozenset({Action.POST.value, Action.DIRECT.value})


@dataclass
class Choice:
    """What was decided about the rows that were due."""

    at: datetime  #: the transaction's time (UTC)
    trips: list[Trip] = field(default_factory=list)
    more: bool = False  #: further rows may be due; look again at once
    crowded: bool = False  #: rows remain for which there was no room
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

    async def choose(self, tx: store.Tx, *, busy: Collection[int], shut: frozenset[Road]) -> Choice:
        """Begin the rows that go now; postpone, leave out or let wait the others that were due."""
        ledger = Ledger(tx, self._pace, time.monotonic()) if self._shared else None
        choice = await self._choose(tx, ledger, busy=busy, shut=shut)
        if ledger is not None:
            ledger.write()
        return choice

    async def _choose(
        self, tx: store.Tx, ledger: Ledger | None, *, busy: Collection[int], shut: frozenset[Road]
    ) -> Choice:
        choice = Choice(tx.now)
        states = sending.MAY_GO if self._steadiness.lasts(tx.now) else ("pending",)
        rows = await sending.candidates(tx, LOOKED_AT, roads=frozenset(Road) - shut, busy=busy, states=states)
        queue: Counter[pace.Scope] = Counter()
        for row in rows:
            if len(busy) + len(choice.trips) >= _ROOM_FOR[Lane(row.lane)]:
                choice.crowded = True  # the rows behind it are no more urgent; whatever ends makes room
                return choice
            incident = await tx.session.get(records.Incident, row.incident_id) if row.incident_id else None
            reason = await holding.why_not(tx.session, row, incident, tx.now)
            if reason and not (row.first_tried_at and row.action in _FOUND_AGAIN):
                tried = "; an earlier try may have arrived" if row.first_tried_at else ""
                await sending.leave_out(tx, row, reason + tried)
                continue
            place = await self._place(tx, row, incident)
            if isinstance(place, places.NotYet):
                choice.put_off(await sending.wait_for(tx, row, place.key))
            elif isinstance(place, places.Nowhere):
                choice.trips.append(await self._begin(tx, row, incident, Place(), nowhere=place.reason))
            elif until := await self._paced(tx, ledger, row, place, queue):
                choice.put_off(until)
            else:
                choice.trips.append(await self._begin(tx, row, incident, place, withdrawn=reason))
        choice.more = len(rows) == LOOKED_AT
        return choice

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
