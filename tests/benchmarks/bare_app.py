"""The baseline: a Bolt AsyncApp that acks and does nothing else, in a process of its own.

One of its forms commits a row before it acks: the least that a promise costs which survives a crash.
"""

import asyncio
import os
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.blocks import InputBlock, PlainTextInputElement
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

#: /bare with one of these words opens a modal: one that is refused, one that is taken, one that is stored.
FORM, TAKEN, STORED = "form", "taken", "stored"


def _view(callback: str) -> View:
    words = InputBlock(block_id="text", label="Text", element=PlainTextInputElement(action_id="text"))
    return View(type="modal", callback_id=callback, title="Bare", submit="Send", blocks=[words])


async def main() -> None:
    """Connect and ack until killed."""
    token = os.environ.pop("SLACK_BOT_TOKEN")
    app = AsyncApp(client=AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"]))
    rows = None
    if url := os.environ.get("BARE_ROWS"):
        # Elsewhere the baseline is an app without a database, in memory too.
        from tests.benchmarks import bare_rows  # noqa: PLC0415

        rows = await bare_rows.prepared(url)

    @app.command("/bare")
    async def command(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        if body["text"] in (FORM, TAKEN, STORED):
            await client.views_open(trigger_id=body["trigger_id"], view=_view(body["text"]))

    @app.action("press")
    async def pressed(ack: AsyncAck) -> None:
        await ack()

    @app.view(FORM)
    async def submitted(ack: AsyncAck) -> None:
        await ack(response_action="errors", errors={"text": "No."})

    @app.view(TAKEN)
    async def taken(ack: AsyncAck) -> None:
        await ack()

    @app.view(STORED)
    async def stored(ack: AsyncAck, body: dict[str, Any]) -> None:
        assert rows is not None, "BARE_ROWS says where"
        await rows.add(body["view"]["state"]["values"]["text"]["text"]["value"])
        await ack()

    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).connect_async()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
