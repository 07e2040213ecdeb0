"""Signed HTTP delivery to an app's request URL, the alternative to Socket Mode."""

import hashlib
import hmac
import json
import urllib.parse
from typing import Any

import httpx

from bot.workspace import trust
from bot.workspace.apps.parcels import Kind, Parcel
from bot.workspace.clock import Now, wall_clock
from bot.workspace.config import DeliveryConfig
from bot.workspace.contents.model import App, Json
from bot.workspace.rules.errors import AppNotConnected, DispatchFailed, OperationTimeout, RetryUnwanted


class HttpDelivery:
    """Post payloads as Slack does; the receiver checks the signature against its own clock."""

    def __init__(self, config: DeliveryConfig, now: Now = wall_clock) -> None:
        self._now = now
        self._client = httpx.AsyncClient(timeout=config.ack_seconds, trust_env=False, verify=trust.authorities())

    async def attempt(self, app: App, parcel: Parcel) -> Json | None:
        """Post once and return the answer as the ack's payload.

        Raises:
            OperationTimeout, AppNotConnected, DispatchFailed: after the ways in which this goes wrong.
        """
        body, content_type = _body(parcel)
        timestamp = str(int(self._now()))
        headers = {
            "content-type": content_type,
            "user-agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": sign(app.signing_secret, timestamp, body),
        }
        if parcel.attempt:
            reason = "http_timeout" if parcel.reason == OperationTimeout.reason else parcel.reason
            headers |= {"x-slack-retry-num": str(parcel.attempt), "x-slack-retry-reason": reason}
        try:
            response = await self._client.post(str(app.request_url), content=body, headers=headers)
        except httpx.TimeoutException as fault:
            raise OperationTimeout from fault
        except httpx.TransportError as fault:
            raise AppNotConnected from fault
        if not response.is_success:
            kind = RetryUnwanted if response.headers.get("x-slack-no-retry") == "1" else DispatchFailed
            raise kind(f"{app.name} answered {response.status_code}")
        answer = _answer(response)
        parcel.answer.set_result(answer)
        return answer

    def forget(self, parcel: Parcel) -> None:
        """Do nothing: an answer comes on the connection that asked, or not at all."""

    async def close(self) -> None:
        """Close the connections to apps."""
        await self._client.aclose()


def sign(signing_secret: str, timestamp: str, body: bytes) -> str:
    """Return the v0 signature (Slack: "Verifying requests from Slack")."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(signing_secret.encode(), base, hashlib.sha256).hexdigest()


def _body(parcel: Parcel) -> tuple[bytes, str]:
    if parcel.kind is Kind.EVENTS:
        return json.dumps(parcel.payload).encode(), "application/json"
    fields: dict[str, Any] = parcel.payload
    if parcel.kind is Kind.INTERACTIVE:
        fields = {"payload": json.dumps(parcel.payload)}
    else:
        fields = {name: str(value).lower() if isinstance(value, bool) else value for name, value in fields.items()}
    return urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _answer(response: httpx.Response) -> Json | None:
    if not response.content:
        return None
    if "json" in response.headers.get("content-type", ""):
        answer = response.json()
        return answer if isinstance(answer, dict) else None
    return {"text": response.text}
