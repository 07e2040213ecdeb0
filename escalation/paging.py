"""Paging: level by level until somebody acknowledges."""

from datetime import datetime
from typing import Any

from escalation import oncall, policies, telling, timers
from escalation.oncall import Contact
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import definitions, outbox, records, store
from incidents.definitions import Acknowledgement
from incidents.events import EventKind
from incidents.lifecycle import Milestone
from incidents.notices import Action, Lane, Notice, Road
from incidents.service import queries

#: What the pager is told when the trouble is over for the person it woke: PagerDuty's event actions.
_ACKNOWLEDGED, _RESOLVED = "acknowledge", "resolve"


def first_level(desk: Desk, incident: records.Incident) -> dict[str, dict[str, Any]]:
    """Return whom the first level pages now, with each page's parameters; empty when nobody need wake."""
    policy = policies.paging(desk.ctx.library.policies, incident.severity)
    if policy is None or not policies.unanswered(incident):
        return {}
    for level in range(1, len(policy.levels) + 1):
        found = {
            who.person: _params(policy, level, audience, who)
            for audience, who in _people(desk, incident, policy, level)
        }
        if found:
            return found
    return {}


class Paging:
    """Reactors and timer that wake people."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what starts a page, passes it on, or ends it."""
        for kind in (EventKind.DECLARED, EventKind.SEVERITY_CHANGED, EventKind.REOPENED):
            store_.react(kind, self.begin)
        store_.react(EventKind.PAGE_PASSED, self.pass_on)
        store_.react(EventKind.MILESTONE, self.answered)
        store_.react(EventKind.RESOLVED, self.over)
        store_.react(EventKind.CANCELLED, self.over)
        clock.on(Kind.PAGE, self.fall_due)

    async def begin(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Page the first level, unless somebody has it or paging is under way; a bug wakes nobody."""
        del event
        if incident.kind is definitions.Kind.BUG:
            return
        policy = policies.paging(self._desk.ctx.library.policies, incident.severity)
        if not policies.unanswered(incident) or await timers.pending(tx.session, incident, Kind.PAGE):
            return
        if policy is not None and not await self._paged(tx, incident):
            await self._page(tx, incident, policy, 1, tx.now)

    async def fall_due(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Page the next level when nobody has acknowledged yet."""
        policy = policies.paging(self._desk.ctx.library.policies, incident.severity)
        if policy is not None and policies.unanswered(incident):
            level = int(timer.payload["level"])
            await self._page(tx, incident, policy, level, timers.promised_at(timer))

    async def pass_on(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Page the next level at once when somebody of the current one cannot take it."""
        policy = policies.paging(self._desk.ctx.library.policies, incident.severity)
        paged = await self._paged(tx, incident)
        if policy is None or not paged or not policies.unanswered(incident):
            return
        if event.data.get("person") in paged[-1].data.get("people", ()):
            await timers.cancel_of(tx, incident, Kind.PAGE)
            await self._page(tx, incident, policy, int(paged[-1].data["level"]) + 1, tx.now)

    async def answered(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Stop paging and show on every page who has it."""
        if event.data.get("milestone") == Milestone.ACKNOWLEDGED.value:
            await self._quiet(tx, incident, event, _ACKNOWLEDGED)

    async def over(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Stop paging: there is nothing left to wake anybody for."""
        await self._quiet(tx, incident, event, _RESOLVED)

    async def _paged(self, tx: store.Tx, incident: records.Incident) -> list[records.Event]:
        return await queries.events_of(tx.session, incident.number, EventKind.PAGED)

    async def _page(
        self, tx: store.Tx, incident: records.Incident, policy: Acknowledgement, level: int, due_at: datetime
    ) -> None:
        before = {person for event in await self._paged(tx, incident) for person in event.data.get("people", ())}
        last = len(policy.levels) + policies.EXTRA_ROUNDS
        unfilled: list[str] = []
        for current in range(level, last + 1):
            everybody = _people(self._desk, incident, policy, current)
            if not everybody:
                unfilled += policies.audiences_of_level(policy.levels, current)
            again = current > len(policy.levels)
            people = [(audience, who) for audience, who in everybody if again or who.person not in before]
            if people:
                await self._wake(tx, incident, policy, current, people, due_at)
                break
        await telling.say_unfilled(tx, self._desk, incident, unfilled)

    async def _wake(
        self,
        tx: store.Tx,
        incident: records.Incident,
        policy: Acknowledgement,
        level: int,
        people: list[tuple[str, Contact]],
        due_at: datetime,
    ) -> None:
        pages = await telling.notices_with(tx.session, incident, ("page",))
        has_one = {str(row.params["person"]) for row in pages if row.key.startswith(f"{incident.key}:matrix:")}
        notices: list[Notice] = []
        for audience, who in people:
            first = level == 1 and who.person in has_one
            notices += self._roads(
                incident, who, _params(policy, level, audience, who), level, due_at, skip_slack=first
            )
        await outbox.put(tx, incident.id, *notices)
        # The room invites by itself whom the matrix tells at once.
        await telling.invite(tx, incident, [who for _, who in people if who.person not in has_one])
        audiences = list(dict.fromkeys(audience for audience, _ in people))
        persons = [who.person for _, who in people]
        await tx.record(incident, EventKind.PAGED, audience=audiences[0], people=persons, level=level)
        if level == len(policy.levels) + 1:
            reason = f"nobody has acknowledged after {len(policy.levels)} levels of paging; everybody is paged again"
            await tx.record(
                incident, EventKind.ESCALATED, trigger="not_acknowledged", audience=audiences[-1], reason=reason
            )
        if policies.audiences_of_level(policy.levels, level + 1):
            following = f"{incident.key}:page:{level + 1}"
            await timers.arm(tx, incident, following, Kind.PAGE, tx.now + policy.every, level=level + 1)

    def _roads(
        self,
        incident: records.Incident,
        who: Contact,
        params: dict[str, Any],
        level: int,
        due_at: datetime,
        *,
        skip_slack: bool,
    ) -> list[Notice]:
        found = []
        if who.slack and not skip_slack:
            key = f"{incident.key}:page:{level}:{who.person}"
            found.append(
                telling.direct(who, key, "page", Lane.PAGE, params=params, due_at=due_at, holds_while="unacknowledged")
            )
        if who.email and Road.EMAIL in self._desk.roads and not (skip_slack and not who.slack):
            key = f"{incident.key}:mail:page:{level}:{who.person}"
            found.append(
                telling.mail(
                    who, key, "mail_page", Lane.PAGE, params=params, due_at=due_at, holds_while="unacknowledged"
                )
            )
        if Road.PAGER in self._desk.roads:
            key = f"{incident.key}:pager:{level}:{who.person}"
            found.append(
                Notice(
                    key=key,
                    lane=Lane.PAGE,
                    road=Road.PAGER,
                    action=Action.PAGE,
                    target=f"user:{who.person}",
                    surface="pager",
                    params={**params, "event_action": "trigger", "dedup_key": key},
                    due_at=due_at,
                    holds_while="unacknowledged",
                )
            )
        return found

    async def _quiet(self, tx: store.Tx, incident: records.Incident, event: records.Event, word: str) -> None:
        await timers.cancel_of(tx, incident, Kind.PAGE)
        calls = [
            Notice(
                key=f"{row.key}:{word}",
                lane=Lane.STATUS,
                road=Road.PAGER,
                action=Action.PAGE,
                target=row.target,
                surface="pager",
                params={**row.params, "event_action": word},
                after="" if row.state == "dropped" else row.key,
            )
            for row in await queries.deliveries(tx.session, incident.number, f"{incident.key}:")
            if row.surface == "pager" and row.params.get("event_action") == "trigger" and _may_ring(row)
        ]
        await outbox.put(tx, incident.id, *calls)
        await telling.redraw(tx, incident, event, await telling.notices_with(tx.session, incident, ("page",)))


def _may_ring(row: records.Outbox) -> bool:
    # One that waits may be begun beside us, by a replica that has not seen what we decide: its end waits for it, and is
    # left out with it. A try whose answer was lost may have reached the pager; ending what never rang is harmless.
    return row.state in (*telling.OUT, "pending") or (row.first_tried_at is not None and row.state == "dropped")


def _people(desk: Desk, incident: records.Incident, policy: Acknowledgement, level: int) -> list[tuple[str, Contact]]:
    found: dict[str, tuple[str, Contact]] = {}
    for audience in policies.audiences_of_level(policy.levels, level):
        for who in oncall.heard_by(desk.ctx.settings, audience, drill=incident.drill):
            if desk.reaches(who):
                found.setdefault(who.person, (audience, who))
    return list(found.values())


def _params(policy: Acknowledgement, level: int, audience: str, who: Contact) -> dict[str, Any]:
    of = len(policy.levels)
    return {"audience": audience, "level": min(level, of), "of": of, "person": who.person}
