"""How requested faults strike a request: before it takes effect, or after."""

import asyncio
from dataclasses import dataclass

from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.workspace.core import Core
from bot.workspace.rules.dropping import Dropped
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.faults import Fault, FaultKind


@dataclass(frozen=True, slots=True)
class Interference:
    """What faults do to one request; `answer` is given instead of doing anything."""

    answer: Response | None = None
    name: str = ""
    drops_answer: bool = False


async def strike(core: Core, name: str) -> Interference:
    """Let the faults for this method strike, latency at once, and return what else is to happen."""
    struck = core.faults.strike(name)
    if not struck:
        return Interference()
    await asyncio.sleep(sum(fault.seconds for fault in struck if fault.kind is FaultKind.LATENCY))
    for fault in struck:
        answer = _instead(fault)
        if answer is not None:
            return Interference(answer, name=f"fault:{fault.kind}")
    return Interference(drops_answer=any(fault.kind is FaultKind.DROP_AFTER for fault in struck))


def _instead(fault: Fault) -> Response | None:
    match fault.kind:
        case FaultKind.RATE_LIMITED:
            body = SlackError("ratelimited").body()
            return JSONResponse(body, status_code=429, headers={"retry-after": str(fault.retry_after)})
        case FaultKind.SERVER_ERROR:
            return PlainTextResponse("upstream connect error", status_code=fault.status)
        case FaultKind.DROP_BEFORE:
            return Dropped()
        case FaultKind.ERROR:
            return JSONResponse(SlackError(fault.error).body())
        case _:
            return None
