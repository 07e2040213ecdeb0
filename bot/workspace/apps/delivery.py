"""Bring payloads to apps over the road that each has chosen, again when Slack would try again."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bot.workspace.apps.http_delivery import HttpDelivery
from bot.workspace.apps.parcels import Kind, Parcel, Road
from bot.workspace.apps.socket_mode import SocketMode
from bot.workspace.config import DeliveryConfig
from bot.workspace.contents.model import App, Json
from bot.workspace.rules.errors import DeliveryError, OperationTimeout, RetryUnwanted

logger = logging.getLogger(__name__)


class Delivery:
    """The workspace's way to its apps."""

    def __init__(self, config: DeliveryConfig) -> None:
        self._config = config
        self.sockets = SocketMode(config)
        self._http = HttpDelivery(config)
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent: set[str] = set()

    async def ask(self, app: App, kind: Kind, payload: Json) -> Json | None:
        """Deliver what a person waits for and return the ack's payload.

        Raises:
            DeliveryError: the person is told its code. Over Socket Mode an unacknowledged payload comes once more.
        """
        parcel = Parcel(kind, payload)
        try:
            return await self._attempt(app, parcel)
        except OperationTimeout as fault:
            if app.request_url is None:
                self._spawn(self._again(app, parcel, fault, waits=self._config.retry_seconds[:1]))
            raise

    def tell(self, app: App, kind: Kind, payload: Json) -> None:
        """Deliver in the background what nobody waits for."""
        self._spawn(self._tell(app, kind, payload))

    def announce(self, app: App, payload: Json) -> None:
        """Deliver an event in the background, with Slack's retries."""
        self._spawn(self._announce(app, Parcel(Kind.EVENTS, payload)))

    async def close(self) -> None:
        """Stop trying."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def _tell(self, app: App, kind: Kind, payload: Json) -> None:
        try:
            await self.ask(app, kind, payload)
        except DeliveryError as fault:
            self._complain(app, kind, fault)

    async def _announce(self, app: App, parcel: Parcel) -> None:
        try:
            await self._attempt(app, parcel)
        except RetryUnwanted:
            return
        except DeliveryError as fault:
            await self._again(app, parcel, fault, waits=self._config.retry_seconds)

    async def _again(self, app: App, parcel: Parcel, fault: DeliveryError, *, waits: tuple[float, ...]) -> None:
        try:
            for number, wait in enumerate(waits, start=1):
                await asyncio.wait({parcel.answer}, timeout=wait)
                if parcel.answer.done():
                    return
                parcel.attempt, parcel.reason = number, fault.reason
                try:
                    await self._attempt(app, parcel)
                except DeliveryError as again:
                    fault = again
                else:
                    return
            self._complain(app, parcel.kind, fault)
        finally:
            self._road(app).forget(parcel)

    def _complain(self, app: App, kind: Kind, fault: DeliveryError) -> None:
        """Log a lost payload; of an app that stays away only the first, or the log would hold nothing else."""
        level = logging.DEBUG if app.id in self._silent else logging.WARNING
        self._silent.add(app.id)
        logger.log(level, "%s gave no ack for a %s payload: %s", app.name, kind, fault.code)

    async def _attempt(self, app: App, parcel: Parcel) -> Json | None:
        answer = await self._road(app).attempt(app, parcel)
        self._silent.discard(app.id)
        return answer

    def _road(self, app: App) -> Road:
        return self._http if app.request_url else self.sockets

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a delivery broke", exc_info=task.exception())
