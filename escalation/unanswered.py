"""Questions of a run that nobody answers: remind the commander, then whoever else may answer."""

from datetime import timedelta

from escalation import telling, timers
from escalation.oncall import Contact
from escalation.telling import Desk
from escalation.timers import Kind, Timers
from incidents import outbox, records, store
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Action, Lane
from incidents.service import permissions, queries

#: How long each round waits: first the commander is reminded, then whoever else may answer.
REMIND_AFTER = timedelta(minutes=5)
_ROUNDS = 2


class Unanswered:
    """Reactors and the timer that keep questions from being forgotten; one that is withdrawn is settled as well."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what is asked and answered."""
        store_.react(EventKind.QUESTION_ASKED, self.wait)
        store_.react(EventKind.QUESTION_ANSWERED, self.settled)
        clock.on(Kind.QUESTION_REMIND, self.remind)

    async def wait(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Arm the first reminder."""
        await self._arm(tx, incident, int(event.data["question"]), 1)

    async def settled(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Stop reminding, and show in the reminders what was answered."""
        number = int(event.data["question"])
        await timers.cancel(tx, _key(incident, number))
        sent = [
            row
            for row in await telling.notices_with(tx.session, incident, ("question",))
            if row.action == Action.DIRECT.value and row.params.get("question_id") == number
        ]
        await telling.redraw(tx, incident, event, sent)

    async def remind(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Put the question before the commander; the next time, or where there is none, before all who may answer."""
        question = await tx.session.get(records.Question, int(timer.payload["question"]))
        if question is None or question.state != "pending" or incident.status is not Status.OPEN:
            return
        round_ = int(timer.payload["round"])
        commanders = await telling.leaders(self._desk, tx.session, incident, Role.COMMANDER)
        people = commanders if round_ == 1 and commanders else await self._others(tx, incident, commanders)
        reminders = [
            telling.direct(
                who,
                f"{_key(incident, question.number)}:{who.person}",
                "question",
                Lane.DECISION,
                params={"question_id": question.number},
                due_at=timers.promised_at(timer),
                holds_while="open",
            )
            for who in people
            if who.slack
        ]
        await outbox.put(tx, incident.id, *reminders)
        if round_ < _ROUNDS and commanders:
            await self._arm(tx, incident, question.number, round_ + 1)

    async def _others(
        self, tx: store.Tx, incident: records.Incident, commanders: tuple[Contact, ...]
    ) -> tuple[Contact, ...]:
        holders = await queries.roles(tx.session, incident.number)
        may = permissions.who_may(permissions.Action.STEER, holders=holders, settings=self._desk.ctx.settings)
        known = {who.person for who in commanders}
        may = telling.playing(self._desk, incident, holders, may)
        return telling.contacts(self._desk, [each for each in may if each not in known])

    async def _arm(self, tx: store.Tx, incident: records.Incident, number: int, round_: int) -> None:
        due_at = tx.now + REMIND_AFTER
        key = _key(incident, number)
        await timers.arm(tx, incident, key, Kind.QUESTION_REMIND, due_at, question=number, round=round_)


def _key(incident: records.Incident, number: int) -> str:
    return f"{incident.key}:question:{number}:remind"
