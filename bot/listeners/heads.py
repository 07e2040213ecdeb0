"""Which of the bot's notices heads a thread that somebody writes in."""

from sqlmodel import col, select

from bot.delivery.lookout import EVENT_TYPE
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.payloads import Place
from incidents import records


async def of_thread(desk: Desk, place: Place, keys: list[str]) -> str:
    """Return which of the notices `keys` heads the thread that `place` is in, or an empty string."""
    if not place.thread:
        return ""
    async with desk.ctx.store.read() as session:
        found = await session.scalars(select(records.Outbox).where(col(records.Outbox.key).in_(keys)))
        rows = list(found.all())
    for row in rows:
        if row.result.get("ts") == place.thread:
            return row.key
    # People can answer what Slack's answer to us has not told us of yet: then the message itself says what it is.
    if any(row.first_tried_at is not None and row.state != "done" for row in rows):
        key = await _key_on(desk, place.channel, place.thread)
        return key if key in keys else ""
    return ""


async def _key_on(desk: Desk, channel: str, ts: str) -> str:
    """Return the outbox key that a message of the bot carries, or an empty string."""
    message = await replies.message_at(desk, channel, ts)
    metadata = message.get("metadata") or {}
    identity = await desk.identity.learn()
    if metadata.get("event_type") != EVENT_TYPE or message.get("user") != identity.bot_user:
        return ""
    return str((metadata.get("event_payload") or {}).get("key", ""))
