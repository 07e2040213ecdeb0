"""Approvals that nobody decides: remind whoever should, then whoever else may, and let them expire."""

from escalation import telling, timers
from escalation.oncall import Contact
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import outbox, records, store
from incidents.definitions import ApprovalKind, ApprovalPolicy
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Action, Lane
from incidents.response import approvals
from incidents.service import queries

#: First the commander is reminded, then the deputy and the approvers, and before it expires everybody once more.
_ROUNDS, _LAST = 2, 3


class Reminders:
    """Reactors and timers that keep decisions from being forgotten."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what is asked and decided."""
        store_.react(EventKind.APPROVAL_ASKED, self.wait)
        store_.react(EventKind.APPROVAL_DECIDED, self.settled)
        store_.react(EventKind.REOPENED, self.wait_again)
        clock.on(Kind.APPROVAL_REMIND, self.remind)
        clock.on(Kind.APPROVAL_EXPIRE, self.expire)

    async def wait(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Arm the first reminder, and the expiry where there is one."""
        approval = await tx.session.get_one(records.Approval, int(event.data["approval"]))
        await self._wait_for(tx, incident, approval)

    async def wait_again(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Take up what still waits for a decision when the incident is opened again."""
        del event
        for approval in await queries.pending_approvals(tx.session, incident.number):
            await self._wait_for(tx, incident, approval)

    async def _wait_for(self, tx: store.Tx, incident: records.Incident, approval: records.Approval) -> None:
        await self._arm(tx, incident, approval, 1)
        if approval.expires_at is not None:
            before = approval.expires_at - self._policy(approval).remind_before
            last = key(approval, "expiring")
            if before > tx.now:
                await timers.arm(tx, incident, last, Kind.APPROVAL_REMIND, before, approval=approval.id, round=_LAST)
            end = key(approval, "expire")
            await timers.arm(tx, incident, end, Kind.APPROVAL_EXPIRE, approval.expires_at, approval=approval.id)

    async def settled(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Stop reminding, and show in the reminders what was decided."""
        approval = await tx.session.get_one(records.Approval, int(event.data["approval"]))
        await timers.cancel(tx, *(key(approval, part) for part in ("remind", "expiring", "expire")))
        sent = [
            row
            for row in await telling.notices_with(tx.session, incident, ("approval",))
            if row.action == Action.DIRECT.value and row.params.get("approval_id") == approval.id
        ]
        await telling.redraw(tx, incident, event, sent)

    async def remind(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Put the decision before the commander, then the deputy and the approvers, at last before all of them."""
        approval = await self._pending(tx, timer, incident)
        if approval is None:
            return
        round_ = int(timer.payload["round"])
        people = await self._deciders(tx, incident, approval, round_)
        if not people and round_ < _ROUNDS:
            round_ += 1
            people = await self._deciders(tx, incident, approval, round_)
        word = "expiring" if round_ == _LAST else "remind"
        reminders = [
            telling.direct(
                who,
                f"{key(approval, word)}:{who.person}",
                "approval",
                Lane.DECISION,
                params={"approval_id": approval.id, "asked_at": approval.asked_at.isoformat()},
                due_at=timers.promised_at(timer),
                holds_while="open",
            )
            for who in people
            if who.slack
        ]
        await outbox.put(tx, incident.id, *reminders)
        if round_ < _ROUNDS:
            await self._arm(tx, incident, approval, round_ + 1)

    async def expire(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Let the request lapse; what it named may no longer be right, so it is asked anew when still wanted."""
        approval = await self._pending(tx, timer, incident)
        if approval is not None and await approvals.settle(tx, approval, "expired", "", {}):
            await approvals.expire(tx, incident, approval)

    async def _arm(self, tx: store.Tx, incident: records.Incident, approval: records.Approval, round_: int) -> None:
        next_ = key(approval, "remind")
        due_at = tx.now + self._policy(approval).remind_after
        await timers.arm(tx, incident, next_, Kind.APPROVAL_REMIND, due_at, approval=approval.id, round=round_)

    async def _pending(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> records.Approval | None:
        approval = await tx.session.get(records.Approval, int(timer.payload["approval"]))
        if approval is None or approval.state != "pending" or incident.status is not Status.OPEN:
            return None
        return approval

    async def _deciders(
        self, tx: store.Tx, incident: records.Incident, approval: records.Approval, round_: int
    ) -> tuple[Contact, ...]:
        holders = await queries.roles(tx.session, incident.number)
        may = approvals.who_may(approval, holders, self._desk.ctx.settings)
        may = telling.playing(self._desk, incident, holders, may)
        leads = holders.get(Role.COMMANDER, ())
        return telling.contacts(
            self._desk, [each for each in may if round_ == _LAST or (each in leads) == (round_ == 1)]
        )

    def _policy(self, approval: records.Approval) -> ApprovalPolicy:
        return self._desk.ctx.library.policies.approvals[ApprovalKind(approval.kind)]


def key(approval: records.Approval, part: str) -> str:
    """Return the key of one of a decision's timers: `remind` is the next reminder."""
    return f"{approval.key}:{part}"
