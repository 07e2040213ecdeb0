"""`sitrep doctor --live`: a round trip through Slack, as every notice makes it; nothing of it stays."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import directory, slack_errors
from bot.cli.findings import Finding, fault, fine
from bot.delivery.lookout import EVENT_TYPE
from bot.settings import Settings
from bot.slack_client import SlackLine
from escalation import oncall
from incidents import catalog

_HELLO_SECONDS = 10.0

Json = dict[str, object]


async def examine(env: Settings, settings: catalog.Settings | None, to: str) -> AsyncIterator[Finding]:
    """Yield what became of a message posted to `to` (a channel's or person's Slack id, else the operators'), and of a
    Socket Mode connection."""
    token = env.slack_bot_token.get_secret_value()
    if not token:
        return  # said already
    async with SlackLine(token, env.slack_api_url) as line:
        try:
            place = await _place(line.client, settings, to)
            if place:
                yield await _round_trip(line.client, place)
            else:
                yield fault(
                    "round trip",
                    "There is no place to post a message to.",
                    "Set operators_channel in sitrep.yml, or say `--to` and the Slack id of a channel or of yourself.",
                )
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as failure:
            yield _refused("round trip", failure)
        if app_token := env.slack_app_token.get_secret_value():
            yield await _hello(line.client, app_token)


async def _place(client: AsyncWebClient, settings: catalog.Settings | None, to: str) -> str:
    """Return the id of the channel to post to, or an empty string."""
    if not to and settings is not None:
        settings = await directory.resolve(client, settings)
        known = (oncall.contact(settings, name) for name in settings.operators)
        to = settings.operators_channel or next((who.slack for who in known if who is not None and who.slack), "")
    if to[:1] in ("U", "W"):
        return str((await client.conversations_open(users=to))["channel"]["id"])
    return to


async def _round_trip(client: AsyncWebClient, channel: str) -> Finding:
    """Post, find by key, edit and delete one message."""
    key = f"doctor:{secrets.token_hex(8)}"
    began = time.perf_counter()
    posted = await client.chat_postMessage(
        channel=channel,
        text="`sitrep doctor --live` looks whether notices arrive; this line goes away at once.",
        metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
    )
    ts = str(posted["ts"])
    try:
        # As after a crash: the key in the history is what keeps a notice from being sent twice.
        history = await client.conversations_history(
            channel=channel, oldest=ts, inclusive=True, include_all_metadata=True
        )
        found = [
            message["ts"]
            for message in history["messages"]
            if (message.get("metadata") or {}).get("event_payload", {}).get("key") == key
        ]
        if found != [ts]:
            return fault(
                "round trip",
                "The message was posted, but its key is not in the channel's history.",
                "Give the app the *:history scopes of the manifest: without them a crash could double a notice.",
            )
        await client.chat_update(channel=channel, ts=ts, text="`sitrep doctor --live`: it can be edited, too.")
    finally:
        await client.chat_delete(channel=channel, ts=ts)
    taken = time.perf_counter() - began
    return fine("round trip", f"Posted, found by its key, edited and deleted in {taken:.1f} s.")


async def _hello(client: AsyncWebClient, app_token: str) -> Finding:
    """Open a Socket Mode connection and wait for Slack's hello.

    Slack hands payloads to any of an app's connections: ours is closed at once, and what came to it comes again.
    """
    remedy = "Check that WebSocket connections to Slack are let through; the proxy is taken from HTTPS_PROXY."
    began = time.perf_counter()
    try:
        opened = await client.apps_connections_open(app_token=app_token)
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            asyncio.timeout(_HELLO_SECONDS),
            session.ws_connect(str(opened["url"])) as socket,
        ):
            said = await _first(socket.receive_json)
    except SlackApiError as failure:
        return _refused("socket", failure)
    except (aiohttp.ClientError, TimeoutError, OSError, TypeError, ValueError) as failure:
        return fault("socket", f"No hello came over Socket Mode ({failure or type(failure).__name__}).", remedy)
    if said != "hello":
        return fault("socket", f"Slack began with {said!r} in place of a hello.", remedy)
    return fine("socket", f"Slack says hello over Socket Mode after {time.perf_counter() - began:.1f} s.")


async def _first(receive: Callable[[], Awaitable[Json]]) -> str:
    return str((await receive()).get("type"))


def _refused(about: str, failure: BaseException) -> Finding:
    refusal = slack_errors.read(failure)
    assert refusal is not None, "it came from the Web API"  # noqa: S101 - a fault of ours
    return fault(about, refusal.message, refusal.remedy or "Try again in a minute.")
