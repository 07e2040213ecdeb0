"""`?` questions: taken in, and their answers put on their way; the record answers when they leave."""

import re
from datetime import timedelta

from bot.listeners.desk import Desk
from bot.listeners.order import Order
from incidents import outbox
from incidents.notices import Action, Lane, Notice
from incidents.service import queries

_ASK = re.compile(r"^ask\s+", re.IGNORECASE)  # `@sitrep ask which files change`
_WORTH = timedelta(minutes=10)  # after that nobody waits for the answer any more


async def reply(desk: Desk, order: Order, thread: str) -> None:
    """Answer a question from the record, in the thread where it was asked; nothing is moved."""
    async with desk.once(order.key) as tx:
        incident = await queries.get(tx.session, order.incident_id)
        answer = Notice(
            key=f"{incident.key}:asked:{order.key}",
            lane=Lane.ROOM,
            action=Action.POST,
            target=f"at:{order.place.channel}:{thread}",
            surface="answer",
            params={"question": _ASK.sub("", order.argument.lstrip("? "))},
            due_at=tx.now,
            expires_at=tx.now + _WORTH,
        )
        await outbox.put(tx, order.incident_id, answer)
