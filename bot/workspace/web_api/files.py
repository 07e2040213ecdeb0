"""files.*: the two-step upload, and what was uploaded."""

from bot.workspace.contents import canvases, file_shapes, files
from bot.workspace.contents.model import File, Json
from bot.workspace.contents.outgoing import Author, Draft
from bot.workspace.rules import blocks
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import paging
from bot.workspace.web_api.arguments import invalid
from bot.workspace.web_api.registry import Call, method


@method("files.getUploadURLExternal", scopes=("files:write",), required=("filename", "length"))
def get_upload_url(call: Call) -> Json:
    """Return the address to which a file's content is posted."""
    length = call.args.number("length", 0)
    if length <= 0:
        raise invalid("must be greater than 0: length")
    file, token = files.begin(call.core, call.args.text("filename"), length, call.user_id)
    file.snippet_type, file.alt_txt = call.args.text("snippet_type"), call.args.text("alt_txt")
    return {"upload_url": f"{call.core.base_url}/upload/v1/{token}", "file_id": file.id}


@method("files.completeUploadExternal", scopes=("files:write",), required=("files",))
def complete_upload(call: Call) -> Json:
    """Finish uploads and share them where the arguments say."""
    uploaded = [_uploaded(call, entry) for entry in call.args.document("files") or []]
    if not uploaded:
        raise invalid("no files given")
    places = [*call.args.names("channels"), *call.args.names("channel_id")]
    targets = [call.core.team.visible_channel(place, call.user_id) for place in dict.fromkeys(places)]
    for channel in targets:
        if call.user_id not in channel.members:
            raise SlackError("not_in_channel")
    layout = call.args.document("blocks")
    draft = Draft(
        text=call.args.text("initial_comment"),
        blocks=blocks.message_blocks(layout) if layout else [],
        thread_ts=call.args.text("thread_ts") or None,
        files=tuple(file.id for file in uploaded),
    )
    for channel in targets:
        files.share(call.core, channel, Author(call.user_id, call.app), uploaded, draft)
    for file in uploaded:
        file.complete = True
    return {"files": [file_shapes.file(call.core, file.id) for file in uploaded]}


def _uploaded(call: Call, entry: object) -> File:
    file = call.core.team.files.get(str(entry.get("id"))) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or file is None or file.user != call.user_id or file.complete:
        raise SlackError("file_not_found")
    if file.content is None:
        raise SlackError("file_update_failed")
    file.title = str(entry.get("title") or file.name)
    return file


@method("files.info", scopes=("files:read",), required=("file",))
def info(call: Call) -> Json:
    """Return what is known of a file."""
    canvas = call.core.team.canvases.get(call.args.text("file"))
    if canvas is not None and canvases.may_read(call.core, canvas, call.user_id):
        return {"file": file_shapes.canvas(call.core, canvas), "comments": [], **paging.metadata("")}
    return {"file": file_shapes.file(call.core, _readable(call).id), "comments": [], **paging.metadata("")}


@method("files.list", scopes=("files:read",))
def list_all(call: Call) -> Json:
    """Return the files that the caller may read, those of one channel with `channel`, the newest first."""
    channel_id, core = call.args.text("channel"), call.core
    rows = [
        file
        for file in reversed(core.team.files.values())
        if file.complete and files.may_read(core, file, call.user_id) and (not channel_id or channel_id in file.shares)
    ]
    count = call.args.number("count", 100)
    paged = {"count": count, "total": len(rows), "page": 1, "pages": 1}
    return {"files": [file_shapes.file(core, file.id) for file in rows[:count]], "paging": paged}


@method("files.delete", scopes=("files:write",), required=("file",))
def delete(call: Call) -> Json:
    """Delete one of the caller's files."""
    file = _readable(call)
    if file.user != call.user_id:
        raise SlackError("cant_delete_file")
    del call.core.team.files[file.id]
    return {}


def _readable(call: Call) -> File:
    file = call.core.team.files.get(call.args.text("file"))
    if file is None or not files.may_read(call.core, file, call.user_id):
        raise SlackError("file_not_found")
    return file
