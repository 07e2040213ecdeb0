"""Forms that were sent: acked when they are stored, and in time where that takes longer than Slack waits.

Slack gives up on a form after 3 s and shows a fault of its own, and nobody knows then whether it was stored. So a form
that is not stored by then says so, keeps what was typed, and becomes what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from slack_bolt.async_app import AsyncAck

from bot.listeners import ending, following, redrawing, replies, sent_forms
from bot.listeners.desk import Desk
from bot.listeners.modals import Sending
from bot.listeners.payloads import Submission
from bot.listeners.sharing import SeenBefore
from bot.views import trouble, unstored
from bot.views.message import Json
from incidents import store_errors
from incidents.errors import Conflict, Repeated

#: How long a database that is away is tried again; a form that stays open for longer is looked at by nobody.
_TRIES_SECONDS = 60.0
#: How long the try under way may take when Sitrep stops; the rest of the drain is for saying what came of it.
_LAST_SECONDS = 2.0
_LOOK_AT_IT = "Something is to be looked at before it is sent: open it again, with these words."


class Outcome(NamedTuple):
    """What a form brings about."""

    answer: Json  #: its ack
    incident_id: int = 0  #: the incident that is followed in it, or 0
    stored: bool = True  #: False where the form comes back
    faults: Mapping[str, str] = {}  #: why it could not be stored: field, or "" for the form as a whole -> one sentence


Sends = Callable[[Desk, Submission], Awaitable[Outcome]]
Refuses = Callable[[Desk, Submission, Exception], Mapping[str, str]]


async def take_in(desk: Desk, sent: Submission, ack: AsyncAck, sends: Sends, refuses: Refuses) -> None:
    """Do what the form asks for and ack with what came of it, or in time with the form that is not stored yet."""
    sending = desk.modals.send(sent.view.id, sent.key)
    work = asyncio.ensure_future(sends(desk, sent))
    await asyncio.wait({work}, timeout=desk.patience_seconds)
    if not work.done():
        desk.modals.begin(sent.view.id)
        await ack(response_action="update", view=unstored.waiting(sent.view.shape, sent_forms.kept(sent)))
        desk.background.watch(replies.guarded(desk, sent.place, _outlast(desk, sent, sending, work, sends, refuses)))
        return
    outcome = await _outcome(desk, sent, sending, work, refuses)
    answer = _answer(sent, outcome)
    if "errors" not in answer:  # with these the form stays, and what was pressed in it is still to be drawn
        desk.modals.begin(sent.view.id)
    await ack(**answer)
    if outcome.incident_id:
        follows = following.follow(desk, sent.place.user, sending, outcome.incident_id)
        desk.background.watch(replies.guarded(desk, sent.place, follows))


def _answer(sent: Submission, outcome: Outcome) -> Json:
    """Return the ack; a form that comes back keeps the key of what was typed into it, as it may be stored after all."""
    if "" in outcome.faults:
        return {"response_action": "update", "view": _failed(sent, outcome)}
    return {"response_action": "errors", "errors": outcome.faults} if outcome.faults else outcome.answer


def _failed(sent: Submission, outcome: Outcome) -> Json:
    return unstored.failed(sent.view.shape, sent_forms.kept(sent), outcome.faults)


async def _outcome(
    desk: Desk, sent: Submission, sending: Sending, work: Awaitable[Outcome], refuses: Refuses
) -> Outcome:
    try:
        outcome = await work
    except (SeenBefore, Repeated):
        return Outcome({})
    except Exception as error:  # noqa: BLE001 - the form stays open with what was typed, whatever happened
        faults = refuses(desk, sent, error)
        # What was stored when it was sent before is not called anything else.
        return Outcome({}) if desk.modals.is_stored(sending) else Outcome({}, stored=False, faults=faults)
    if outcome.stored:
        desk.modals.note_stored(sending)
    return outcome


async def _outlast(
    desk: Desk, sent: Submission, sending: Sending, work: Awaitable[Outcome], sends: Sends, refuses: Refuses
) -> None:
    """Wait for `work`, again and again while the database is away, and say what came of it."""
    outcome = await _outcome(desk, sent, sending, _tried(desk, sent, work, sends), refuses)
    answer = outcome.answer
    if outcome.faults:
        view = _failed(sent, outcome)
    else:
        view = answer.get("view") or unstored.stored(sent.view.shape, clears=answer.get("response_action") == "clear")
    if outcome.incident_id and not desk.background.stopping.is_set():
        await redrawing.change_at_pace(desk, sending, view)  # what follows is said where this is not
        await following.follow(desk, sent.place.user, sending, outcome.incident_id)
        return
    instead, closed = replies.note(unstored.late(sent.view.shape)), None
    if not outcome.stored:
        # Whoever closed it believes it stored, and has the words nowhere else.
        words = unstored.closed(sent.view.shape, outcome.faults or {"": _LOOK_AT_IT})
        instead = closed = trouble.keeping(replies.note(f":warning: {words}"), unstored.typed(sent.view.shape))
    await ending.end(desk, sent.place.user, sending, view, instead=instead, closed=closed)


async def _tried(desk: Desk, sent: Submission, work: Awaitable[Outcome], sends: Sends) -> Outcome:
    """Return what the tries come to; when Sitrep stops, the one under way is the last and is never cut off.

    Raises:
        Exception: what the last try raised.
    """
    first, stopping = [work], desk.background.stopping

    async def once_more() -> Outcome:
        try:
            return await (first.pop() if first else sends(desk, sent))
        except store_errors.TROUBLE as error:
            known = store_errors.explain(error)
            if known is None or not stopping.is_set():
                raise
            raise known from error  # nobody is left to try again

    tries = asyncio.ensure_future(store_errors.outlast(once_more, _TRIES_SECONDS))
    tries.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may outlast whoever waits
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({tries, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
    await asyncio.wait({tries}, timeout=_LAST_SECONDS)
    if not tries.done():
        raise Conflict("Sitrep is being restarted.", remedy="Send it again in a minute: it is stored once.")
    return tries.result()
