"""Modals that are open, changed to what is so now; never to what was so before."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot import slack_errors
from bot.delivery.pace import UPDATE_VIEW
from bot.listeners import passing
from bot.listeners.desk import Desk
from bot.listeners.modals import Sending
from bot.views.message import Json
from incidents.notices import Lane

log = structlog.get_logger(__name__)

#: The modal was closed, or changed by a newer press, while we looked things up.
_GONE = ("not_found", "view_not_found", "hash_conflict", "expired_view")
#: What says how a form ended is waited with for that long, where Slack asks for it.
_WORTH_WAITING_SECONDS = 30.0


class Taken(StrEnum):
    """What came of changing a modal."""

    SHOWN = "shown"  #: it shows what it was changed to
    GONE = "gone"  #: it was closed
    REPLACED = "replaced"  #: it was sent again with something else, and shows what comes of that
    REFUSED = "refused"  #: Slack does not change it, or not for longer than anybody waits


async def change(desk: Desk, view_id: str, view: Json, *, hash_: str = "", drawing: int | None = None) -> Json | None:
    """Change a modal that is open; None when it was closed, or changed meanwhile.

    With the number of its `drawing` it is not made once that is out of date (see `Modals`); without one it is the
    newest, and what is drawn after it before Slack has taken it stands in its stead.
    """
    number = desk.modals.begin(view_id) if drawing is None else drawing
    return await _changed(desk, view_id, view, hash_, lambda: desk.modals.is_newest(view_id, number))


async def change_at_pace(desk: Desk, sending: Sending, view: Json) -> Taken:
    """Change a modal that somebody waits in, as soon as Slack's pace allows.

    It says what came of a form: what was begun before is not drawn over it, and nothing pressed meanwhile stops it.
    """
    if not desk.modals.is_wanted(sending):
        return Taken.REPLACED
    desk.modals.begin(sending.view_id)
    now = time.monotonic()
    if desk.pace.paused(UPDATE_VIEW, "", now) > _WORTH_WAITING_SECONDS:
        return Taken.REFUSED
    wait_seconds = desk.pace.wait((UPDATE_VIEW,), "", now, lane=Lane.ROOM)
    desk.pace.take((UPDATE_VIEW,), "", now)
    await desk.background.rest(wait_seconds)
    try:
        changed = await _changed(
            desk,
            sending.view_id,
            view,
            "",
            lambda: desk.modals.is_wanted(sending),
            longest_seconds=_WORTH_WAITING_SECONDS,
        )
    except slack_errors.TROUBLE as error:
        log.warning("form_not_changed", view=sending.view_id, error=str(slack_errors.read(error, UPDATE_VIEW) or error))
        return Taken.REFUSED
    if changed is not None:
        return Taken.SHOWN
    return Taken.GONE if desk.modals.is_wanted(sending) else Taken.REPLACED


async def _changed(
    desk: Desk,
    view_id: str,
    view: Json,
    hash_: str,
    is_wanted: Callable[[], bool],
    *,
    longest_seconds: float = passing.LONGEST_WAIT_SECONDS,
) -> Json | None:
    given: dict[str, Any] = {"hash": hash_} if hash_ else {}

    async def call() -> Json | None:
        if not is_wanted():
            return None
        changed: Json = (await desk.client.views_update(view_id=view_id, view=view, **given))["view"]
        return changed

    try:
        return await passing.repeated(desk, UPDATE_VIEW, call, longest_seconds=longest_seconds)
    except SlackApiError as error:
        if slack_errors.word(error) in _GONE:
            return None
        raise
