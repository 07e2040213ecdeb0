"""Messages put on the timeline: by 📌, by pinning, by shortcut. The original time and a link stay with them."""

from typing import Any

from bot import slack_errors
from bot.ids import Field, Form
from bot.listeners import commands, payloads, replies
from bot.listeners.desk import Desk
from bot.listeners.payloads import Place, Shortcut
from bot.listeners.sharing import SeenBefore
from bot.views import forms, mrkdwn
from incidents import inbound, lengths
from incidents.errors import InvalidInput
from incidents.service import queries, respond, sight

#: Names of 📌 and its like, as reaction_added brings them.
PINS = frozenset({"pushpin", "round_pushpin"})
_TICK = "white_check_mark"


async def reacted(desk: Desk, body: dict[str, Any]) -> None:
    """Put the message under 📌 on the timeline."""
    event = body["event"]
    item = event.get("item") or {}
    if event.get("reaction") not in PINS or item.get("type") != "message":
        return
    await _mark(desk, f"event:{body['event_id']}", event["user"], item["channel"], item["ts"])


async def pinned(desk: Desk, body: dict[str, Any]) -> None:
    """Put a pinned message on the timeline; the bot's own pin of the live card is none."""
    event = body["event"]
    message = (event.get("item") or {}).get("message") or {}
    identity = await desk.identity.learn()
    if event.get("user") == identity.bot_user or message.get("bot_id") or not message.get("ts"):
        return
    channel = event.get("channel_id") or event["item"].get("channel", "")
    await _mark(desk, f"event:{body['event_id']}", event["user"], channel, message["ts"])


async def _mark(desk: Desk, key: str, person: str, channel: str, ts: str) -> None:
    incident_id = await commands.in_incident(desk, Place(user=person, channel=channel))
    if not incident_id:
        return
    message = await replies.message_at(desk, channel, ts)
    text = payloads.plain(message.get("text") or "")
    if not text:
        return
    await _note(desk, key, incident_id, person, text, channel, ts)


async def _note(desk: Desk, key: str, incident_id: int, person: str, text: str, channel: str, ts: str) -> None:
    link = await _permalink(desk, channel, ts)
    at = payloads.time_of(ts)
    async with desk.once(key) as tx:
        # Two people may mark the same message; the second finds it there.
        if not await inbound.first_time(tx, f"note:{channel}:{ts}"):
            raise SeenBefore
        # The message itself stands behind the link, so what is longer than a note is cut and shows it.
        said = mrkdwn.clip(text, lengths.WORDS)
        await respond.add_note(tx, desk.ctx, incident_id, person, said, at=at, link=link)
    await replies.react(desk, channel, ts, _TICK)


async def _permalink(desk: Desk, channel: str, ts: str) -> str:
    try:
        answer = await desk.client.chat_getPermalink(channel=channel, message_ts=ts)
    except slack_errors.TROUBLE:
        return ""  # the note is worth having without its link
    return str(answer.get("permalink") or "")


async def shortcut(desk: Desk, sent: Shortcut) -> None:
    """Put the message on the timeline of its channel's incident; elsewhere ask which incident is meant."""
    incident_id = await commands.in_incident(desk, sent.place)
    if incident_id:
        await _note(desk, sent.key, incident_id, sent.place.user, sent.text or "(no text)", sent.place.channel, sent.ts)
        return
    async with desk.ctx.store.read() as session:
        seen = sight.seen_by(sent.place.user, desk.ctx.settings)
        incidents = await queries.open_incidents(session, seen, limit=forms.MAX_CHOICES)
    if not incidents:
        raise InvalidInput(
            "No incident is open.", remedy="Use “Declare from message” to open one.", field=Field.INCIDENT
        )
    await replies.show(desk, sent.place, forms.which_incident(Form.NOTE, incidents, typed=sent.text))
