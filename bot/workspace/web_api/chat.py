"""chat.*: writing, changing and taking back messages."""

from bot.workspace.contents import posting, shapes
from bot.workspace.contents.model import Channel, Json, Message
from bot.workspace.contents.outgoing import Draft
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import drafts
from bot.workspace.web_api.registry import Call, method


@method("chat.postMessage", scopes=("chat:write",), required=("channel",))
def post_message(call: Call) -> Json:
    """Post a message; `message` in the answer is how Slack keeps it."""
    channel = drafts.target(call)
    row = posting.post(call.core, channel, drafts.author(call), drafts.draft(call))
    return {"channel": channel.id, "ts": row.ts, "message": shapes.message(call.core, row, with_metadata=True)}


@method("chat.meMessage", scopes=("chat:write",), required=("channel", "text"))
def me_message(call: Call) -> Json:
    """Post in the third person."""
    channel = drafts.target(call)
    draft = Draft(text=call.args.text("text"), subtype="me_message")
    row = posting.post(call.core, channel, drafts.author(call), draft)
    return {"channel": channel.id, "ts": row.ts}


@method("chat.postEphemeral", scopes=("chat:write",), required=("channel", "user"))
def post_ephemeral(call: Call) -> Json:
    """Show a message to one member of the channel."""
    channel = drafts.target(call)
    reader = call.args.text("user")
    if reader not in channel.members:
        raise SlackError("user_not_in_channel")
    row = posting.post_ephemeral(call.core, channel, drafts.author(call), drafts.draft(call), reader)
    return {"message_ts": row.ts}


@method("chat.update", scopes=("chat:write",), required=("channel", "ts"))
def update(call: Call) -> Json:
    """Replace one of the caller's own messages."""
    channel = call.channel()
    if channel.is_archived:
        raise SlackError("is_archived")
    row = own_message(call, channel, "cant_update_message")
    # Slack marks a bot's message as edited only when its text changed.
    editor = call.user_id if "text" in call.args and call.args.text("text") != row.text else None
    posting.edit(call.core, channel, row, drafts.update(call, row), editor=editor)
    shape = shapes.message(call.core, row, with_metadata=True)
    del shape["ts"]  # Slack leaves it out of this answer's message
    return {"channel": channel.id, "ts": row.ts, "text": row.text, "message": shape}


@method("chat.delete", scopes=("chat:write",), required=("channel", "ts"))
def delete(call: Call) -> Json:
    """Take back one of the caller's own messages."""
    channel = call.channel()
    row = own_message(call, channel, "cant_delete_message")
    posting.delete(call.core, channel, row)
    return {"channel": channel.id, "ts": row.ts}


@method("chat.getPermalink", required=("channel", "message_ts"))
def get_permalink(call: Call) -> Json:
    """Return a message's address on the page."""
    channel = call.channel()
    row = channel.messages.get(call.args.text("message_ts"))
    if row is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": permalink(call.core.base_url, row)}


def permalink(base_url: str, row: Message) -> str:
    """Return the address of a message."""
    address = f"{base_url}/archives/{row.channel_id}/p{row.ts.replace('.', '')}"
    return f"{address}?thread_ts={row.thread_ts}&cid={row.channel_id}" if row.is_reply else address


def own_message(call: Call, channel: Channel, refusal: str) -> Message:
    """Return the message that `ts` names, if it is the caller's own.

    Raises:
        SlackError: message_not_found, or `refusal` for somebody else's message.
    """
    row = channel.messages.get(call.args.text("ts"))
    if row is None or row.subtype == "tombstone":
        raise SlackError("message_not_found")
    if row.user != call.user_id:
        raise SlackError(refusal)
    return row
