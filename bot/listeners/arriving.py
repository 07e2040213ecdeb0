"""People who arrive: in an incident's channel, or in the App Home."""

from typing import Any

from bot.listeners import commands, looking, payloads, replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Place
from incidents import homes
from incidents.service import presence, queries


async def joined(desk: Desk, body: dict[str, Any]) -> None:
    """Catch up whoever joins an incident's channel, for their eyes alone."""
    event = body["event"]
    await _returned(desk, body)
    identity = await desk.identity.learn()
    if identity.bot_user in (event["user"], event.get("inviter")):
        return  # whom the bot invites is told by the page or the notice that goes with it
    place = Place(user=event["user"], channel=event["channel"])
    incident_id = await commands.in_incident(desk, place)
    if not incident_id:
        return
    async with desk.once(f"event:{body['event_id']}") as tx:
        incident = await queries.get(tx.session, incident_id)
    if event["user"] == incident.reporter:
        return  # the reporter was here first and sees the card being posted
    await replies.privately(desk, place, await looking.status(desk, Order("", place, incident_id)))


async def _returned(desk: Desk, body: dict[str, Any]) -> None:
    """Note that somebody is back whom the incident counted on when they left."""
    event = body["event"]
    incident_id = await commands.in_incident(desk, Place(user=event["user"], channel=event["channel"]))
    if incident_id:
        async with desk.ctx.store.transaction() as tx:
            if await presence.is_news(tx, incident_id, event["user"], payloads.time_of(event["event_ts"])):
                await presence.returned(tx, incident_id, event["user"])


async def opened_home(desk: Desk, body: dict[str, Any]) -> None:
    """Have the home drawn for whoever opened it."""
    event = body["event"]
    if event.get("tab") not in (None, "home"):
        return
    async with desk.once(f"event:{body['event_id']}") as tx:
        await homes.opened(tx, event["user"], body["event_id"])
