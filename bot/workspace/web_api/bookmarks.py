"""bookmarks.*: links in a channel's header."""

from typing import Final

from bot.workspace.contents.model import Channel, Json
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.registry import Call, method

# Slack, "bookmarks.add": a hundred bookmarks a channel.
BOOKMARKS: Final = 100
_CHANGEABLE: Final = ("title", "link", "emoji")


@method("bookmarks.add", scopes=("bookmarks:write",), required=("channel_id", "title", "type"))
def add(call: Call) -> Json:
    """Add a link."""
    channel = call.live_channel("channel_id")
    if call.args.text("type") != "link":
        raise SlackError("invalid_bookmark_type")
    link = call.args.text("link")
    if not link.startswith(("http://", "https://")):
        raise SlackError("invalid_link")
    if len(channel.bookmarks) >= BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    now = call.core.team.epoch()
    bookmark: Json = {
        "id": call.core.team.ids.new("Bk"),
        "channel_id": channel.id,
        "title": call.args.text("title"),
        "link": link,
        "emoji": call.args.text("emoji"),
        "icon_url": "",
        "type": "link",
        "entity_id": None,
        "date_created": now,
        "date_updated": 0,
        "rank": chr(ord("a") + len(channel.bookmarks) % 26),
        "last_updated_by_user_id": call.user_id,
        "last_updated_by_team_id": call.core.team.id,
        "shortcut_id": None,
        "app_id": call.app.id if call.app else None,
    }
    channel.bookmarks[bookmark["id"]] = bookmark
    return _changed(call, channel, {"bookmark": dict(bookmark)})


@method("bookmarks.edit", scopes=("bookmarks:write",), required=("channel_id", "bookmark_id"))
def edit(call: Call) -> Json:
    """Change a link's title, address or emoji."""
    channel, bookmark = _bookmark(call)
    if "link" in call.args and not call.args.text("link").startswith(("http://", "https://")):
        raise SlackError("invalid_link")
    bookmark |= {name: call.args.text(name) for name in _CHANGEABLE if name in call.args}
    bookmark |= {"date_updated": call.core.team.epoch(), "last_updated_by_user_id": call.user_id}
    return _changed(call, channel, {"bookmark": dict(bookmark)})


@method("bookmarks.remove", scopes=("bookmarks:write",), required=("channel_id", "bookmark_id"))
def remove(call: Call) -> Json:
    """Take a link away."""
    channel, bookmark = _bookmark(call)
    del channel.bookmarks[bookmark["id"]]
    return _changed(call, channel, {})


@method("bookmarks.list", scopes=("bookmarks:read",), required=("channel_id",))
def list_all(call: Call) -> Json:
    """Return a channel's links."""
    channel = call.channel("channel_id")
    if call.app is not None and call.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return {"bookmarks": [dict(bookmark) for bookmark in channel.bookmarks.values()]}


def _bookmark(call: Call) -> tuple[Channel, Json]:
    channel = call.live_channel("channel_id")
    bookmark = channel.bookmarks.get(call.args.text("bookmark_id"))
    if bookmark is None:
        raise SlackError("not_found")
    return channel, bookmark


def _changed(call: Call, channel: Channel, answer: Json) -> Json:
    notice = {"type": "bookmarks_changed", "channel": channel.id}
    call.core.hub.publish(notice, call.core.team.audience(channel))
    return answer
