"""The baseline: a Bolt AsyncApp that acks and does nothing else, in a process of its own."""

import asyncio
import os
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.models.blocks import InputBlock, PlainTextInputElement
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

FORM = "form"  #: /bare with this word opens a modal


async def main() -> None:
    """Connect and ack until killed."""
    text = InputBlock(block_id="text", label="Text", element=PlainTextInputElement(action_id="text"))
    view = View(type="modal", callback_id="bare", title="Bare", submit="Send", blocks=[text])
    token = os.environ.pop("SLACK_BOT_TOKEN")
    app = AsyncApp(client=AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"]))

    @app.command("/bare")
    async def command(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        if body["text"] == FORM:
            await client.views_open(trigger_id=body["trigger_id"], view=view)

    @app.action("press")
    async def pressed(ack: AsyncAck) -> None:
        await ack()

    @app.view("bare")
    async def submitted(ack: AsyncAck) -> None:
        await ack(response_action="errors", errors={"text": "No."})

    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).connect_async()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
