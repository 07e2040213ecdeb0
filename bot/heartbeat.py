"""The dead man's switch: a call that comes every minute while notices leave, and stays away when they do not.

Whoever waits for it (Healthchecks, Dead Man's Snitch, an Alertmanager elsewhere) rings when it is missed. It needs no
network of ours to say that ours is gone.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Set
from datetime import timedelta
from enum import Enum, auto

import httpx
import structlog

_TIMEOUT_SECONDS = 10.0

log = structlog.get_logger(__name__)

#: Answers {name: trouble}, with an empty string where all is well.
Checks = Callable[[], Awaitable[dict[str, str]]]

START = "start"  #: the one check there is while a process starts or stops


class _Standing(Enum):
    """Why it beats or stays away; each is logged once."""

    WELL = auto()
    STARTING = auto()  #: or stopping: nothing is wrong yet
    TROUBLED = auto()


class Heart:
    """Beats while nothing is wrong."""

    def __init__(self, url: str, every: timedelta, checks: Checks) -> None:
        self._url = url
        self._every_seconds = every.total_seconds()
        self._checks = checks
        self._standing = _Standing.WELL

    async def keep(self, stopping: asyncio.Event) -> None:
        """Beat until `stopping`; nothing is sent at the end, so that a process that nobody starts again is missed."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            while not stopping.is_set():
                await self.beat(client)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), self._every_seconds)

    async def beat(self, client: httpx.AsyncClient) -> bool:
        """Call once, unless something is wrong; returns whether the call was taken."""
        troubled = {name: trouble for name, trouble in (await self._checks()).items() if trouble}
        troubles = [f"{name}: {trouble}" for name, trouble in troubled.items()]
        withheld = " ".join(troubles)
        standing = _standing(troubled.keys())
        if standing is not self._standing:
            say = log.warning if standing is _Standing.TROUBLED else log.info
            say("the heartbeat stays away" if withheld else "the heartbeat goes on", why=withheld or "all well")
        self._standing = standing
        if withheld:
            return False
        try:
            answer = await client.get(self._url)
        except httpx.HTTPError as error:
            log.warning("the heartbeat could not be sent", why=str(error) or type(error).__name__)
            return False
        if not answer.is_success:
            log.warning("the heartbeat was refused", status=answer.status_code)
        return answer.is_success


def _standing(troubled: Set[str]) -> _Standing:
    if not troubled:
        return _Standing.WELL
    return _Standing.TROUBLED if troubled - {START} else _Standing.STARTING
