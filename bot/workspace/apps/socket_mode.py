"""Socket Mode: up to ten connections an app, each payload to one of them, again until it is acknowledged."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from starlette.websockets import WebSocketDisconnect

from bot.workspace.apps.parcels import Kind, Parcel
from bot.workspace.config import DeliveryConfig
from bot.workspace.contents.model import App, Json
from bot.workspace.rules.errors import AppNotConnected, OperationTimeout, SlackError

# Slack, "Using Socket Mode": up to ten simultaneous connections.
MAX_CONNECTIONS: Final = 10
# Real connections live for hours; this is what hello announces, in seconds.
CONNECTION_LIFE: Final = 18_060


class Socket(Protocol):
    """An accepted websocket."""

    async def send_text(self, data: str) -> None:
        """Send one frame."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Say goodbye."""


@dataclass(eq=False)
class Connection:
    """One open connection; `closed` is done when it is gone."""

    socket: Socket
    closed: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    leaving: bool = False


@dataclass(eq=False)
class _AppSockets:
    connections: list[Connection] = field(default_factory=list)
    turn: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    lost_at: float = float("-inf")


class SocketMode:
    """Deliver payloads to the apps that are connected; times are monotonic seconds."""

    def __init__(self, config: DeliveryConfig) -> None:
        self._config = config
        self._apps: dict[str, _AppSockets] = {}
        self._tickets: dict[str, str] = {}
        self._pending: dict[str, Parcel] = {}
        self._silent_until = float("-inf")

    def ticket(self, app_id: str) -> str:
        """Return the secret with which one connection may be opened."""
        ticket = str(uuid.uuid4())
        self._tickets[ticket] = app_id
        return ticket

    def redeem(self, ticket: str) -> str:
        """Return the app that a ticket was issued for and spend it.

        Raises:
            SlackError: invalid_ticket, or too_many_websockets when ten connections are open.
        """
        app_id = self._tickets.pop(ticket, None)
        if app_id is None:
            raise SlackError("invalid_ticket")
        if len(self._sockets(app_id).connections) >= MAX_CONNECTIONS:
            raise SlackError("too_many_websockets")
        return app_id

    def is_connected(self, app_id: str) -> bool:
        """Whether at least one connection of the app is open."""
        return bool(self._sockets(app_id).connections)

    async def join(self, app_id: str, socket: Socket) -> Connection:
        """Greet a new connection and let it take part in deliveries."""
        sockets = self._sockets(app_id)
        connection = Connection(socket)
        hello = {
            "type": "hello",
            "num_connections": len(sockets.connections) + 1,
            "debug_info": _debug_info() | {"approximate_connection_time": CONNECTION_LIFE},
            "connection_info": {"app_id": app_id},
        }
        await socket.send_text(json.dumps(hello))
        sockets.connections.append(connection)
        sockets.arrived.set()
        return connection

    def leave(self, app_id: str, connection: Connection) -> None:
        """Forget a connection; what it did not acknowledge goes to another one."""
        sockets = self._sockets(app_id)
        if connection in sockets.connections:
            sockets.connections.remove(connection)
        if not sockets.connections:
            sockets.arrived.clear()
            sockets.lost_at = time.monotonic()
        if not connection.closed.done():
            connection.closed.set_result(None)

    def acknowledge(self, text: str) -> None:
        """Take an ack, `{"envelope_id", "payload"?}`; acks of what nobody waits for are ignored."""
        try:
            ack = json.loads(text)
        except ValueError:
            return
        parcel = self._pending.pop(str(ack.get("envelope_id")), None) if isinstance(ack, dict) else None
        if parcel is not None and not parcel.answer.done():
            payload = ack.get("payload")
            parcel.answer.set_result(payload if isinstance(payload, dict) else None)

    async def attempt(self, app: App, parcel: Parcel) -> Json | None:
        """Send a payload to one connection, to another one if that closes, and return the ack's payload.

        Raises:
            AppNotConnected: when nothing is connected, nor comes back in time after a refresh.
            OperationTimeout: when no ack came; the parcel stays expected until it is forgotten.
        """
        self._pending[parcel.envelope_id] = parcel
        envelope = json.dumps(_envelope(parcel))
        try:
            async with asyncio.timeout(self._config.ack_seconds):
                while not parcel.answer.done():
                    connection = await self._connection(app.id)
                    await self._send(connection, envelope)
                    await _first(parcel.answer, connection.closed)
        except TimeoutError:
            if self.is_connected(app.id):
                raise OperationTimeout from None
            raise AppNotConnected from None
        return parcel.answer.result()

    def forget(self, parcel: Parcel) -> None:
        """Expect no ack any more."""
        self._pending.pop(parcel.envelope_id, None)

    def silence(self, seconds: float) -> None:
        """Lose everything that should be delivered in the next seconds, connections staying open."""
        self._silent_until = time.monotonic() + seconds

    async def drop(self, app_ids: Iterable[str]) -> None:
        """Cut every connection of these apps."""
        for connection in self._connections(app_ids):
            await connection.socket.close(code=1011)

    async def refresh(self, app_ids: Iterable[str], reason: str) -> None:
        """Ask every connection of these apps to be renewed; `reason` is Slack's."""
        message = json.dumps({"type": "disconnect", "reason": reason, "debug_info": _debug_info()})
        for connection in self._connections(app_ids):
            connection.leaving = reason != "warning"
            await connection.socket.send_text(message)

    async def _connection(self, app_id: str) -> Connection:
        sockets = self._sockets(app_id)
        while True:
            usable = [c for c in sockets.connections if not c.leaving] or sockets.connections
            if usable:
                sockets.turn += 1
                return usable[sockets.turn % len(usable)]
            if time.monotonic() - sockets.lost_at > self._config.reconnect_seconds:
                raise AppNotConnected
            await sockets.arrived.wait()

    async def _send(self, connection: Connection, envelope: str) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            await connection.socket.send_text(envelope)
        except (RuntimeError, OSError, WebSocketDisconnect):
            # The connection died between choosing it and writing to it; its reader takes it off the list.
            await asyncio.shield(connection.closed)

    def _sockets(self, app_id: str) -> _AppSockets:
        return self._apps.setdefault(app_id, _AppSockets())

    def _connections(self, app_ids: Iterable[str]) -> list[Connection]:
        return [connection for app_id in app_ids for connection in self._sockets(app_id).connections]


async def _first(answer: "asyncio.Future[Json | None]", closed: "asyncio.Future[None]") -> None:
    watched: set[asyncio.Future[Any]] = {answer, closed}
    await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)


def _envelope(parcel: Parcel) -> Json:
    envelope: Json = {
        "envelope_id": parcel.envelope_id,
        "payload": parcel.payload,
        "type": parcel.kind.value,
        "accepts_response_payload": parcel.kind is not Kind.EVENTS,
    }
    if parcel.kind is Kind.EVENTS or parcel.attempt:
        envelope |= {"retry_attempt": parcel.attempt, "retry_reason": parcel.reason}
    return envelope


def _debug_info() -> Json:
    return {"host": "applink-local", "build_number": 1}
