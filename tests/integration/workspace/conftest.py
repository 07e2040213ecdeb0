import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import APP_TOKEN, BOT_TOKEN, SECRET, configuration


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with Workspace(configuration()) as running:
        yield running


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=BOT_TOKEN, base_url=workspace.api_url, session=session)


@pytest.fixture
async def ava(workspace: Workspace) -> AsyncIterator[Person]:
    async with Person(workspace.url, "U0AVA") as person:
        yield person


@pytest.fixture
async def ben(workspace: Workspace) -> AsyncIterator[Person]:
    async with Person(workspace.url, "U0BEN") as person:
        yield person


@pytest.fixture
def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client, signing_secret=SECRET)


class Seen:
    """What listeners received, in order, for tests to wait on."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue = asyncio.Queue()

    def __call__(self, payload) -> None:
        self._queue.put_nowait(payload)

    async def next(self, timeout: float = 30):
        return await asyncio.wait_for(self._queue.get(), timeout)

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def connected(app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(app, APP_TOKEN)
    await handler.connect_async()
    yield handler
    await handler.close_async()
