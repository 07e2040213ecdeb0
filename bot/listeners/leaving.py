"""People who leave: an incident's channel, or Slack altogether."""

import contextlib
from typing import Any

import structlog

from bot.listeners import commands, payloads
from bot.listeners.desk import Desk
from bot.listeners.payloads import Place
from bot.listeners.sharing import SeenBefore
from incidents.service import presence
from incidents.service.presence import Leaving

log = structlog.get_logger(__name__)


async def left(desk: Desk, body: dict[str, Any]) -> None:
    """Notice that somebody left, or was removed from, an incident's channel."""
    event = body["event"]
    incident_id = await commands.in_incident(desk, Place(user=event["user"], channel=event["channel"]))
    if not incident_id:
        return
    async with desk.once(f"event:{body['event_id']}") as tx:
        if await presence.is_news(tx, incident_id, event["user"], payloads.time_of(event["event_ts"])):
            await presence.left(tx, desk.ctx, incident_id, event["user"], Leaving.CHANNEL)


async def changed(desk: Desk, body: dict[str, Any]) -> None:
    """Notice in every open incident that an account was deactivated; other changes of it are none of ours."""
    user = body["event"]["user"]
    if not user.get("deleted"):
        return
    person = str(user["id"])
    async with desk.ctx.store.read() as session:
        concerned = await presence.concerned(session, desk.ctx.settings, person)
    for incident_id in concerned:
        # Each in a transaction and with a key of its own: nobody holds two incidents at once.
        with contextlib.suppress(SeenBefore):
            async with desk.once(f"event:{body['event_id']}:{incident_id}") as tx:
                await presence.left(tx, desk.ctx, incident_id, person, Leaving.SLACK)
    named = [key for key, known in desk.ctx.settings.people.items() if known.slack == person]
    if named:
        log.warning("person_deactivated", person=named[0], remedy="Name somebody else in sitrep.yml.")
