"""Socket Mode as the protocol, and as Bolt's own client lives through its troubles."""

import asyncio
import json

import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from bot.workspace.config import DeliveryConfig
from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.faults import Fault, FaultKind
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import APP_TOKEN, configuration


@pytest.fixture
async def impatient():
    delivery = DeliveryConfig(ack_seconds=0.3, retry_seconds=(0.0, 0.05, 0.1))
    async with Workspace(configuration(delivery=delivery)) as running:
        yield running


async def socket_of(workspace: Workspace):
    client = AsyncWebClient(token=APP_TOKEN, base_url=workspace.api_url)
    return await connect((await client.apps_connections_open(app_token=APP_TOKEN))["url"])


async def received(socket, timeout: float = 5):
    return json.loads(await asyncio.wait_for(socket.recv(), timeout))


async def test_a_connection_begins_with_hello_and_its_ticket_is_spent(workspace):
    client = AsyncWebClient(token=APP_TOKEN, base_url=workspace.api_url)
    url = (await client.apps_connections_open(app_token=APP_TOKEN))["url"]
    async with connect(url) as socket:
        hello = await received(socket)
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        with pytest.raises(Exception, match="403"):
            await connect(url)


async def test_only_an_app_token_opens_connections(client):
    with pytest.raises(SlackApiError) as caught:
        await client.apps_connections_open(app_token=client.token)
    assert caught.value.response["error"] == "not_allowed_token_type"


async def test_ten_connections_share_the_payloads_and_an_eleventh_is_refused(workspace):
    sockets = [await socket_of(workspace) for _ in range(10)]
    for socket in sockets:
        await received(socket)
    with pytest.raises(Exception, match="403"):
        await socket_of(workspace)

    async def answer(socket) -> int:
        count = 0
        try:
            async for text in socket:
                count += 1
                await socket.send(json.dumps({"envelope_id": json.loads(text)["envelope_id"]}))
        except ConnectionClosed:
            pass
        return count

    answering = [asyncio.create_task(answer(socket)) for socket in sockets]
    async with Person(workspace.url, "U0AVA") as ava:
        for number in range(20):
            await ava.command("/ops", str(number))
    for socket in sockets:
        await socket.close()
    assert [await task for task in answering] == [2] * 10


async def test_an_unacknowledged_event_comes_again_under_the_same_envelope_id(impatient):
    async with await socket_of(impatient) as socket, Person(impatient.url, "U0AVA") as ava:
        await received(socket)
        await ava.open_dm(ava.user_ids["ops"])
        first = await received(socket)
        again = await received(socket)
        assert (first["retry_attempt"], first["retry_reason"]) == (0, "")
        assert (again["retry_attempt"], again["retry_reason"]) == (1, "timeout")
        assert again["envelope_id"] == first["envelope_id"]
        assert again["payload"] == first["payload"]
        await socket.send(json.dumps({"envelope_id": first["envelope_id"]}))
        with pytest.raises(TimeoutError):
            await received(socket, timeout=0.6)


async def test_a_command_without_ack_fails_for_the_person_and_comes_once_more(impatient):
    async with await socket_of(impatient) as socket, Person(impatient.url, "U0AVA") as ava:
        await received(socket)
        with pytest.raises(SlackError, match="operation_timeout"):
            await ava.command("/ops")
        first, again = await received(socket), await received(socket)
        assert again["envelope_id"] == first["envelope_id"]
        with pytest.raises(TimeoutError):
            await received(socket, timeout=0.6)


async def test_what_a_lost_connection_did_not_acknowledge_goes_to_another(workspace, ava):
    first, second = await socket_of(workspace), await socket_of(workspace)
    await received(first)
    await received(second)
    typing = asyncio.create_task(ava.command("/ops"))
    got = {asyncio.create_task(received(first)): first, asyncio.create_task(received(second)): second}
    done, waiting = await asyncio.wait(got, return_when=asyncio.FIRST_COMPLETED)
    (taken,), (other,) = done, waiting
    await got[taken].close()
    envelope = await other
    assert envelope["envelope_id"] == (await taken)["envelope_id"]
    await got[other].send(json.dumps({"envelope_id": envelope["envelope_id"], "payload": {"text": "here"}}))
    assert await typing == {"text": "here"}
    await got[other].close()


async def test_garbage_from_an_app_is_ignored(workspace, ava):
    async with await socket_of(workspace) as socket:
        await received(socket)
        for garbage in ("", "not json", "[]", '{"envelope_id": "unknown"}', '{"payload": 1}'):
            await socket.send(garbage)
        typing = asyncio.create_task(ava.command("/ops"))
        await socket.send(json.dumps({"envelope_id": (await received(socket))["envelope_id"]}))
        assert await typing is None


@pytest.mark.parametrize("kind", [FaultKind.SOCKET_REFRESH, FaultKind.SOCKET_WARNING])
async def test_bolt_follows_a_request_to_reconnect_without_losing_a_command(workspace, app, connected, ava, seen, kind):
    @app.command("/ops")
    async def ops(ack, command):
        await ack()
        seen(command["text"])

    before = connected.client.current_session
    await workspace.request_faults(Fault(kind=kind))
    await ava.command("/ops", "during")
    assert await seen.next() == "during"
    async with asyncio.timeout(5):
        while connected.client.current_session is before:
            await ava.command("/ops", "still")


async def test_bolt_comes_back_after_its_connection_was_cut(workspace, app, connected, ava, seen):
    @app.command("/ops")
    async def ops(ack, command):
        await ack()
        seen(command["text"])

    await workspace.request_faults(Fault(kind=FaultKind.SOCKET_DROP))
    await ava.command("/ops", "after")
    assert await seen.next() == "after"


async def test_a_silent_connection_loses_what_it_should_deliver(impatient, client):
    await impatient.request_faults(Fault(kind=FaultKind.SOCKET_SILENT, seconds=0.4))
    async with await socket_of(impatient) as socket, Person(impatient.url, "U0AVA") as ava:
        await received(socket)
        with pytest.raises(SlackError, match="operation_timeout"):
            await ava.command("/ops")


async def test_pages_are_told_when_an_app_comes_and_goes(workspace, app, ava):
    with pytest.raises(TimeoutError, match="Ops"):
        await ava.wait_for_app("Ops", timeout=0)
    handler = AsyncSocketModeHandler(app, APP_TOKEN)
    await handler.connect_async()
    await ava.wait_for_app("Ops")
    await handler.close_async()
    await ava.wait_until_app_left("Ops")
