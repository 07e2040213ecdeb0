"""Forms that were sent: acked when they are stored, and in time where that takes longer than Slack waits.

Slack gives up on a form after 3 s and shows a fault of its own, and nobody knows then whether it was stored. So a form
that is not stored by then says so, keeps what was typed, and becomes what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable

from slack_bolt.async_app import AsyncAck

from bot.listeners import following, payloads, replies
from bot.listeners.desk import Desk
from bot.listeners.payloads import Submission
from bot.listeners.sharing import SeenBefore
from bot.views import trouble, unstored
from bot.views.message import Json
from incidents import store_errors
from incidents.errors import Repeated

#: How long a database that is away is tried again; a form that stays open for longer is looked at by nobody.
_TRIES_SECONDS = 60.0

#: What a form brings about: its ack, and the incident that is followed in it, or 0.
Outcome = tuple[Json, int]
Sends = Callable[[Desk, Submission], Awaitable[Outcome]]
Refuses = Callable[[Desk, Submission, Exception], Json]


async def take_in(desk: Desk, sent: Submission, ack: AsyncAck, sends: Sends, refuses: Refuses) -> None:
    """Do what the form asks for and ack with what came of it, or in time with the form that is not stored yet."""
    work = asyncio.ensure_future(sends(desk, sent))
    await asyncio.wait({work}, timeout=desk.patience_seconds)
    if not work.done():
        await ack(response_action="update", view=unstored.waiting(sent.view.shape, payloads.kept(sent)))
        desk.background.watch(replies.guarded(desk, sent.place, _outlast(desk, sent, work, sends, refuses)))
        return
    answer, incident_id = await _outcome(desk, sent, work, refuses)
    await ack(**answer)
    if incident_id:
        desk.background.watch(replies.guarded(desk, sent.place, following.follow(desk, sent.view.id, incident_id)))


async def _outcome(desk: Desk, sent: Submission, work: Awaitable[Outcome], refuses: Refuses) -> Outcome:
    try:
        return await work
    except (SeenBefore, Repeated):
        return {}, 0
    except Exception as error:  # noqa: BLE001 - the form stays open with what was typed, whatever happened
        return refuses(desk, sent, error), 0


async def _outlast(desk: Desk, sent: Submission, work: Awaitable[Outcome], sends: Sends, refuses: Refuses) -> None:
    """Wait for `work`, again and again while the database is away, and turn the form into what came of it."""
    first = [work]

    async def once_more() -> Outcome:
        return await (first.pop() if first else sends(desk, sent))

    tried = store_errors.outlast(once_more, _TRIES_SECONDS)
    answer, incident_id = await _outcome(desk, sent, tried, refuses)
    faults: dict[str, str] = answer.get("errors") or {}
    if faults:
        view = unstored.failed(sent.view.shape, payloads.kept(sent), faults)
    else:
        view = answer.get("view") or unstored.stored(sent.view.shape)
    shown = await replies.change_at_pace(desk, sent.view.id, view)
    if shown is None and faults:  # whoever closed it believes it stored, and has the words nowhere else
        said = replies.note(f":warning: {unstored.closed(sent.view.shape, faults)}")
        await replies.directly(desk, sent.place.user, trouble.keeping(said, unstored.typed(sent.view.shape)))
    if incident_id:
        await following.follow(desk, sent.view.id, incident_id)
