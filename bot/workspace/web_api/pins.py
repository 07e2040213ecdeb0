"""pins.*: what stays in sight in a channel."""

from typing import Final

from bot.workspace.apps import events
from bot.workspace.contents import posting, shapes
from bot.workspace.contents.model import Channel, Json, Message, Pin
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.chat import permalink
from bot.workspace.web_api.registry import Call, method

# Slack, "Pin messages and bookmark links": a hundred pins a channel.
PINS: Final = 100


@method("pins.add", scopes=("pins:write",), required=("channel",))
def add(call: Call) -> Json:
    """Pin a message."""
    channel = call.live_channel()
    row = _message(call, channel)
    if row.ts in channel.pins:
        raise SlackError("already_pinned")
    if row.subtype in ("channel_join", "channel_leave", "tombstone"):
        raise SlackError("not_pinnable")
    if len(channel.pins) >= PINS:
        raise SlackError("too_many_pins")
    channel.pins[row.ts] = Pin(row.ts, call.user_id, call.core.team.epoch())
    item = _item(call, channel, channel.pins[row.ts])
    _tell(call, channel, row, "pin_added", item)
    return {}


@method("pins.remove", scopes=("pins:write",), required=("channel",))
def remove(call: Call) -> Json:
    """Unpin a message."""
    channel = call.live_channel()
    row = _message(call, channel)
    if row.ts not in channel.pins:
        raise SlackError("no_pin")
    item = _item(call, channel, channel.pins.pop(row.ts))
    _tell(call, channel, row, "pin_removed", item)
    return {}


@method("pins.list", scopes=("pins:read",), required=("channel",))
def list_all(call: Call) -> Json:
    """Return a channel's pins, the newest first."""
    channel = call.channel()
    if call.app is not None and call.user_id not in channel.members:
        raise SlackError("not_in_channel")
    return {"items": [_item(call, channel, pin) for pin in reversed(channel.pins.values())]}


def _message(call: Call, channel: Channel) -> Message:
    if "timestamp" not in call.args:
        raise SlackError("no_item_specified")
    row = channel.messages.get(call.args.text("timestamp"))
    if row is None:
        raise SlackError("message_not_found")
    return row


def _item(call: Call, channel: Channel, pin: Pin) -> Json:
    row = channel.messages[pin.ts]
    message = shapes.message(call.core, row) | {"permalink": permalink(call.core.base_url, row)}
    where: Json = {"type": "message", "channel": channel.id, "created": pin.created, "created_by": pin.user}
    return {**where, "message": message}


def _tell(call: Call, channel: Channel, row: Message, kind: str, item: Json) -> None:
    core = call.core
    core.hub.publish({"type": "pins_changed", "channel": channel.id}, core.team.audience(channel))
    posting.refresh(core, channel, row)
    event: Json = {"type": kind, "user": call.user_id, "channel_id": channel.id, "item": item, "item_user": row.user}
    event |= {"pin_count": len(channel.pins), "event_ts": core.team.timestamps.next()}
    events.emit(core, event, channel)
