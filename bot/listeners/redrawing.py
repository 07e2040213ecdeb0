"""Modals that are open, changed to what is so now; never to what was so before."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from slack_sdk.errors import SlackApiError

from bot import slack_errors
from bot.delivery.pace import UPDATE_VIEW
from bot.listeners import passing
from bot.listeners.desk import Desk
from bot.views.message import Json
from incidents.notices import Lane

#: The modal was closed, or changed by a newer press, while we looked things up.
_GONE = ("not_found", "view_not_found", "hash_conflict", "expired_view")
#: What says how a form ended is waited with for that long, where Slack asks for it.
_WORTH_WAITING_SECONDS = 30.0


async def change(desk: Desk, view_id: str, view: Json, *, hash_: str = "", drawing: int | None = None) -> Json | None:
    """Change a modal that is open; None when it was closed, or changed meanwhile.

    With the number of its `drawing` it is not made once that is out of date (see `Modals`); without one it is the
    newest, and what is drawn after it before Slack has taken it stands in its stead.
    """
    number = desk.modals.begin(view_id) if drawing is None else drawing
    return await _changed(desk, view_id, view, hash_, lambda: desk.modals.is_newest(view_id, number))


async def change_at_pace(desk: Desk, view_id: str, view: Json) -> Json | None:
    """Change a modal that somebody waits in, as soon as Slack's pace allows; None when it was closed.

    It says what came of a form: what was begun before is not drawn over it, and nothing pressed meanwhile stops it.
    """
    desk.modals.begin(view_id)
    wait_seconds = desk.pace.wait((UPDATE_VIEW,), "", time.monotonic(), lane=Lane.ROOM)
    desk.pace.take((UPDATE_VIEW,), "", time.monotonic())
    await asyncio.sleep(wait_seconds)
    return await _changed(desk, view_id, view, "", lambda: True, longest_seconds=_WORTH_WAITING_SECONDS)


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
