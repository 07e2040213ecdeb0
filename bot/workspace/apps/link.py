"""The websocket that an app opens for Socket Mode."""

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError


async def connect(websocket: WebSocket) -> None:
    """Serve one connection until it closes."""
    core: Core = websocket.app.state.core
    try:
        app_id = core.delivery.sockets.redeem(websocket.query_params.get("ticket", ""))
    except SlackError as fault:
        await websocket.close(code=1008, reason=fault.code)
        return
    await websocket.accept()
    connection = await core.delivery.sockets.join(app_id, websocket)
    core.hub.publish({"type": "connection", "app_id": app_id, "connected": True}, None)
    try:
        while True:
            core.delivery.sockets.acknowledge(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
    finally:
        core.delivery.sockets.leave(app_id, connection)
        connected = core.delivery.sockets.is_connected(app_id)
        core.hub.publish({"type": "connection", "app_id": app_id, "connected": connected}, None)
