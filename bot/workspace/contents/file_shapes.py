"""Files and canvases as Slack's answers show them."""

from typing import Any

from bot.workspace.contents.model import Canvas, ChannelKind, Json
from bot.workspace.core import Core


def canvas(core: Core, row: Canvas) -> Json:
    """Return a canvas as the file that it is to Slack."""
    address = f"{core.base_url}/docs/{core.team.id}/{row.id}"
    return {
        "id": row.id,
        "created": row.created,
        "timestamp": row.created,
        "name": row.title,
        "title": row.title,
        "mimetype": "application/vnd.slack-docs",
        "filetype": "quip",
        "pretty_type": "Canvas",
        "user": row.user,
        "user_team": core.team.id,
        "editable": True,
        "size": len(row.markdown),
        "mode": "quip",
        "is_external": False,
        "external_type": "",
        "is_public": False,
        "url_private": address,
        "url_private_download": address,
        "permalink": address,
        "updated": row.updated,
        "channels": [row.channel_id] if row.channel_id else [],
    }


def file(core: Core, file_id: str) -> Json:
    """Return a file object."""
    row = core.team.files[file_id]
    extension = row.name.rpartition(".")[2].lower() if "." in row.name else ""
    kind = row.snippet_type or _file_type(extension)
    url = f"{core.base_url}/files/{row.id}/{row.name}"
    shape: Json = {
        "id": row.id,
        "created": row.created,
        "timestamp": row.created,
        "name": row.name,
        "title": row.title,
        "mimetype": row.mimetype,
        "filetype": kind,
        "pretty_type": kind.upper() if len(kind) <= 4 else kind.capitalize(),
        "user": row.user,
        "user_team": core.team.id,
        "editable": row.mimetype.startswith("text/"),
        "size": row.length,
        "mode": "snippet" if row.mimetype.startswith("text/") else "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": any(core.team.channels[c].kind is ChannelKind.PUBLIC for c in row.shares),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": url,
        "url_private_download": f"{url}?download=1",
        "permalink": url,
        "has_rich_preview": False,
        "file_access": "visible",
    }
    shape |= _shares(core, row.shares)
    if row.mimetype.startswith("text/") and row.content is not None:
        lines = row.content[:2000].decode("utf-8", "replace").splitlines()
        shape |= {"preview": "\n".join(lines[:5]), "lines": row.content.count(b"\n") + 1}
        shape |= {"lines_more": max(0, shape["lines"] - 5), "preview_is_truncated": shape["lines"] > 5}
    return shape


def _shares(core: Core, shares: dict[str, list[str]]) -> Json:
    lists: dict[str, list[str]] = {"channels": [], "groups": [], "ims": []}
    placed: dict[str, Any] = {}
    for channel_id, timestamps in shares.items():
        kind = core.team.channels[channel_id].kind
        lists[_SHARE_LIST[kind]].append(channel_id)
        side = "public" if kind is ChannelKind.PUBLIC else "private"
        placed.setdefault(side, {})[channel_id] = [
            {"ts": ts, "channel_name": core.team.channels[channel_id].name, "team_id": core.team.id}
            for ts in timestamps
        ]
    return {**lists, "shares": placed}


_SHARE_LIST = {
    ChannelKind.PUBLIC: "channels",
    ChannelKind.PRIVATE: "groups",
    ChannelKind.MPIM: "groups",
    ChannelKind.IM: "ims",
}


def _file_type(extension: str) -> str:
    known = {"md": "markdown", "txt": "text", "log": "text", "py": "python", "": "text", "jpeg": "jpg", "yml": "yaml"}
    return known.get(extension, extension)
