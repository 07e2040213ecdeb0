"""Forms that were sent: acked when they are stored, and in time where that takes longer than Slack waits.

Slack gives up on a form after 3 s and shows a fault of its own, and nobody knows then whether it was stored. So a form
that is not stored by then says so, keeps what was typed, and becomes what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import structlog
from slack_bolt.async_app import AsyncAck

from bot import slack_errors
from bot.delivery.pace import UPDATE_VIEW
from bot.listeners import following, payloads, redrawing, replies
from bot.listeners.desk import Desk
from bot.listeners.payloads import Submission
from bot.listeners.sharing import SeenBefore
from bot.views import trouble, unstored
from bot.views.message import Json
from incidents import store_errors
from incidents.errors import Conflict, Repeated

log = structlog.get_logger(__name__)

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
    work = asyncio.ensure_future(sends(desk, sent))
    await asyncio.wait({work}, timeout=desk.patience_seconds)
    if not work.done():
        desk.modals.begin(sent.view.id)
        await ack(response_action="update", view=unstored.waiting(sent.view.shape, payloads.kept(sent)))
        desk.background.watch(replies.guarded(desk, sent.place, _outlast(desk, sent, work, sends, refuses)))
        return
    outcome = await _outcome(desk, sent, work, refuses)
    answer = _answer(sent, outcome)
    if "errors" not in answer:  # with these the form stays, and what was pressed in it is still to be drawn
        desk.modals.begin(sent.view.id)
    await ack(**answer)
    if outcome.incident_id:
        follows = following.follow(desk, sent.view.id, outcome.incident_id)
        desk.background.watch(replies.guarded(desk, sent.place, follows))


def _answer(sent: Submission, outcome: Outcome) -> Json:
    """Return the ack; a form that comes back keeps the key of what was typed into it, as it may be stored after all."""
    if "" in outcome.faults:
        return {"response_action": "update", "view": _failed(sent, outcome)}
    return {"response_action": "errors", "errors": outcome.faults} if outcome.faults else outcome.answer


def _failed(sent: Submission, outcome: Outcome) -> Json:
    return unstored.failed(sent.view.shape, payloads.kept(sent), outcome.faults)


async def _outcome(desk: Desk, sent: Submission, work: Awaitable[Outcome], refuses: Refuses) -> Outcome:
    try:
        return await work
    except (SeenBefore, Repeated):
        return Outcome({})
    except Exception as error:  # noqa: BLE001 - the form stays open with what was typed, whatever happened
        return Outcome({}, stored=False, faults=refuses(desk, sent, error))


async def _outlast(desk: Desk, sent: Submission, work: Awaitable[Outcome], sends: Sends, refuses: Refuses) -> None:
    """Wait for `work`, again and again while the database is away, and turn the form into what came of it."""
    outcome = await _outcome(desk, sent, _tried(desk, sent, work, sends), refuses)
    answer = outcome.answer
    if outcome.faults:
        view = _failed(sent, outcome)
    else:
        view = answer.get("view") or unstored.stored(sent.view.shape, clears=answer.get("response_action") == "clear")
    if not await _shown(desk, sent.view.id, view) and not outcome.stored:
        # Whoever closed it believes it stored, and has the words nowhere else.
        closed = unstored.closed(sent.view.shape, outcome.faults or {"": _LOOK_AT_IT})
        said = trouble.keeping(replies.note(f":warning: {closed}"), unstored.typed(sent.view.shape))
        await replies.directly(desk, sent.place.user, said)
    if outcome.incident_id:
        await following.follow(desk, sent.view.id, outcome.incident_id)


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


async def _shown(desk: Desk, view_id: str, view: Json) -> bool:
    """Turn the form into `view`; returns whether it shows that."""
    try:
        return await redrawing.change_at_pace(desk, view_id, view) is not None
    except slack_errors.TROUBLE as error:
        log.warning("form_not_changed", view=view_id, error=str(slack_errors.read(error, UPDATE_VIEW) or error))
        return False
