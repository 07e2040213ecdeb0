"""Only pages of the workspace itself may use it: anyone's web page can send requests to loopback."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class LoopbackOnly:
    """Refuse requests under another host's name (DNS rebinding) and from other origins (foreign pages)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] in ("http", "websocket") and not _is_own(Headers(scope=scope)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": "foreign origin"})
            else:
                await PlainTextResponse("foreign host or origin", status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_own(headers: Headers) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    if urlsplit(f"//{host}").hostname not in _LOOPBACK:
        return False
    return origin is None or urlsplit(origin).netloc == host
