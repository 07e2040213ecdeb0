"""Deciding: choose, approve, send back."""

import re
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from bot.ids import Field
from bot.listeners import heads, payloads, replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import View
from bot.values import OfFeedback
from bot.views import forms, mrkdwn, parts
from bot.views.message import Message
from incidents import records
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.response import control, decided, decisions
from incidents.service import queries

_NUMBER = re.compile(r"\d+")


async def _asked(session: AsyncSession, order: Order, *, choices: bool | None = None) -> tuple[records.Approval, str]:
    """Return what waits for a decision, of the step that is named first where one is, and what else was said.

    Where nothing waits it is what was decided last: whoever decides on that hears by whom it was decided, and when.
    `choices` limits it to choices, or to all others.
    """
    known = [
        each
        for each in await queries.approvals(session, order.incident_id)
        if choices is None or decisions.of(each.kind).is_choice is choices
    ]
    name, _, rest = order.argument.partition(" ")
    of_step = [each for each in known if each.step == name]
    if not of_step and await _is_step(session, order, name):
        raise Conflict(f"Step {name} waits for no decision.", remedy="`/incident status` says what happens.")
    said = rest.strip() if of_step else order.argument
    known = of_step or known
    waiting = [each for each in known if each.state == "pending"]
    if len(waiting) > 1:
        lines = "\n".join(f"• `{each.step}`  {decisions.of(each.kind).noun}" for each in waiting)
        raise InvalidInput("Several decisions wait: say which step.", remedy=f"Put one of these first:\n{lines}")
    if not known:
        what = "No choice" if choices else "Nothing"
        raise Conflict(f"{what} waits for a decision now.", remedy="`/incident status` says what happens.")
    return (waiting or known)[-1], said


async def _is_step(session: AsyncSession, order: Order, name: str) -> bool:
    run = await queries.latest_run(session, order.incident_id)
    return run is not None and any(step.name == name for step in await queries.steps(session, run.number))


async def _card_of(desk: Desk, order: Order) -> int:
    """Return the number of the choice in whose thread somebody writes, 0 elsewhere."""
    async with desk.ctx.store.read() as session:
        known = await queries.approvals(session, order.incident_id)
    choices = [each for each in known if decisions.of(each.kind).is_choice]
    asked = {each.key: each.number for each in choices}
    return asked.get(await heads.of_thread(desk, order.place, list(asked)), 0)


async def option(desk: Desk, order: Order) -> Message:
    """Choose a fix by its number, as typed: `2`, `option 2`; below a card, of that card alone."""
    number = _NUMBER.search(order.argument)
    approval_id = await _card_of(desk, order)
    async with desk.once(order.key) as tx:
        chosen = int(number[0]) if number else None
        asked = approval_id or (await _asked(tx.session, replace(order, argument=""), choices=True))[0].number
        await control.decide(tx, desk.ctx, asked, order.actor, "approve", option=chosen)
    return replies.note(f"✓ Option {chosen} it is; the hotfix is being prepared.")


async def choose(desk: Desk, order: Order, approval_id: int, number: int | None) -> None:
    """Choose a fix by its button."""
    async with desk.once(order.key) as tx:
        await control.decide(tx, desk.ctx, approval_id, order.actor, "approve", option=number)


async def approve(desk: Desk, order: Order) -> Message:
    """Approve what waits: the only one, or that of the step that is named."""
    async with desk.once(order.key) as tx:
        approval, said = await _asked(tx.session, order, choices=False)
        first, _, why = said.partition(" ")
        reason = why.strip() if first.lower() == "override" else ""
        await control.decide(tx, desk.ctx, approval.number, order.actor, "approve", feedback=reason)
        taken = decisions.of(approval.kind).taken(approval.subject)
    return replies.note(f"✓ {mrkdwn.prose(taken, 300)}")


async def approve_one(desk: Desk, order: Order, approval_id: int) -> None:
    """Approve by its button."""
    async with desk.once(order.key) as tx:
        await control.decide(tx, desk.ctx, approval_id, order.actor, "approve")


async def reject(desk: Desk, order: Order) -> Message | None:
    """Send back what waits, or open the form where nothing was said; a step's number before the words names which."""
    async with desk.ctx.store.read() as session:
        approval, said = await _asked(session, order)
    if not said:
        await open_send_back(desk, order, approval.number)
        return None
    async with desk.once(order.key) as tx:
        await control.decide(tx, desk.ctx, approval.number, order.actor, "reject", feedback=said)
    return replies.note("✓ Sent back; the step runs again with your words.")


async def open_send_back(desk: Desk, order: Order, approval_id: int, *, typed: str = "") -> None:
    """Open the form that sends a proposal back.

    Raises:
        Conflict: it was decided; says by whom.
    """
    async with desk.ctx.store.read() as session:
        approval = await session.get(records.Approval, approval_id)
    if approval is None:
        raise NotFound("There is no such approval.")
    decided.require_pending(approval, desk.ctx.clock.now())
    noun = decisions.of(approval.kind).noun
    what = f"*{noun[:1].upper()}{noun[1:]}* of inc-{approval.incident_id}"
    await replies.show(desk, order.place, forms.send_back(approval, what, typed=typed))


async def submit_send_back(desk: Desk, order: Order, view: View, approval_id: int) -> None:
    """Send a proposal back with what the form says."""
    async with desk.once(order.key) as tx:
        feedback = view.text(Field.FEEDBACK)
        await control.decide(tx, desk.ctx, approval_id, order.actor, "reject", feedback=feedback)


async def send_back_words(desk: Desk, order: Order, value: OfFeedback) -> None:
    """Open the form that sends a proposal back, with the words that were written in its thread."""
    typed = value.feedback
    if value.ts:
        typed = payloads.plain((await replies.message_at(desk, order.place.channel, value.ts)).get("text") or "")
    await open_send_back(desk, order, value.approval, typed=typed)


def offer_send_back(approval_id: int, words: str, ts: str) -> Message:
    """Return the question whether words written in a decision's thread are what should change."""
    return parts.message(
        "Is this what should change?",
        [
            parts.section(f"Is this what should change?\n{mrkdwn.quote(mrkdwn.paragraphs(words, 900))}"),
            parts.actions(forms.send_back_button(approval_id, words, ts)),
            parts.context("Nothing was moved. Only you see this."),
        ],
    )
