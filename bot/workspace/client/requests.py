"""A request from a person's page: who it is, what it says, and how it is answered."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace.contents.model import App, Json, User
from bot.workspace.core import Core
from bot.workspace.rules.errors import DeliveryError, SlackError
from bot.workspace.rules.tokens import TokenKind
from bot.workspace.web_api.endpoint import bearer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a signed-in person."""

    core: Core
    person: User
    body: Json

    def text(self, name: str) -> str:
        """Return a field as text, empty without it."""
        return str(self.body.get(name) or "")

    def app(self, name: str = "app_id") -> App:
        """Return the app that a field names.

        Raises:
            SlackError: app_not_found.
        """
        app = self.core.team.apps.get(self.text(name))
        if app is None:
            raise SlackError("app_not_found")
        return app


Answer = Callable[[Visit], Awaitable[Json]]


def person_of(core: Core, token: str | None) -> User:
    """Return whose page a token belongs to.

    Raises:
        SlackError: not_allowed_token_type for an app's token, invalid_auth and its like for others.
    """
    identity = core.tokens.identify(token)
    if identity.kind is not TokenKind.USER:
        raise SlackError("not_allowed_token_type")
    return core.team.users[identity.user_id]


def front_door(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Return the HTTP endpoint around an answer to a person."""

    async def endpoint(request: Request) -> Response:
        core: Core = request.app.state.core
        try:
            person = person_of(core, bearer(request) or request.query_params.get("token"))
            return JSONResponse({"ok": True, **await answer(Visit(core, person, await _body(request)))})
        except SlackError as fault:
            return JSONResponse(fault.body())
        except DeliveryError as fault:
            if str(fault):
                logger.warning("%s: %s", fault.code, fault)
            return JSONResponse({"ok": False, "error": fault.code, "detail": str(fault)})

    return endpoint


async def _body(request: Request) -> Json:
    body: Json = dict(request.query_params)
    if request.method != "POST":
        return body
    try:
        sent = json.loads(await request.body() or b"{}")
    except ValueError as fault:
        raise SlackError("invalid_json") from fault
    if not isinstance(sent, dict):
        raise SlackError("json_not_object")
    return body | sent
