"""Decisions that hold up a grave incident: the next who may move it hears, one after the other, until it is decided."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from escalation import escalating, policies, telling, timers
from escalation.oncall import Contact
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import outbox, posts, records, store
from incidents.definitions import ApprovalKind, ApprovalPolicy
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Action, Lane
from incidents.response import approvals, decisions
from incidents.service import queries


class Holdups:
    """Reactors and timer that bring in the next when nobody decides."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what is asked and decided, and to what makes waiting for it worse."""
        for kind in (EventKind.APPROVAL_ASKED, EventKind.SEVERITY_CHANGED, EventKind.REOPENED):
            store_.react(kind, self.set_deadlines)
        store_.react(EventKind.APPROVAL_DECIDED, self.stop)
        clock.on(Kind.APPROVAL_ESCALATE, self.fall_due)

    async def set_deadlines(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Arm the escalation of every decision that waits, as the severity asks, and cancel it where it asks none."""
        del event
        for approval in await queries.pending_approvals(tx.session, incident.number):
            after = self._policy(approval).escalate_after.get(incident.severity)
            if after is None:
                await timers.cancel(tx, _key(approval))
                continue
            since = max([approval.asked_at, *(each.at for each in await _escalated(tx, incident, approval))])
            await self._arm(tx, incident, approval, max(since + after, tx.now))

    async def stop(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Bring in nobody else once it is decided, or has expired."""
        approval = await tx.session.get_one(records.Approval, int(event.data["approval"]))
        await timers.cancel(tx, _key(approval))

    async def fall_due(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Tell the next who has not heard yet; while people keep the response paused, nobody."""
        approval = await tx.session.get(records.Approval, int(timer.payload["approval"]))
        if approval is None or approval.state != "pending" or incident.status is not Status.OPEN:
            return
        after = self._policy(approval).escalate_after.get(incident.severity)
        if after is None:
            return
        run = await tx.session.get_one(records.Run, approval.run_id)
        if run.state != "paused":
            audience, people = await self._next(tx, incident, approval)
            if not people:
                await self._nobody_left(tx, incident, approval, timers.promised_at(timer))
                return
            waited = policies.spoken(timedelta(seconds=round((tx.now - approval.asked_at).total_seconds())))
            await escalating.escalate(
                tx,
                self._desk,
                incident,
                _trigger(approval),
                audience,
                f"{decisions.of(approval.kind).noun} has waited {waited} for a decision",
                due_at=timers.promised_at(timer),
                late_seconds=timers.late_seconds(timer, tx.now),
                people=people,
            )
        await self._arm(tx, incident, approval, tx.now + after)

    async def _nobody_left(
        self, tx: store.Tx, incident: records.Incident, approval: records.Approval, due_at: datetime
    ) -> None:
        """Say in the channel that all were asked, with the remedy, and put it before all of them once more."""
        holders = await queries.roles(tx.session, incident.number)
        asked = await self._heard(tx, incident, approval)
        may = approvals.who_may(approval, holders, self._desk.ctx.settings)
        everybody = telling.playing(self._desk, incident, holders, dict.fromkeys([*may, *sorted(asked)]))
        people = [who for who in telling.contacts(self._desk, everybody) if self._desk.reaches(who)]
        noun = decisions.of(approval.kind).noun
        lapses = f" It lapses at {approval.expires_at:%Y-%m-%d %H:%M} UTC." if approval.expires_at else ""
        remedy = "Take the lead with `/incident role commander` and decide, or name more people under `approvers`."
        text = f"Everybody who could be asked about {noun} was asked, and nobody decided.{lapses} {remedy}"
        told = [who.person for who in people]
        event = await tx.record(incident, EventKind.NOTE, text=text, reason=text, approval=approval.id, people=told)
        await outbox.put(tx, incident.id, posts.line(incident, event))
        again = [
            telling.direct(
                who,
                f"{incident.key}:escalate:{_trigger(approval)}:all-hands:{who.person}",
                "escalation_notice",
                Lane.PAGE,
                params={
                    "trigger": _trigger(approval),
                    "audience": "everybody",
                    "reason": f"{noun} still waits, and nobody is left to ask",
                    "late_seconds": 0,
                },
                due_at=due_at,
                holds_while="open",
            )
            for who in people
        ]
        await outbox.put(tx, incident.id, *again)

    async def _next(
        self, tx: store.Tx, incident: records.Incident, approval: records.Approval
    ) -> tuple[str, tuple[Contact, ...]]:
        """Return the next audience in which somebody has not heard of this decision, and those who have not."""
        holders = await queries.roles(tx.session, incident.number)
        heard = {*holders.get(Role.COMMANDER, ()), *(await self._heard(tx, incident, approval))}
        for audience in self._order(incident, approval):
            if audience == "deputy":
                people = telling.contacts(self._desk, holders.get(Role.DEPUTY, ()))
            else:
                people = self._desk.people(incident, audience)
            left = tuple(who for who in people if who.person not in heard and self._desk.reaches(who))
            if left:
                return audience, left
        return "", ()

    async def _heard(self, tx: store.Tx, incident: records.Incident, approval: records.Approval) -> set[str]:
        reminded = {
            str(row.params.get("person", ""))
            for row in await telling.notices_with(tx.session, incident, ("approval",))
            if row.action == Action.DIRECT.value and row.params.get("approval_id") == approval.id
        }
        return reminded | {
            person for each in await _escalated(tx, incident, approval) for person in each.data.get("people", ())
        }

    def _order(self, incident: records.Incident, approval: records.Approval) -> Iterator[str]:
        paging = policies.paging(self._desk.ctx.library.policies, incident.severity)
        for word in self._policy(approval).escalate_to:
            if word == "paging":
                yield from paging.levels if paging else ()
            else:
                yield word

    def _policy(self, approval: records.Approval) -> ApprovalPolicy:
        return self._desk.ctx.library.policies.approvals[ApprovalKind(approval.kind)]

    async def _arm(
        self, tx: store.Tx, incident: records.Incident, approval: records.Approval, due_at: datetime
    ) -> None:
        await timers.arm(tx, incident, _key(approval), Kind.APPROVAL_ESCALATE, due_at, approval=approval.id)


async def _escalated(tx: store.Tx, incident: records.Incident, approval: records.Approval) -> list[records.Event]:
    return [
        event
        for event in await queries.events_of(tx.session, incident.number, EventKind.ESCALATED)
        if event.data.get("trigger") == _trigger(approval)
    ]


def _trigger(approval: records.Approval) -> str:
    return f"approval_{approval.id}"


def _key(approval: records.Approval) -> str:
    return f"{approval.key}:escalate"
