"""What is typed after `/incident`, or said to @Sitrep in a thread."""

from collections.abc import Awaitable, Callable

from bot.listeners import (
    answering,
    asked,
    bugs,
    deciding,
    declaring,
    finishing,
    hardening,
    learning,
    looking,
    mitigating,
    replies,
    responding,
    steering,
    stepping,
    updating,
    vocabulary,
    vouching,
)
from bot.listeners.desk import Desk
from bot.listeners.order import Order, incident_of
from bot.listeners.payloads import Place, Typed
from bot.views import help, trouble
from bot.views.message import Message
from incidents.errors import InvalidInput, NotFound
from incidents.service import queries


async def _postmortem(desk: Desk, order: Order) -> Message | None:
    if order.argument:
        return await finishing.move_postmortem(desk, order)
    await finishing.open_write(desk, order)
    return None


async def _listing(desk: Desk, place: Place, argument: str) -> Message:
    del argument
    return await looking.listing(desk, place)


async def _drill(desk: Desk, place: Place, argument: str) -> None:
    await declaring.open_modal(desk, place, argument, drill=True)


#: Words that show something.
GENERAL: dict[str, Callable[[Desk, Place, str], Awaitable[Message]]] = {
    "help": looking.helping,
    "list": _listing,
    "find": looking.find,
    "preview": looking.preview,
    "menu": learning.show_menu,
    "learned": learning.learned,
    "hardening": hardening.hardened,
}

#: Words that open a form with what follows them.
OPENS: dict[str, Callable[[Desk, Place, str], Awaitable[None]]] = {
    "": declaring.open_modal,
    "declare": declaring.open_modal,
    "bug": bugs.open_modal,
    "drill": _drill,
}

#: Words about one incident.
ORDERS: dict[str, Callable[[Desk, Order], Awaitable[Message | None]]] = {
    "status": looking.status,
    "timeline": looking.show_timeline,
    "roles": looking.roles,
    "who": looking.who,
    "review": looking.decisions,
    "evidence": looking.evidence,
    "diff": looking.diff,
    "ack": responding.acknowledge,
    "pass": responding.pass_page,
    "severity": responding.severity,
    "role": responding.role,
    "channel": declaring.make_room,
    "update": updating.update,
    "impact": responding.impact,
    "note": responding.note,
    "escalate": responding.escalate,
    "option": deciding.option,
    "approve": deciding.approve,
    "reject": deciding.reject,
    "attest": vouching.attest,
    "gate": vouching.gate,
    "drift": vouching.drift,
    "mitigate": mitigating.mitigate,
    "answer": asked.answer,
    "plan": stepping.plan,
    "retry": stepping.retry,
    "skip": stepping.skip,
    "takeover": stepping.takeover,
    "handover": stepping.handover,
    "rebase": stepping.rebase,
    "begin": steering.begin,
    "pause": steering.pause,
    "resume": steering.resume,
    "stop": steering.stop,
    "restart": steering.restart,
    "resolve": finishing.resolve,
    "reopen": finishing.reopen,
    "cancel": finishing.cancel,
    "postmortem": _postmortem,
    "followup": finishing.followup,
    "close": finishing.close,
}


async def run(desk: Desk, typed: Typed) -> None:
    """Do what was typed and answer the person alone."""
    in_room = await _in_room(desk, typed.place)
    meant = vocabulary.meant(typed.text, in_room=in_room)
    try:
        answer = _mistyped(typed, meant) if meant.typo else await _answer(desk, typed, meant, in_room=in_room)
    except InvalidInput as error:
        if not vocabulary.meant(typed.text).title:
            raise
        way_on = "To declare a new incident, put `declare` before the words."
        raise InvalidInput(error.message, remedy=f"{error.remedy} {way_on}".strip(), field=error.field) from error
    if answer is not None:
        await replies.privately(desk, typed.place, answer)


def _mistyped(typed: Typed, meant: vocabulary.Meant) -> Message:
    if meant.nearest:
        answer = help.did_you_mean(meant.typo, meant.nearest)
    else:
        answer = help.draw(vocabulary.help_words(), unknown=meant.typo)
    return trouble.keeping(answer, typed.line) if " " in typed.text else answer


async def _answer(desk: Desk, typed: Typed, meant: vocabulary.Meant, *, in_room: bool) -> Message | None:
    place = typed.place
    if meant.word in GENERAL:
        return await GENERAL[meant.word](desk, place, meant.argument)
    if meant.word in OPENS:
        await OPENS[meant.word](desk, place, meant.title or meant.argument)
        return None
    if meant.word == "solution":
        return await learning.solution(desk, typed.key, place, meant.argument)
    done = finishing.DONE.fullmatch(meant.argument) if meant.word == "followup" else None
    if done:
        return await finishing.finish_followup(desk, typed.key, place, int(done[1]))
    return await _about_one(desk, typed, meant, in_room=in_room)


async def _about_one(desk: Desk, typed: Typed, meant: vocabulary.Meant, *, in_room: bool) -> Message | None:
    place = typed.place
    # `update fails for everybody`, typed elsewhere
    if meant.argument and not meant.incident and not in_room and place.trigger:
        await declaring.open_modal(desk, place, typed.text)
        return None
    if not meant.incident and not in_room:
        return await looking.which(desk, typed)
    async with desk.ctx.store.read() as session:
        incident = await incident_of(session, desk.ctx.settings, place, meant.incident)
    return await ORDERS[meant.word](desk, Order(typed.key, place, incident.number, meant.argument))


async def _in_room(desk: Desk, place: Place) -> bool:
    """Return whether this is an incident's channel."""
    async with desk.ctx.store.read() as session:
        return await queries.in_channel(session, place.channel) is not None


async def in_incident(desk: Desk, place: Place) -> int:
    """Return the number of the incident of this channel, or 0."""
    async with desk.ctx.store.read() as session:
        try:
            return (await incident_of(session, desk.ctx.settings, place)).number
        except NotFound:
            return 0


async def mentioned(desk: Desk, typed: Typed) -> None:
    """Do what was said to @Sitrep in a thread, or answer what was asked."""
    in_room = await _in_room(desk, typed.place)
    asks = vocabulary.asks(typed.text)
    meant = vocabulary.meant(typed.text, in_room=in_room and not asks)
    if meant.word or meant.typo:
        await run(desk, typed)
        return
    incident_id = await in_incident(desk, typed.place)
    if incident_id and asks:
        order = Order(typed.key, typed.place, incident_id, typed.text)
        await answering.reply(desk, order, typed.place.thread or typed.ts)
        return
    await replies.privately(desk, typed.place, help.draw(vocabulary.help_words()))
