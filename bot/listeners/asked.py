"""Answers to what a run asks people: by button, in words, typed."""

import re

from bot.ids import Field
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import View
from bot.views import question
from bot.views.message import Message
from incidents import records
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.response import answering, questions
from incidents.service import queries

_NUMBER = re.compile(r"(?P<number>\d{1,2})\b\s*(?P<words>.*)", re.DOTALL)


async def answer(desk: Desk, order: Order) -> Message:
    """Answer the newest question as typed: `2`, `2 with these words`; words alone answer one that wants words."""
    async with desk.once(order.key) as tx:
        waiting = await queries.questions(tx.session, order.incident_id)
        if not waiting:
            raise Conflict("Nothing is asked now.", remedy="`/incident status` says what happens.")
        asked = waiting[-1]
        number, words = _meant(asked, order.argument)
        await answering.answer(tx, desk.ctx, asked.number, order.actor, number, words)
        label = questions.choices(asked)[number - 1].label
    return replies.note(f"✓ {label}.")


def _meant(asked: records.Question, typed: str) -> tuple[int, str]:
    known = questions.choices(asked)
    said = _NUMBER.fullmatch(typed.strip())
    if said:
        return int(said["number"]), said["words"].strip()
    in_words = [place for place, choice in enumerate(known, start=1) if choice.words]
    if typed.strip() and in_words:
        return in_words[0], typed.strip()
    listed = ", ".join(f"{place} {choice.label}" for place, choice in enumerate(known, start=1))
    raise InvalidInput("Say which answer.", remedy=f"Answers: {listed}.")


async def press(desk: Desk, order: Order, question_id: int, number: int) -> None:
    """Answer by button; one that needs words opens the form."""
    async with desk.ctx.store.read() as session:
        row = await session.get(records.Question, question_id)
    if row is None:
        raise NotFound("There is no such question.")
    known = questions.choices(row)
    if row.state == "pending" and 1 <= number <= len(known) and known[number - 1].words:
        await replies.show(desk, order.place, question.words(row, number))
        return
    async with desk.once(order.key) as tx:
        await answering.answer(tx, desk.ctx, question_id, order.actor, number)


async def submit(desk: Desk, order: Order, view: View, question_id: int, number: int) -> None:
    """Answer with what the form says."""
    async with desk.once(order.key) as tx:
        await answering.answer(tx, desk.ctx, question_id, order.actor, number, view.text(Field.WORDS))
