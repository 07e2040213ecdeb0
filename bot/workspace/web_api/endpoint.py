"""The one HTTP endpoint behind every method: token, faults, limits, scopes, the method, the answer."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace.contents.model import Json
from bot.workspace.core import Core
from bot.workspace.rules.dropping import Dropped
from bot.workspace.rules.errors import RateLimited, SlackError
from bot.workspace.rules.interference import Interference, strike
from bot.workspace.rules.tokens import Identity, TokenKind
from bot.workspace.web_api import arguments, catalog
from bot.workspace.web_api.arguments import Arguments
from bot.workspace.web_api.registry import Call

# Methods that Slack answers without a token.
_OPEN = frozenset({"api.test"})
# Methods that cannot be limited: an app that may not connect could never recover.
_UNLIMITED = frozenset({"apps.connections.open", "api.test"})


async def web_api(request: Request) -> Response:
    """Answer one call."""
    core: Core = request.app.state.core
    name = request.path_params["method"]
    try:
        values = await arguments.read(request)
    except SlackError as fault:
        return _answer(fault.body())
    if name in _OPEN:
        return _answer({"ok": True, "args": values})
    try:
        identity = core.tokens.identify(bearer(request) or values.get("token"))
    except SlackError as fault:
        core.calls.record(name, "", values, fault.code)
        return _answer(fault.body())
    struck = await strike(core, name) if identity.kind is not TokenKind.USER else Interference()
    if struck.answer is not None:
        core.calls.record(name, identity.user_id, values, struck.name)
        return struck.answer
    body, headers = _run(core, name, identity, values)
    core.calls.record(name, identity.user_id, values, body.get("error"))
    if struck.drops_answer:
        return Dropped()
    return _answer(body, 429 if body.get("error") == "ratelimited" else 200, headers)


def bearer(request: Request) -> str | None:
    """Return the token of the Authorization header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _run(core: Core, name: str, identity: Identity, values: Json) -> tuple[Json, dict[str, str]]:
    headers = {"x-oauth-scopes": ",".join(sorted(identity.scopes))} if identity.scopes else {}
    method = catalog.METHODS.get(name)
    if method is None:
        return SlackError("unknown_method", req_method=name).body(), headers
    try:
        if identity.app is not None and name not in _UNLIMITED:
            core.limiter.take(identity.app.id, name, str(values.get("channel", "")))
        return method.run(Call(core, identity, Arguments(values))), headers
    except RateLimited as fault:
        return fault.body(), {**headers, "retry-after": str(fault.retry_after)}
    except SlackError as fault:
        return fault.body(), headers


def _answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body, status_code=status, headers=headers)
