"""canvases.* and conversations.canvases.create: documents in Markdown."""

import re
from typing import Any, Final

from bot.workspace.contents import canvases
from bot.workspace.contents.model import Canvas, Json
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.arguments import invalid
from bot.workspace.web_api.registry import Call, method

# Slack, "canvases.create": 1 MiB of Markdown.
CANVAS_BYTES: Final = 1_048_576
_HEADER: Final = re.compile(r"(#{1,3})\s")


@method("canvases.create", scopes=("canvases:write",))
def create(call: Call) -> Json:
    """Create a canvas, in a channel's header with `channel_id`."""
    channel = call.joined_channel("channel_id") if call.args.text("channel_id") else None
    if channel is not None and channel.canvas_id:
        raise SlackError("channel_canvas_already_exists")
    markdown = _markdown(call.args.document("document_content"))
    row = canvases.create(call.core, call.args.text("title") or "Untitled", markdown, call.user_id, channel)
    return {"canvas_id": row.id}


@method("conversations.canvases.create", scopes=("canvases:write",), required=("channel_id",))
def create_in_channel(call: Call) -> Json:
    """Create the canvas of a channel; each has one at most."""
    return create(call)


@method("canvases.edit", scopes=("canvases:write",), required=("canvas_id", "changes"))
def edit(call: Call) -> Json:
    """Apply changes, all or none."""
    row = _canvas(call)
    changes = call.args.document("changes")
    if not isinstance(changes, list) or not changes:
        raise invalid("must provide at least one change")
    edited = canvases.apply(row, [_change(change) for change in changes])
    canvases.replace(call.core, row, *edited)
    return {}


def _change(change: Any) -> canvases.Change:
    if not isinstance(change, dict) or change.get("operation") not in canvases.OPERATIONS:
        raise invalid("unsupported operation [json-pointer:/changes/0/operation]")
    operation = canvases.Operation(change["operation"])
    content = change.get("title_content") if operation is canvases.Operation.RENAME else change.get("document_content")
    text = "" if operation is canvases.Operation.DELETE else _markdown(content)
    return canvases.Change(operation, str(change.get("section_id") or ""), text)


@method("canvases.sections.lookup", scopes=("canvases:read",), required=("canvas_id", "criteria"))
def sections_lookup(call: Call) -> Json:
    """Return the ids of the sections that fit, by type of header and by a text that they contain."""
    criteria = call.args.document("criteria")
    if not isinstance(criteria, dict):
        raise invalid("must provide an object: criteria")
    kinds, wanted = criteria.get("section_types") or [], str(criteria.get("contains_text") or "").lower()
    found = [
        {"id": section_id}
        for section_id, text in _canvas(call).sections
        if wanted in text.lower() and (not kinds or _is_header(text, kinds))
    ]
    return {"sections": found}


def _is_header(text: str, kinds: list[str]) -> bool:
    header = _HEADER.match(text)
    return header is not None and ("any_header" in kinds or f"h{len(header[1])}" in kinds)


@method("canvases.getContent", scopes=("canvases:read",), required=("canvas_id",))
def get_content(call: Call) -> Json:
    """Return a canvas as Markdown."""
    return {"content": _canvas(call).markdown}


@method("canvases.delete", scopes=("canvases:write",), required=("canvas_id",))
def delete(call: Call) -> Json:
    """Delete a canvas."""
    canvases.delete(call.core, _canvas(call))
    return {}


@method("canvases.access.set", scopes=("canvases:write",), required=("canvas_id", "access_level"))
def access_set(call: Call) -> Json:
    """Let channels or people read or write a canvas."""
    row, level = _canvas(call), call.args.text("access_level")
    holders = [*call.args.names("channel_ids"), *call.args.names("user_ids")]
    if level not in ("read", "write", "owner") or not holders:
        raise invalid("access_level and either channel_ids or user_ids are needed")
    row.access |= dict.fromkeys(holders, level)
    return {}


def _canvas(call: Call) -> Canvas:
    row = call.core.team.canvases.get(call.args.text("canvas_id"))
    if row is None or not canvases.may_read(call.core, row, call.user_id):
        raise SlackError("canvas_not_found")
    return row


def _markdown(content: Any) -> str:
    if content is None:
        return ""
    markdown = content.get("markdown") if isinstance(content, dict) and content.get("type") == "markdown" else None
    if not isinstance(markdown, str):
        raise invalid('must be {"type": "markdown", "markdown": "…"} [json-pointer:/document_content]')
    if len(markdown.encode()) > CANVAS_BYTES:
        raise SlackError("canvas_too_large")
    return markdown
