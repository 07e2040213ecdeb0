"""What is said in an incident's channel: triage answers, `>option 2`, questions, words under a decision."""

import re
from dataclasses import replace

import structlog

from bot.listeners import answering, commands, deciding, heads, replies, vocabulary
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Posted
from incidents.errors import Conflict, Repeated
from incidents.lifecycle import Status, way_back
from incidents.service import queries, triaging
from incidents.service.triaging import Words

log = structlog.get_logger(__name__)

_OPTION = re.compile(r"(?:^|\s)>\s*option\s+(\d{1,2})\b", re.IGNORECASE)
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)>[\s:,]*")
_TICK = "white_check_mark"


async def heard(desk: Desk, posted: Posted) -> None:
    """Act on a message in an incident's channel; most of what people say to each other is left alone.

    An edited message counts as it reads now: it corrects the facts that it gave, and chooses the option that it names
    since. Who deletes a message takes nothing back: what was chosen or said by it stands under their name and is
    corrected by saying it anew, so that nothing that others have seen and built on vanishes without a word.
    """
    incident_id = await commands.in_incident(desk, posted.place)
    if not incident_id or not posted.text:
        return
    order = Order(posted.key, posted.place, incident_id, posted.text)
    addressed = await _to_the_bot(desk, posted.text)
    chosen = _option(posted.text)
    if chosen:
        if chosen != _option(posted.before):
            await _choose(desk, replace(order, argument=chosen), posted)
    elif posted.text.startswith("?") and not posted.edited:
        await answering.reply(desk, order, posted.place.thread or posted.ts)
    elif addressed:
        if not _is_answered(addressed):
            await _facts(desk, order, posted)
    elif not posted.place.thread or posted.edited or not await _under_a_decision(desk, order, posted):
        await _facts(desk, order, posted)


def _option(text: str) -> str:
    """Return the number of the option that `text` chooses, or an empty string."""
    found = _OPTION.search(text)
    return found[1] if found else ""


async def _choose(desk: Desk, order: Order, posted: Posted) -> None:
    try:
        await deciding.option(desk, order)
    except Repeated:
        log.info("said_twice", user=order.actor, incident=order.incident_id)
    await _tick(desk, posted)


async def _to_the_bot(desk: Desk, text: str) -> str:
    """Return what follows the bot's mention that `text` begins with, or an empty string."""
    found = _MENTION.match(text)
    if not found or found[1] != (await desk.identity.learn()).bot_user:
        return ""
    return text[found.end() :].strip() or text


def _is_answered(words: str) -> bool:
    """Return whether words said to the bot are a command or a question: those its mention brings, and answers."""
    meant = vocabulary.meant(words, in_room=True)
    return bool(meant.word or meant.typo) or "?" in words or vocabulary.asks(words)


async def _under_a_decision(desk: Desk, order: Order, posted: Posted) -> bool:
    """Offer to send a pending decision back with these words; talk among people is never taken for feedback."""
    async with desk.ctx.store.read() as session:
        waiting = await queries.pending_approvals(session, order.incident_id)
    asked = {each.key: each.number for each in waiting}
    root = await heads.of_thread(desk, posted.place, list(asked))
    if root not in asked:
        return False
    async with desk.once(posted.key):
        pass
    await replies.privately(desk, posted.place, deciding.offer_send_back(asked[root], posted.text, posted.ts))
    return True


async def _facts(desk: Desk, order: Order, posted: Posted) -> None:
    """Take triage facts from what was written, new or edited; in the question's thread any answer counts.

    Raises:
        Conflict: the incident is over, or somebody else said otherwise before; only told to whoever answers or edits.
    """
    asked = bool(await heads.of_thread(desk, posted.place, [f"inc-{order.incident_id}:triage"]))
    words = Words(posted.text, message=posted.ts, as_of=posted.as_of, before=posted.before, asked=asked)
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        known = await triaging.sources(session, incident)
        heard = triaging.weigh(incident, known, order.actor, words)
    answers = asked or any(source.message == posted.ts for source in known.values())
    if heard and incident.status is not Status.OPEN and answers:
        raise Conflict(
            f"{incident.key} is already {incident.status}, so its facts stay as they are.",
            remedy=way_back(incident.status),
        )
    if heard and incident.status is Status.OPEN:
        async with desk.once(posted.key) as tx:
            await triaging.add_facts(tx, desk.ctx, order.incident_id, order.actor, words)
        await _tick(desk, posted)
    otherwise = triaging.contradiction(heard, incident.facts, known)
    if otherwise:
        raise Conflict(
            otherwise,
            remedy="They correct it by editing their message; `/incident note` puts yours on the timeline.",
        )


async def _tick(desk: Desk, posted: Posted) -> None:
    await replies.react(desk, posted.place.channel, posted.ts, _TICK)
