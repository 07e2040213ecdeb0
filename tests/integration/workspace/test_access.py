"""Tokens, scopes, rate limits and faults: what stands before every method."""

import asyncio
import sys
import time

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bot.workspace.config import LimitConfig
from bot.workspace.rules.faults import Fault, FaultKind
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import APP_TOKEN, BOT_TOKEN, MANIFEST, configuration, ops_app


async def refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def test_tokens_that_slack_refuses(workspace):
    async def error(token: str | None) -> str:
        return (await refusal(AsyncWebClient(token=token, base_url=workspace.api_url).auth_test()))["error"]

    assert await error(None) == "not_authed"
    assert await error("xoxb-unknown") == "invalid_auth"
    assert await error(APP_TOKEN) == "not_allowed_token_type"
    workspace.core.tokens.revoke(BOT_TOKEN)
    assert await error(BOT_TOKEN) == "token_revoked"


async def test_a_person_and_a_bot_are_told_who_they_are(client, ava):
    bot = await client.auth_test()
    assert bot["bot_id"].startswith("B")
    assert (await ava.api("auth.test"))["user_id"] == "U0AVA"


async def test_get_and_post_and_forms_and_json_are_the_same(workspace, client):
    room = (await client.conversations_create(name="room"))["channel"]["id"]
    headers = {"authorization": f"Bearer {BOT_TOKEN}"}
    async with httpx.AsyncClient(base_url=workspace.api_url) as http:
        for sent in (
            http.get("conversations.info", params={"channel": room}, headers=headers),
            http.post("conversations.info", data={"channel": room}, headers=headers),
            http.post("conversations.info", json={"channel": room}, headers=headers),
            http.post("conversations.info", data={"channel": room, "token": BOT_TOKEN}),
        ):
            assert (await sent).json()["channel"]["id"] == room
        broken = await http.post("auth.test", content="{", headers={**headers, "content-type": "application/json"})
        assert broken.json()["error"] == "invalid_json"
        assert (await http.post("no.such", headers=headers)).json()["error"] == "unknown_method"
        assert (await http.get("api.test")).json()["ok"]
        missing = (await http.post("conversations.info", headers=headers)).json()
        assert missing["error"] == "invalid_arguments"
        assert missing["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


async def test_scopes_are_those_of_the_manifest():
    manifest = {**MANIFEST, "oauth_config": {"scopes": {"bot": ["chat:write", "channels:read"]}}}
    async with Workspace(configuration(apps=[ops_app(manifest=manifest)])) as running:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=running.api_url)
        response = await refusal(client.conversations_create(name="x"))
        assert response["error"] == "missing_scope"
        assert response["needed"] == "channels:manage"
        assert response["provided"] == "channels:read,chat:write"
        assert (await refusal(client.conversations_list(types="private_channel")))["needed"] == "groups:read"
        assert (await refusal(client.users_lookupByEmail(email="a@b.c")))["needed"] == "users:read.email"
        general = (await client.conversations_list())["channels"][0]["id"]
        assert (await refusal(client.conversations_history(channel=general)))["needed"] == "channels:history"


async def test_calls_beyond_the_tier_get_429_with_the_seconds_to_wait():
    async with Workspace(configuration(limits=LimitConfig())) as running:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=running.api_url)
        room = (await client.conversations_create(name="room"))["channel"]["id"]
        for number in range(19):
            await client.conversations_create(name=f"c{number}")
        response = await refusal(client.conversations_create(name="one-too-many"))
        assert (response.status_code, response["error"]) == (429, "ratelimited")
        assert 1 <= int(response.headers["Retry-After"]) <= 3
        for number in range(5):
            await client.chat_postMessage(channel=room, text=str(number))
        assert (await refusal(client.chat_postMessage(channel=room, text="6"))).status_code == 429
        await client.chat_postMessage(channel="U0AVA", text="another channel has its own second")


async def test_limits_can_be_scaled_and_people_are_not_limited(workspace):
    async with Workspace(configuration(limits=LimitConfig(scale=0.1))) as running:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=running.api_url)
        await client.conversations_create(name="a")
        await client.conversations_create(name="b")
        assert (await refusal(client.conversations_create(name="c"))).status_code == 429
        async with httpx.AsyncClient(headers={"authorization": "Bearer xoxp-U0AVA"}) as http:
            answers = [await http.post(f"{running.api_url}users.list") for _ in range(5)]
        assert all(answer.json()["ok"] for answer in answers)


async def test_latency_and_refusals_strike_as_often_as_asked(workspace, client):
    await workspace.request_faults(
        Fault(method="auth.test", kind=FaultKind.LATENCY, seconds=0.2, times=1),
        Fault(method="users.*", kind=FaultKind.RATE_LIMITED, retry_after=7, times=1),
        Fault(method="team.info", kind=FaultKind.SERVER_ERROR, status=502, times=1),
        Fault(method="conversations.list", kind=FaultKind.ERROR, error="fatal_error", times=1),
    )
    began = time.perf_counter()
    await client.auth_test()
    assert time.perf_counter() - began >= 0.2
    limited = await refusal(client.users_list())
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    with pytest.raises(SlackApiError) as caught:
        await client.team_info()
    assert caught.value.response.status_code == 502
    assert (await refusal(client.conversations_list()))["error"] == "fatal_error"
    assert workspace.core.faults.wanted() == []
    await client.users_list()


async def test_a_connection_dropped_before_changes_nothing_and_after_has_taken_effect(workspace, client):
    client.retry_handlers.clear()
    room = (await client.conversations_create(name="room"))["channel"]["id"]
    for kind, text in ((FaultKind.DROP_BEFORE, "lost"), (FaultKind.DROP_AFTER, "posted")):
        await workspace.request_faults(Fault(method="chat.postMessage", kind=kind, times=1))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await client.chat_postMessage(channel=room, text=text)
    texts = [m["text"] for m in (await client.conversations_history(channel=room))["messages"]]
    assert "posted" in texts
    assert "lost" not in texts


async def test_faults_strike_uploads_and_response_urls_too(workspace, client):
    begun = await client.files_getUploadURLExternal(filename="a.txt", length=1)
    app_id, channel_id = next(iter(workspace.core.team.apps)), next(iter(workspace.core.team.channels))
    token = workspace.core.responses.issue(app_id, "U0AVA", channel_id)
    async with httpx.AsyncClient() as http:
        for url in (begun["upload_url"], f"{workspace.url}/hooks/{token}"):
            name = "upload" if "upload" in url else "response_url"
            await workspace.request_faults(
                Fault(method=name, kind=FaultKind.SERVER_ERROR, times=1),
                Fault(method=name, kind=FaultKind.DROP_AFTER, times=2),
            )
            assert (await http.post(url, json={"text": "x"})).status_code == 503
            with pytest.raises(httpx.RemoteProtocolError):
                await http.post(url, json={"text": "x"})
    assert [row.text for row in workspace.core.ephemerals.of("U0AVA", channel_id)] == ["x"]


async def test_faults_are_requested_listed_and_taken_back_at_the_front_door(workspace, client):
    headers = {"authorization": "Bearer xoxp-U0AVA"}
    async with httpx.AsyncClient(base_url=workspace.url, headers=headers) as http:
        fault = {"method": "auth.test", "kind": "error", "error": "team_access_not_granted"}
        asked = (await http.post("/client/faults", json={"faults": [fault]})).json()
        assert asked["faults"][0]["kind"] == "error"
        assert (await refusal(client.auth_test()))["error"] == "team_access_not_granted"
        assert (await http.delete("/client/faults")).json() == {"ok": True, "faults": []}
        await client.auth_test()
        wrong = (await http.post("/client/faults", json={"faults": [{"kind": "meteor"}]})).json()
        assert wrong["error"] == "invalid_faults"
        log = (await http.get("/client/log", params={"method": "auth.test"})).json()["calls"]
        assert [entry["error"] for entry in log] == ["fault:error", None]


async def test_other_hosts_names_and_foreign_pages_are_refused(workspace):
    async with httpx.AsyncClient(base_url=workspace.url) as http:
        assert (await http.get("/api/api.test", headers={"host": "evil.example"})).status_code == 403
        assert (await http.get("/api/api.test", headers={"origin": "https://evil.example"})).status_code == 403
        assert (await http.get("/api/api.test", headers={"origin": workspace.url})).status_code == 200
    with pytest.raises(InvalidStatus, match="403"):
        await connect(
            f"{workspace.url.replace('http', 'ws')}/client/ws?token=xoxp-U0AVA", origin="https://evil.example"
        )


async def test_a_workspace_runs_alone_as_a_process(tmp_path):
    file = tmp_path / "workspace.json"
    file.write_text(configuration().model_dump_json())
    argv = [sys.executable, "-m", "bot.workspace", str(file)]
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{url}/api/api.test")).json()["ok"]
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_wrong_configuration_is_said_and_exits_with_1(tmp_path):
    file = tmp_path / "workspace.json"
    file.write_text('{"team_nam": "Acme"}')
    argv = [sys.executable, "-m", "bot.workspace", str(file)]
    process = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert "team_nam" in said.decode()
