"""How a form ends that is acked already: it shows what came of it, or its person hears it in a message."""

import time

import structlog

from bot import slack_errors
from bot.listeners import passing, redrawing, replies
from bot.listeners.desk import Desk
from bot.listeners.modals import Sending
from bot.listeners.redrawing import Taken
from bot.views.message import Json, Message

log = structlog.get_logger(__name__)

_LONGEST_SECONDS = 3600.0  # what somebody sent so long ago they have looked for elsewhere
_SOONEST_SECONDS, _LATEST_SECONDS = 1.0, 60.0  # between tries: as long again as it has taken so far


async def end(
    desk: Desk,
    person: str,
    sending: Sending,
    view: Json,
    *,
    instead: Message | None = None,
    closed: Message | None = None,
) -> None:
    """Turn the form into `view`; its person hears `instead` where it cannot be, and `closed` where it is closed.

    Again while Slack takes neither. A message that broke off is sent again: twice is better here than not at all.
    """
    began = time.monotonic()
    # What somebody is told who closed it is that it is not stored; sent once more it may be.
    while closed is None or not desk.modals.is_sent_again(sending):
        taken = await redrawing.change_at_pace(desk, sending, view)
        said = {Taken.SHOWN: None, Taken.GONE: closed}.get(taken, instead)
        if said is None or await _is_told(desk, person, said):
            return
        passed = time.monotonic() - began
        if desk.background.stopping.is_set() or passed > _LONGEST_SECONDS:
            log.error("form_not_answered", user=person, view=sending.view_id)
            return
        await desk.background.rest(min(max(passed, _SOONEST_SECONDS), _LATEST_SECONDS))


async def _is_told(desk: Desk, person: str, said: Message) -> bool:
    try:
        await replies.directly(desk, person, said)
    except slack_errors.TROUBLE as error:
        if passing.trouble(error) is None:
            raise
        log.warning("answer_not_delivered", user=person, error=str(error))
        return False
    return True
