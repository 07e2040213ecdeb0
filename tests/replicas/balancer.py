"""A balancer before two replicas in HTTP mode that gives both of them each payload."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot import http
from bot.settings import Address

_PATH = "/slack/events"
_AGAIN = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}


class Balancer:
    """Sends every payload to the first replica and, marked as Slack's retry, to the second, whose answer counts."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.replicas: tuple[str, str] = ("", "")  #: HOST:PORT of each
        self.at_once = True  #: or the second when the first has answered
        self.answers: list[tuple[int, int]] = []  #: the status that each of the two gave, by payload
        self._client = client
        self._listening = http.Listening(
            Address("127.0.0.1", 0), "balancer", [Route(_PATH, self._both, methods=["POST"])]
        )

    @property
    def url(self) -> str:
        """Return where Slack sends payloads to."""
        return f"http://{self._listening.address}{_PATH}"

    async def start(self) -> None:
        """Listen."""
        await self._listening.start()

    async def stop(self) -> None:
        """Listen no more."""
        await self._listening.stop()

    async def _both(self, request: Request) -> Response:
        body, headers = await request.body(), {**request.headers}
        first = asyncio.create_task(self._give(self.replicas[0], body, headers))
        if not self.at_once:
            await first
        second = await self._give(self.replicas[1], body, {**headers, **_AGAIN})
        self.answers.append(((await first).status_code, second.status_code))
        kind = {"content-type": second.headers.get("content-type", "text/plain")}
        return Response(second.content, second.status_code, kind)

    async def _give(self, address: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return await self._client.post(f"http://{address}{_PATH}", content=body, headers=headers)


@asynccontextmanager
async def balancer() -> AsyncIterator[Balancer]:
    """Yield a balancer that listens, with no replica behind it yet."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        made = Balancer(client)
        await made.start()
        try:
            yield made
        finally:
            await made.stop()
