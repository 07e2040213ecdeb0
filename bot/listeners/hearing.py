"""What is said in an incident's channel: triage answers, `>option 2`, questions, words under a decision."""

import re

from sqlalchemy.ext.asyncio import AsyncSession

from bot.listeners import answering, commands, replies, steering
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Posted
from incidents import outbox, records, triage
from incidents.lifecycle import Status
from incidents.service import queries, respond

_OPTION = re.compile(r"(?:^|\s)>\s*option\s+(\d{1,2})\b", re.IGNORECASE)
_TICK = "white_check_mark"


async def heard(desk: Desk, posted: Posted) -> None:
    """Act on a message in an incident's channel; most of what people say to each other is left alone."""
    incident_id = await commands.in_incident(desk, posted.place)
    if not incident_id or not posted.text:
        return
    order = Order(posted.key, posted.place, incident_id, posted.text)
    chosen = _OPTION.search(posted.text)
    if chosen and not posted.edited:
        await steering.option(desk, Order(posted.key, posted.place, incident_id, chosen[1]))
        await _tick(desk, posted)
    elif posted.text.startswith("?") and not posted.edited:
        await answering.reply(desk, order, posted.place.thread or posted.ts)
    elif posted.place.thread and not posted.edited and await _under_a_decision(desk, order, posted):
        return
    else:
        await _facts(desk, order, posted)


async def _under_a_decision(desk: Desk, order: Order, posted: Posted) -> bool:
    """Offer to send a pending decision back with these words; talk among people is never taken for feedback."""
    async with desk.ctx.store.read() as session:
        approval = await _decision_at(session, order.incident_id, posted.place.thread)
    if approval is None:
        return False
    async with desk.once(posted.key):
        pass
    await replies.privately(desk, posted.place, steering.offer_send_back(approval.number, posted.text))
    return True


async def _decision_at(session: AsyncSession, incident_id: int, ts: str) -> records.Approval | None:
    """Return the pending decision whose card is the message `ts`."""
    for approval in await queries.pending_approvals(session, incident_id):
        sent = await outbox.result_of(session, f"inc-{incident_id}:approval:{approval.id}")
        if sent and sent.get("ts") == ts:
            return approval
    return None


async def _facts(desk: Desk, order: Order, posted: Posted) -> None:
    """Take triage facts from what was written, new or edited; in the question's thread any answer counts."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        asked = await outbox.result_of(session, f"{incident.key}:triage")
    wanted = triage.missing(incident.facts)
    if incident.status is not Status.OPEN or not wanted:
        return
    in_thread = asked is not None and bool(posted.place.thread) and asked.get("ts") == posted.place.thread
    if not in_thread and not set(triage.recognise(posted.text)) & set(wanted):
        return
    async with desk.once(posted.key) as tx:
        still = await respond.add_facts(tx, desk.ctx, order.incident_id, order.actor, posted.text)
    if len(still) < len(wanted):
        await _tick(desk, posted)


async def _tick(desk: Desk, posted: Posted) -> None:
    await replies.react(desk, posted.place.channel, posted.ts, _TICK)
