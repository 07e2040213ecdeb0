import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.config import AppConfig, ChannelConfig, DeliveryConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.driver import Person
from bot.workspace.server import Workspace

BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-ops", "xapp-ops", "ops-signing-secret"

SCOPES = [
    "app_mentions:read", "bookmarks:read", "bookmarks:write", "canvases:read", "canvases:write", "channels:history",
    "channels:join", "channels:manage", "channels:read", "chat:write", "commands", "files:read", "files:write",
    "groups:history", "groups:read", "groups:write", "im:history", "im:read", "im:write", "mpim:history", "mpim:read",
    "mpim:write", "pins:read", "pins:write", "reactions:read", "reactions:write", "team:read", "usergroups:read",
    "usergroups:write", "users:read", "users:read.email",
]  # fmt: skip

MANIFEST = {
    "display_information": {"name": "Ops"},
    "features": {
        "bot_user": {"display_name": "Ops", "always_online": True},
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
        "slash_commands": [
            {"command": "/ops", "description": "Do something", "usage_hint": "[what]"},
            {"command": "/page", "description": "Page somebody", "should_escape": True},
        ],
        "shortcuts": [
            {"name": "Declare", "type": "global", "callback_id": "declare", "description": "Declare"},
            {"name": "Keep", "type": "message", "callback_id": "keep", "description": "Keep as evidence"},
        ],
    },
    "oauth_config": {"scopes": {"bot": SCOPES}},
    "settings": {
        "event_subscriptions": {
            "bot_events": [
                "app_home_opened",
                "app_mention",
                "member_joined_channel",
                "message.channels",
                "message.groups",
                "message.im",
                "pin_added",
                "reaction_added",
                "reaction_removed",
            ]
        },
        "socket_mode_enabled": True,
    },
}


def ops_app(**changes) -> AppConfig:
    fields = {
        "name": "Ops",
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "signing_secret": SECRET,
        "manifest": MANIFEST,
    }
    return AppConfig(**{**fields, **changes})


def configuration(**changes) -> WorkspaceConfig:
    fields = {
        "people": [
            PersonConfig(id="U0AVA", name="ava", real_name="Ava Stone", email="ava@example.com", is_admin=True),
            PersonConfig(id="U0BEN", name="ben", real_name="Ben Okafor", email="ben@example.com", title="SRE"),
        ],
        "apps": [ops_app()],
        "channels": [
            ChannelConfig(name="general", purpose="All"),
            ChannelConfig(name="secret", is_private=True, members=["ben"]),
        ],
        "limits": LimitConfig(enabled=False),
        "delivery": DeliveryConfig(retry_seconds=(0.0, 0.05, 0.1)),
    }
    return WorkspaceConfig(**{**fields, **changes})


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

    async def next(self, timeout: float = 5):
        return await asyncio.wait_for(self._queue.get(), timeout)

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def connected(app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    handler = AsyncSocketModeHandler(app, APP_TOKEN, ping_interval=0.2)
    await handler.connect_async()
    yield handler
    await handler.close_async()
