"""Who may open the page: asked before anybody is signed in."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.workspace.core import Core


async def people(request: Request) -> Response:
    """Return the human members, in the order in which they were configured."""
    core: Core = request.app.state.core
    rows = [{"id": user.id, "name": user.name, "real_name": user.real_name} for user in core.team.people()]
    return JSONResponse({"ok": True, "people": rows})
