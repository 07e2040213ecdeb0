"""The websocket over which a page learns what happens."""

import asyncio

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.workspace.client.requests import person_of
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError


async def connect(websocket: WebSocket) -> None:
    """Send notices to one page until it closes; a page that fell behind is asked to come again."""
    core: Core = websocket.app.state.core
    try:
        person = person_of(core, websocket.query_params.get("token"))
    except SlackError as fault:
        await websocket.close(code=1008, reason=fault.code)
        return
    await websocket.accept()
    notices = core.hub.listen(person.id)
    listening = asyncio.create_task(_until_closed(websocket))
    sending = asyncio.create_task(_send(websocket, notices))
    try:
        await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        core.hub.leave(person.id, notices)
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _until_closed(websocket: WebSocket) -> None:
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        return


async def _send(websocket: WebSocket, notices: "asyncio.Queue[str | None]") -> None:
    while (notice := await notices.get()) is not None:
        await websocket.send_text(notice)
    await websocket.close(code=1013, reason="fell behind")
