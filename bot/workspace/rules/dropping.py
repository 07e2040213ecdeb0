"""A response that never comes: the connection is cut instead."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

#: Cuts the connection of a client's address.
Cutter = Callable[[tuple[str, int]], None]


class Dropped(Response):
    """Close the connection without an answer; the running server provides the way to do so."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut the connection and wait until the server has noticed."""
        cut: Cutter = scope["app"].state.cut
        cut(tuple(scope["client"]))
        while (await receive())["type"] != "http.disconnect":
            continue


def cutter(connections: Callable[[], Iterator[Any]]) -> Cutter:
    """Return a cutter over a server's open connections, each with its `client` and `transport`."""

    def cut(client: tuple[str, int]) -> None:
        for connection in list(connections()):
            if connection.client == client and connection.transport is not None:
                connection.transport.abort()

    return cut
