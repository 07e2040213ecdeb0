"""The HTTP side of files: uploads and downloads."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.workspace.contents import files
from bot.workspace.core import Core
from bot.workspace.rules.dropping import Dropped
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.interference import strike
from bot.workspace.rules.tokens import TokenKind
from bot.workspace.web_api.endpoint import bearer


async def upload(request: Request) -> Response:
    """Take in the content of a file, as the raw body or as a form's only file."""
    core: Core = request.app.state.core
    struck = await strike(core, "upload")
    if struck.answer is not None:
        return struck.answer
    try:
        file = files.upload(core, request.path_params["token"], await _content(request))
    except SlackError as fault:
        return PlainTextResponse(fault.code, status_code=400)
    return Dropped() if struck.drops_answer else PlainTextResponse(f"OK - {file.length}")


async def _content(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form() as form:
        for value in form.values():
            if not isinstance(value, str):
                return await value.read()
    return b""


async def download(request: Request) -> Response:
    """Hand out a file to those who may read it."""
    core: Core = request.app.state.core
    try:
        identity = core.tokens.identify(bearer(request) or request.query_params.get("token"))
    except SlackError as fault:
        return PlainTextResponse(fault.code, status_code=401)
    file = core.team.files.get(request.path_params["file_id"])
    if file is None or file.content is None or not files.may_read(core, file, identity.user_id):
        return PlainTextResponse("file_not_found", status_code=404)
    if identity.kind is TokenKind.BOT and "files:read" not in (identity.scopes or ()):
        return PlainTextResponse("missing_scope", status_code=403)
    # Uploads are shown, never run: no page may execute what somebody uploaded.
    kind = file.mimetype if file.mimetype.startswith("image/") and "svg" not in file.mimetype else "text/plain"
    headers = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
    if request.query_params.get("download") or not file.mimetype.startswith(("text/", "image/")):
        kind = file.mimetype
        headers["content-disposition"] = "attachment"
    return Response(file.content, media_type=kind, headers=headers)
