"""Pictures of people: their initials on a colour that is always the same."""

import html
import zlib

from starlette.requests import Request
from starlette.responses import Response

from bot.workspace.core import Core

_COLOURS = ("#7c3085", "#1d7a5f", "#b4450f", "#2b5fb3", "#8a6100", "#a3265e", "#3f6212", "#475569")


async def avatar(request: Request) -> Response:
    """Return a user's picture as SVG."""
    core: Core = request.app.state.core
    user = core.team.users.get(request.path_params["user_id"])
    if user is None:
        return Response(status_code=404)
    initials = "".join(word[0] for word in user.real_name.split()[:2]).upper() or "?"
    colour = _COLOURS[zlib.crc32(user.id.encode()) % len(_COLOURS)]
    picture = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72" width="72" height="72">'
        f'<rect width="72" height="72" rx="12" fill="{colour}"/>'
        '<text x="36" y="37" fill="#fff" font-family="system-ui, sans-serif" font-size="30" font-weight="600" '
        f'text-anchor="middle" dominant-baseline="central">{html.escape(initials)}</text></svg>'
    )
    return Response(picture, media_type="image/svg+xml", headers={"cache-control": "max-age=86400"})
