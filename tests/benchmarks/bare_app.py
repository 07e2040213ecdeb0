"""The baseline: a Bolt AsyncApp that acks and does nothing else, in a process of its own."""

import asyncio
import os

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient


async def main() -> None:
    """Connect and ack until killed."""
    token = os.environ.pop("SLACK_BOT_TOKEN")
    app = AsyncApp(client=AsyncWebClient(token=token, base_url=os.environ["SLACK_API_URL"]))

    @app.command("/bare")
    async def command(ack: AsyncAck) -> None:
        await ack()

    @app.action("press")
    async def pressed(ack: AsyncAck) -> None:
        await ack()

    await AsyncSocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).connect_async()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
