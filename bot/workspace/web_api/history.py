"""conversations.history and replies: reading messages."""

import bisect
from typing import Final

from bot.workspace.contents import channels, shapes
from bot.workspace.contents.model import Channel, Json
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import paging
from bot.workspace.web_api.registry import Call, method

# Slack, "conversations.history" and "replies": the page sizes.
HISTORY_PAGE: Final = 100
REPLIES_PAGE: Final = 1000
MOST: Final = 999


@method("conversations.history", required=("channel",))
def history(call: Call) -> Json:
    """Return a channel's messages, newest first."""
    channel = _readable(call)
    first, last = _window(call, channel.order)
    cursor = paging.decode("next_ts", call.args.text("cursor"))
    if cursor:
        last = min(last, bisect.bisect_right(channel.order, cursor))
    start = max(first, last - call.args.limit(HISTORY_PAGE, MOST))
    has_more = start > first
    return {
        "messages": _shapes(call, channel, channel.order[start:last][::-1]),
        "has_more": has_more,
        "pin_count": len(channel.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        **paging.metadata(paging.encode("next_ts", channel.order[start - 1]) if has_more else ""),
    }


@method("conversations.replies", required=("channel", "ts"))
def replies(call: Call) -> Json:
    """Return a thread: its first message, then the replies, oldest first."""
    channel = _readable(call)
    asked = channel.messages.get(call.args.text("ts"))
    if asked is None:
        raise SlackError("thread_not_found")
    root = asked.thread_ts if asked.is_reply and asked.thread_ts else asked.ts
    timestamps = channel.threads.get(root, [])
    first, last = _window(call, timestamps)
    cursor = paging.decode("next_ts", call.args.text("cursor"))
    if cursor:
        first = max(first, bisect.bisect_left(timestamps, cursor))
    end = min(last, first + call.args.limit(REPLIES_PAGE, MOST))
    has_more = end < last
    return {
        "messages": _shapes(call, channel, [root, *timestamps[first:end]]),
        "has_more": has_more,
        **paging.metadata(paging.encode("next_ts", timestamps[end]) if has_more else ""),
    }


@method("conversations.mark", required=("channel", "ts"))
def mark(call: Call) -> Json:
    """Note up to where the caller has read."""
    channel = call.joined_channel()
    call.need_to_manage(channel.kind)
    channels.mark_read(call.core, channel, call.user_id, call.args.text("ts"))
    return {}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need_for(channel.kind, "history")
    # A bot reads only where it is; people may look into every public channel.
    if call.app is not None and call.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _window(call: Call, timestamps: list[str]) -> tuple[int, int]:
    """Return the slice between `oldest` and `latest`; both ends count only when `inclusive` is set."""
    inclusive = call.args.flag("inclusive")
    oldest, latest = call.args.text("oldest"), call.args.text("latest")
    after = bisect.bisect_left if inclusive else bisect.bisect_right
    before = bisect.bisect_right if inclusive else bisect.bisect_left
    first = after(timestamps, _padded(oldest, "oldest")) if oldest and oldest != "0" else 0
    last = before(timestamps, _padded(latest, "latest")) if latest and latest != "now" else len(timestamps)
    return first, max(first, last)


def _padded(ts: str, name: str) -> str:
    try:
        seconds, _, fraction = ts.partition(".")
        return f"{int(seconds)}.{fraction[:6]:0<6}"
    except ValueError as fault:
        raise SlackError(f"invalid_ts_{name}") from fault


def _shapes(call: Call, channel: Channel, timestamps: list[str]) -> list[Json]:
    wanted = call.args.flag("include_all_metadata")
    return [shapes.message(call.core, channel.messages[ts], with_metadata=wanted) for ts in timestamps]
