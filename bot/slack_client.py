"""The line to Slack: one shared HTTP session, no automatic retries."""

import ssl
from types import TracebackType
from typing import Self

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

ANSWER_TIMEOUT_SECONDS = 10.0  #: an answer that takes longer is not waited for; a notice's lease, 25 s, outlives it
_CONNECT_TIMEOUT_SECONDS = 5.0
_CONNECTIONS = 40  # more than the deliverer ever has in flight, with room for the listeners


class SlackLine:
    """The Web API client of one process: `async with SlackLine(token, url) as line: line.client`.

    The SDK's own retries would post a message twice when the connection drops after Slack took it; what is to be sent
    again is decided by bot.delivery alone.
    """

    def __init__(self, token: str, api_url: str) -> None:
        self._token = token
        self.api_url = api_url
        self._client: AsyncWebClient | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def client(self) -> AsyncWebClient:
        """Return the client; listeners and delivery share it and its connections."""
        assert self._client is not None, "the line is open"  # noqa: S101 - a fault of ours
        return self._client

    async def open(self) -> None:
        """Make the session; no call is made yet."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_SECONDS, connect=_CONNECT_TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
            trust_env=True,  # HTTPS_PROXY, as everywhere
        )
        self._client = AsyncWebClient(
            token=self._token,
            base_url=self.api_url,
            session=self._session,
            retry_handlers=[],
            ssl=ssl.create_default_context() if self.api_url.startswith("https:") else None,
        )

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
