"""Calls of the Web API, one at a time, each failure read into what it means."""

import time
from typing import Any

from prometheus_client import Counter, Histogram
from slack_sdk.web.async_client import AsyncWebClient

from bot import slack_errors
from bot.delivery.trip import Undelivered

Json = dict[str, Any]

#: Stands for a method where a file's bytes are sent: to another host, of which the Web API's state tells nothing.
UPLOAD = "upload"

CALLS = Counter("sitrep_slack_calls_total", "Web API calls of delivery.", ("method", "outcome"))
SECONDS = Histogram(
    "sitrep_slack_call_seconds",
    "Duration of Web API calls.",
    ("method",),
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class Web:
    """Slack's Web API, without retries."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self._identity: Json | None = None

    async def identity(self) -> Json:
        """Return who the bot is: {user_id, team_id, url, …}; asked once.

        Raises:
            Undelivered: Slack refused, or the line broke.
        """
        if self._identity is None:
            self._identity = await self.read("auth.test")
        return self._identity

    async def read(self, method: str, **arguments: Any) -> Json:
        """Return the answer of a method that changes nothing.

        Raises:
            Undelivered: Slack refused, or the line broke.
        """
        return await self._call(method, http_verb="GET", params=arguments)

    async def write(self, method: str, **arguments: Any) -> Json:
        """Return the answer of a method that changes something.

        Raises:
            Undelivered: Slack refused, or the line broke.
        """
        return await self._call(method, json=arguments)

    async def _call(self, method: str, **how: Any) -> Json:
        started = time.perf_counter()
        outcome = "ok"
        try:
            answer = await self.client.api_call(method, **how)
        except Exception as failure:
            refusal = slack_errors.read(failure, method)
            if refusal is None:
                raise
            outcome = refusal.outcome
            raise Undelivered(refusal, method=method) from failure
        finally:
            CALLS.labels(method, outcome).inc()
            SECONDS.labels(method).observe(time.perf_counter() - started)
        data: Json = answer.data if isinstance(answer.data, dict) else {}
        return data
