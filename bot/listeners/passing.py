"""Calls that fail for a moment, while somebody waits for what they show."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from slack_sdk.errors import SlackObjectFormationError

from bot import slack_errors
from bot.listeners.desk import Desk
from bot.slack_errors import Refusal, Verdict

_CALLS, _BETWEEN_CALLS_SECONDS = 3, 0.5
LONGEST_WAIT_SECONDS = 10.0  # Slack asks for more: the person hears that instead

T = TypeVar("T")


def trouble(error: BaseException, method: str = "") -> Refusal | None:
    """Return what a call failed by where that passes by itself, else None: it is refused, or a fault of ours."""
    refusal = None if isinstance(error, SlackObjectFormationError) else slack_errors.read(error, method)
    return refusal if refusal and refusal.verdict in (Verdict.AGAIN, Verdict.UNCLEAR) else None


async def repeated(
    desk: Desk, method: str, call: Callable[[], Awaitable[T]], *, longest_seconds: float = LONGEST_WAIT_SECONDS
) -> T:
    """Make a call that may as well be made twice, again where Slack is in trouble for a moment.

    Raises:
        Exception: what the last call raised, or one after which Slack wants to be left alone for longer.
    """
    for _ in range(_CALLS - 1):
        try:
            return await call()
        except slack_errors.TROUBLE as error:
            refusal = trouble(error, method)
            if refusal is None:
                raise
            asked_seconds = refusal.retry_after_seconds or 0.0
            desk.pace.pause(method, "", asked_seconds, time.monotonic())
            if asked_seconds > longest_seconds:
                raise
        desk.background.leave()  # nobody's form waits behind this one
        await desk.background.rest(asked_seconds or _BETWEEN_CALLS_SECONDS)
    return await call()
