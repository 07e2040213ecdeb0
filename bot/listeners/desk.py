"""What every listener needs: the installation, Slack's client, and each payload taken in once."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.pace import Pace
from bot.listeners.background import Background
from bot.listeners.modals import Modals
from bot.listeners.sharing import SeenBefore, Sharing
from incidents import inbound, store
from incidents.context import Context
from incidents.turns import Turn

#: Of the 3 s that Slack waits for a form's ack; the rest is for the way here and back, and for a busy machine.
PATIENCE_SECONDS = 2.0

T = TypeVar("T")


@dataclass
class Identity:
    """Who the bot is in its workspace; asked of Slack once."""

    client: AsyncWebClient
    bot_user: str = ""
    workspace_url: str = ""

    async def learn(self) -> "Identity":
        """Ask Slack, unless it has answered before."""
        if not self.bot_user:
            answer = await self.client.auth_test()
            self.bot_user, self.workspace_url = str(answer["user_id"]), str(answer.get("url") or "")
        return self

    def url(self) -> str:
        """Return the workspace's address, or an empty string while Slack has not told it."""
        return self.workspace_url


class Changes:
    """Tells those who wait that something was committed."""

    def __init__(self, store_: store.Store) -> None:
        self._waiting: dict[asyncio.Future[None], frozenset[str]] = {}
        store_.on_commit(self._wake)

    def _wake(self, topics: frozenset[str]) -> None:
        for waiter, wanted in self._waiting.items():
            if not waiter.done() and (not wanted or wanted & topics):
                waiter.set_result(None)

    async def next(self, timeout: float, *topics: str) -> None:
        """Return after the next commit, of `topics` where there are any, or after `timeout` seconds.

        Another replica may have committed, of which nobody tells.
        """
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = frozenset(topics)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return
        finally:
            del self._waiting[waiter]


def _reference() -> str:
    return secrets.token_hex(4)


@dataclass
class Desk:
    """Where listeners work."""

    ctx: Context
    client: AsyncWebClient
    identity: Identity
    changes: Changes
    background: Background = field(default_factory=Background)
    modals: Modals = field(default_factory=Modals)
    pace: Pace = field(default_factory=Pace)  #: of the calls that listeners make
    reference: Callable[[], str] = _reference  #: names a fault in the log and to the person
    patience_seconds: float = PATIENCE_SECONDS  #: how long a form waits for its ack to say that it is stored

    def __post_init__(self) -> None:
        self._sharing = Sharing(self.ctx.store)

    @asynccontextmanager
    async def once(self, key: str) -> AsyncIterator[store.Tx]:
        """Open the transaction of one decision and take `key` in with it.

        Raises:
            SeenBefore: it was taken in before.
        """
        async with self.ctx.store.transaction(turn=Turn.FIRST) as tx:
            if not await inbound.first_time(tx, key):
                raise SeenBefore
            yield tx

    async def share(self, key: str, incident_id: int, act: Callable[[store.Tx], Awaitable[T]]) -> T:
        """Do one decision on an incident, in one transaction with others that people make at the same moment.

        Raises:
            SeenBefore: `key` was taken in before.
        """
        return await self._sharing.do(key, incident_id, act)
