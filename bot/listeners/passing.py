"""Calls that fail for a moment, while somebody waits for what they show."""

import asyncio
from collections.abc import Awaitable, Callable

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import slack_errors
from bot.slack_errors import Refusal, Verdict

_CALLS, _BETWEEN_CALLS_SECONDS = 3, 0.5
_LONGEST_WAIT_SECONDS = 10.0  # Slack asks for more: the person hears that instead


def trouble(error: BaseException, method: str = "") -> Refusal | None:
    """Return what a call failed by where that passes by itself, else None: it is refused, or a fault of ours."""
    refusal = None if isinstance(error, SlackObjectFormationError) else slack_errors.read(error, method)
    return refusal if refusal and refusal.verdict in (Verdict.AGAIN, Verdict.UNCLEAR) else None


async def repeated(method: str, call: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
    """Make a call that may as well be made twice, again where Slack is in trouble for a moment."""
    for _ in range(_CALLS - 1):
        try:
            return await call()
        except slack_errors.TROUBLE as error:
            refusal = trouble(error, method)
            wait_seconds = (refusal and refusal.retry_after_seconds) or _BETWEEN_CALLS_SECONDS
            if refusal is None or wait_seconds > _LONGEST_WAIT_SECONDS:
                raise
        await asyncio.sleep(wait_seconds)
    return await call()
