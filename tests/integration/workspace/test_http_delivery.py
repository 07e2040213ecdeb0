"""Signed HTTP delivery to a real Bolt app behind uvicorn."""

import asyncio
import socket

import pytest
import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import BOT_TOKEN, SECRET, configuration, ops_app


class Receiver:
    """An HTTP server on a free port, running in this loop."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/slack/events"
        self.headers: list[dict[str, str]] = []
        self.arrived = asyncio.Condition()

    async def serve(self, endpoint) -> None:
        async def recorded(request):
            async with self.arrived:
                self.headers.append(dict(request.headers))
                self.arrived.notify_all()
            return await endpoint(request)

        routes = [Route("/slack/events", recorded, methods=["POST"])]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off")
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server._serve(sockets=[self.socket]))

    async def wait_for(self, requests: int) -> None:
        async with asyncio.timeout(30), self.arrived:
            await self.arrived.wait_for(lambda: len(self.headers) >= requests)

    async def stop(self) -> None:
        self.server.should_exit = True
        await self.task


@pytest.fixture
async def receiver():
    receiver = Receiver()
    yield receiver
    if hasattr(receiver, "task"):
        await receiver.stop()
    receiver.socket.close()


@pytest.fixture
async def workspace(receiver):
    async with Workspace(configuration(apps=[ops_app(request_url=receiver.url)])) as running:
        yield running


async def test_bolt_takes_signed_commands_events_and_clicks(workspace, receiver, seen):
    app = AsyncApp(client=AsyncWebClient(token=BOT_TOKEN, base_url=workspace.api_url), signing_secret=SECRET)
    handler = AsyncSlackRequestHandler(app)
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}

    @app.command("/ops")
    async def ops(ack, command):
        await ack(text=f"heard {command['text']}", blocks=[{"type": "actions", "elements": [button]}])

    @app.action("go")
    async def go(ack, body):
        await ack()
        seen(body)

    @app.event("app_home_opened")
    async def home(event):
        seen(event["tab"])

    await receiver.serve(handler.handle)
    async with Person(workspace.url, "U0AVA") as ava:
        assert (await ava.command("/ops", "señor & 結帳"))["text"] == "heard señor & 結帳"
        private = await ava.wait_for_ephemeral(lambda m: m["text"].startswith("heard"))
        await ava.click("general", private, "Go")
        body = await seen.next()
        assert body["container"]["is_ephemeral"]
        assert "message" not in body
        await ava.open_home("Ops")
        assert await seen.next() == "home"
    assert all(headers["x-slack-signature"].startswith("v0=") for headers in receiver.headers)


async def test_a_wrong_signing_secret_fails_for_the_person(workspace, receiver):
    app = AsyncApp(client=AsyncWebClient(token=BOT_TOKEN, base_url=workspace.api_url), signing_secret="another")
    await receiver.serve(AsyncSlackRequestHandler(app).handle)
    async with Person(workspace.url, "U0AVA") as ava:
        with pytest.raises(SlackError, match="dispatch_failed"):
            await ava.command("/ops")


async def test_events_are_tried_again_with_number_and_reason(workspace, receiver):
    answers = iter([500, 503, 200])

    async def endpoint(request):
        return PlainTextResponse("", status_code=next(answers))

    await receiver.serve(endpoint)
    async with Person(workspace.url, "U0AVA") as ava:
        await ava.open_home("Ops")
        await receiver.wait_for(requests=3)
    tries = [(h.get("x-slack-retry-num"), h.get("x-slack-retry-reason")) for h in receiver.headers]
    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error")]


async def test_an_app_that_wants_no_retry_gets_none(workspace, receiver):
    async def endpoint(request):
        return PlainTextResponse("", status_code=500, headers={"x-slack-no-retry": "1"})

    await receiver.serve(endpoint)
    async with Person(workspace.url, "U0AVA") as ava:
        await ava.open_home("Ops")
        await receiver.wait_for(requests=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):  # both short retries would have come by then
                await receiver.wait_for(requests=2)


async def test_an_address_that_refuses_connections_is_an_app_that_is_not_there(workspace, receiver):
    async with Person(workspace.url, "U0AVA") as ava:
        with pytest.raises(SlackError, match="app_not_connected"):
            await ava.command("/ops")
