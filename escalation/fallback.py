"""While Slack is away: pages and notices to people go by another road, each once, and Slack repeats none of them.

A notice that Slack has not taken in time gets a stand-in on another road. The two take turns: while one is under way
the other waits, and what the stand-in has told is done for Slack, too. Where the policies have mailed or rung the same
thing anyway, that is the stand-in.

A look asks a fixed number of questions, however many notices are overdue, and writes only what changes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, or_
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from escalation import oncall, stand_ins
from escalation.oncall import Contact
from escalation.stand_ins import LETTERS, STANDS_FOR, SURFACES, TELLING, Overdue, StandIn, StandIns
from incidents import outbox, records, sending, store
from incidents.context import Context
from incidents.notices import Action, Lane, Notice, Road, room_of
from incidents.records.columns import UtcDateTime

_NEEDS_NO_STAND_IN = ("done", "dropped", "superseded")
_POST = "told_elsewhere"  # surface of the post that says who was told
_MOST = 200  # stand-ins put in one transaction; the next look goes on

_ROW = records.Outbox
# From the tables: through the mapped classes the processor takes twice as long for many rows.
_OUTBOX, _INCIDENT = (_ROW.metadata.tables[name] for name in ("outbox", "incident"))
_OVERDUE = (
    columns(*(_OUTBOX.c[name] for name in Overdue._fields if name != "severity"), _INCIDENT.c.severity)
    .join_from(_OUTBOX, _INCIDENT, _INCIDENT.c.id == _OUTBOX.c.incident_id)
    .where(
        _OUTBOX.c.state.in_(("pending", "sending")),
        _OUTBOX.c.road == Road.SLACK.value,
        _OUTBOX.c.action == Action.DIRECT.value,
        _OUTBOX.c.surface.in_(TELLING),
        or_(
            (_OUTBOX.c.lane == Lane.PAGE.value) & (_OUTBOX.c.created_at <= bindparam("page", type_=UtcDateTime)),
            (_OUTBOX.c.lane != Lane.PAGE.value) & (_OUTBOX.c.created_at <= bindparam("notice", type_=UtcDateTime)),
        ),
    )
    .order_by(_OUTBOX.c.lane, _OUTBOX.c.id)
)
_STAND_INS = columns(*(_OUTBOX.c[name] for name in StandIn._fields)).where(
    _OUTBOX.c.incident_id.in_(bindparam("incidents", expanding=True)), _OUTBOX.c.surface.in_(SURFACES)
)


class Fallback:
    """Sends by another road what Slack does not take."""

    def __init__(self, ctx: Context, roads: frozenset[Road]) -> None:
        self._ctx = ctx
        self._roads = roads
        #: Whether something had a stand-in at the last look, so that one is due before each choice. Until there was a
        #: look nobody knows: a former process may have left some.
        self.needed = True

    async def look(self, tx: store.Tx, *, away: bool) -> None:
        """Give every overdue notice its stand-in, its turn, or its end.

        Args:
            tx: The transaction in which it is then chosen what goes.
            away: Whether Slack takes nothing now. Else only what was tried in vain gets a stand-in: what merely waits
                its turn in a storm goes by Slack.
        """
        overdue = await self._overdue(tx)
        found = await _stand_ins(tx, {each.incident_id for each in overdue}) if overdue else StandIns(())
        # Set once: somebody may ask beside us, in another transaction.
        self.needed = await self._tell(tx, overdue, found, away=away)
        await self._withdraw(tx)

    async def _overdue(self, tx: store.Tx) -> list[Overdue]:
        policy = self._ctx.settings.while_slack_is_away
        asked = {"page": tx.now - policy.page_after, "notice": tx.now - policy.notice_after}
        return [Overdue._make(found) for found in (await tx.session.execute(_OVERDUE, asked)).all()]

    async def _tell(self, tx: store.Tx, overdue: Iterable[Overdue], found: StandIns, *, away: bool) -> bool:
        """Return whether something has a stand-in."""
        heard: list[tuple[Overdue, StandIn]] = []
        pairs: list[tuple[Overdue, list[StandIn]]] = []
        untold: list[tuple[Overdue, list[StandIn]]] = []
        for row in overdue:
            # Where Slack has only not been asked, as after a time when Sitrep itself was down, what the policies mail
            # beside it replaces nothing.
            tried = found.of(row) if away or row.error else found.named_for(row)
            if done := next((each for each in tried if each.state == "done"), None):
                heard.append((row, done))
            elif coming := [each for each in tried if each.is_coming]:
                pairs.append((row, coming))
            elif tried or away or row.error:
                untold.append((row, tried))
        await self._end(tx, heard)
        await _take_turns(tx, pairs)
        return await self._send_by_another(tx, untold) or bool(heard or pairs)

    async def _send_by_another(self, tx: store.Tx, untold: Sequence[tuple[Overdue, list[StandIn]]]) -> bool:
        may_go = {row.id: (row, who, road) for row, who, road in self._roads_left(untold)}
        if not may_go:
            return False
        held = await _held(tx, [row for row, _, _ in may_go.values()])
        letters = {number: stand_ins.letter(row, *may_go[number][1:]) for number, row in held.items()}
        await outbox.put_all(tx, [(held[number].incident_id, letter) for number, letter in letters.items()])
        # They may go in this very transaction, and so may what they stand for.
        put = await _stand_ins(tx, {may_go[number][0].incident_id for number in held})
        keys = {letter.key for letter in letters.values()}
        stood_for = [may_go[number][0] for number in held]
        await _take_turns(tx, [(row, [each for each in put.named_for(row) if each.key in keys]) for row in stood_for])
        return True

    def _roads_left(self, untold: Iterable[tuple[Overdue, list[StandIn]]]) -> Iterator[tuple[Overdue, Contact, Road]]:
        """Yield whom another road leads to, and which, 200 at most: what no road can carry hides no other."""
        policy = self._ctx.settings.while_slack_is_away
        known: dict[str, Contact | None] = {}
        left = _MOST
        for row, tried in untold:
            if row.lane != Lane.PAGE and row.severity not in policy.severities:
                continue
            person = str(row.params.get("person", ""))
            if person not in known:
                known[person] = oncall.contact(self._ctx.settings, person)
            who = known[person]
            if who is None or (road := self._road_to(who, {each.road for each in tried})) is None:
                continue
            yield row, who, road
            left -= 1
            if not left:
                return

    def _road_to(self, who: Contact, used: Collection[str]) -> Road | None:
        leading = (Road.EMAIL, Road.WEBHOOK) if who.email else (Road.WEBHOOK,)
        return next((road for road in leading if road in self._roads and road not in used), None)

    async def _end(self, tx: store.Tx, heard: Sequence[tuple[Overdue, StandIn]]) -> None:
        told = {row.id: (row, by) for row, by in heard if not row.is_under_way(tx.now)}  # else its end is known soon
        held = await _held(tx, [row for row, _ in told.values()])
        ended: dict[int, list[tuple[Overdue, StandIn]]] = defaultdict(list)  # by incident
        for number, ending in held.items():
            row, by = told[number]
            ending.state, ending.owner, ending.lease_until, ending.error = "done", "", None, ""
            ending.sent_at = by.sent_at
            ending.result = {"told_by": by.road, "key": by.key}
            ended[row.incident_id].append((row, by))
        if not held:
            return
        await sending.release(tx, *(row.key for row in held.values()))
        said = await _said_of(tx, ended)
        for incident, told_here in ended.items():
            if incident not in said:
                since = min(by.sent_at or tx.now for _, by in told_here)
                outbox.put_at_last(tx, incident, _said(told_here[0][0], since))

    async def _withdraw(self, tx: store.Tx) -> None:
        """Leave out the stand-ins of what reached its person by Slack after all."""
        by_slack, key = aliased(records.Outbox), col(_ROW.params)[STANDS_FOR].as_string()
        there = exists().where(col(by_slack.key) == key, col(by_slack.state).in_(_NEEDS_NO_STAND_IN))
        needless = select(_ROW).where(
            _ROW.state == "pending",
            col(_ROW.road).in_((Road.EMAIL.value, Road.WEBHOOK.value)),
            col(_ROW.surface).in_(LETTERS),
            there,
        )
        for each in (await tx.session.scalars(_ours(tx, needless))).all():
            await sending.leave_out(tx, each, f"{each.params[STANDS_FOR]} needs no other road any more")


async def _stand_ins(tx: store.Tx, incidents: Collection[int]) -> StandIns:
    found = await tx.session.execute(_STAND_INS, {"incidents": sorted(incidents)})
    return StandIns(StandIn._make(each) for each in found.all())


async def _take_turns(tx: store.Tx, pairs: Sequence[tuple[Overdue, Sequence[StandIn]]]) -> None:
    turns = stand_ins.turns(pairs, tx.now)
    seen: dict[int, Overdue | StandIn] = {row.id: row for row, _ in pairs}
    seen |= {each.id: each for _, coming in pairs for each in coming}
    waiting = turns.not_before.keys() | turns.lease_until.keys()
    for number, row in (await _held(tx, [seen[each] for each in waiting])).items():
        row.not_before = turns.not_before.get(number, row.not_before)
        row.lease_until = turns.lease_until.get(number, row.lease_until)


async def _held(tx: store.Tx, seen: Collection[Overdue | StandIn]) -> dict[int, records.Outbox]:
    """Return those rows, to be changed, that are still as they were seen and that nobody else is changing now."""
    if not seen:
        return {}
    was = {each.id: (each.state, each.not_before) for each in seen}
    found = await tx.session.scalars(_ours(tx, select(_ROW).where(col(_ROW.id).in_(was)).order_by(col(_ROW.id))))
    return {row.number: row for row in found.all() if (row.state, row.not_before) == was[row.number]}


async def _said_of(tx: store.Tx, incidents: Collection[int]) -> frozenset[int | None]:
    """Return those incidents in whose channel it is going to be said that people were told by another road."""
    coming = select(_ROW.incident_id).where(
        col(_ROW.incident_id).in_(incidents), _ROW.surface == _POST, col(_ROW.state).in_(("pending", "waiting"))
    )
    return frozenset((await tx.session.scalars(coming)).all())


def _said(row: Overdue, since: datetime) -> Notice:
    """Let the incident's channel read, once Slack is back, who was told by another road: one post for all."""
    incident = row.key.partition(":")[0]
    return Notice(
        key=f"{incident}:{_POST}:{row.id}",
        lane=Lane.STATUS,
        action=Action.POST,
        target="channel",
        surface=_POST,
        params={"since": since.isoformat()},
        after=room_of(incident),
    )


def _ours(tx: store.Tx, query: SelectOfScalar[records.Outbox]) -> SelectOfScalar[records.Outbox]:
    if tx.session.get_bind().dialect.name != "sqlite":
        return query.with_for_update(skip_locked=True, of=records.Outbox)
    return query
