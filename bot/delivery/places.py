"""Where a row goes, worked out from the rows it refers to."""

from dataclasses import dataclass

from sqlalchemy import bindparam
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from bot.delivery.trip import Place
from incidents import records
from incidents.notices import Action, room_of

_CAME_OF = select(records.Outbox.state, records.Outbox.result).where(records.Outbox.key == bindparam("key"))


@dataclass(frozen=True)
class NotYet:
    """The place exists once the row `key` is done."""

    key: str


@dataclass(frozen=True)
class Nowhere:
    """There is no such place, and there will be none."""

    reason: str


async def find(
    session: AsyncSession, row: records.Outbox, incident: records.Incident | None
) -> Place | NotYet | Nowhere:
    """Return where `row` goes."""
    if row.action in (Action.CREATE_CHANNEL, Action.MAIL, Action.PAGE, Action.HOOK):
        return Place()
    if row.of_key:
        return await _message(session, row.of_key)
    kind, _, name = row.target.partition(":")
    person = str(row.params.get("person", ""))
    match kind:
        case "thread":
            head = await _message(session, name)
            return Place(channel=head.channel, thread_ts=head.message_ts) if isinstance(head, Place) else head
        case "at":
            channel, _, ts = name.partition(":")
            return Place(channel=channel, thread_ts=ts)
        case "user":
            return Place(person=name)
        case "channel" if name:
            return Place(channel=name, person=person)
        case "channel" if incident is not None:
            return Place(channel=incident.channel, person=person) if incident.channel else NotYet(room_of(incident.key))
        case _ if person:
            return Place(person=person)
        case _:
            return Nowhere(f"{row.target or 'an empty target'} is no place")


async def _message(session: AsyncSession, key: str) -> Place | NotYet | Nowhere:
    found = (await session.execute(_CAME_OF, {"key": key})).first()
    if found is None:
        return Nowhere(f"{key} was never put on its way")
    if found.state in ("failed", "dropped", "superseded"):
        return Nowhere(f"{key} was not sent ({found.state})")
    if found.state != "done":
        return NotYet(key)
    if "ts" not in found.result:
        return Nowhere(f"{key} went another way than by Slack, so there is no message")
    return Place(channel=str(found.result["channel"]), message_ts=str(found.result["ts"]))
