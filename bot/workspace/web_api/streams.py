"""chat.startStream and its siblings, and assistant.threads.*: answers that grow while they are written."""

from typing import Any

from bot.workspace.contents import posting
from bot.workspace.contents.model import Channel, Json, Message
from bot.workspace.contents.outgoing import Draft
from bot.workspace.rules import blocks
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import drafts
from bot.workspace.web_api.registry import Call, method


@method("chat.startStream", scopes=("chat:write",), required=("channel", "thread_ts"))
def start(call: Call) -> Json:
    """Begin a reply that grows."""
    channel = drafts.target(call)
    row = posting.post(call.core, channel, drafts.author(call), Draft(text="", thread_ts=call.args.text("thread_ts")))
    row.streaming = True
    if call.args.text("task_display_mode") == "plan":
        row.blocks = [{"type": "plan", "block_id": "plan", "title": "", "tasks": []}]
    _grow(call, channel, row)
    return {"channel": channel.id, "ts": row.ts}


@method("chat.appendStream", scopes=("chat:write",), required=("channel", "ts"))
def append(call: Call) -> Json:
    """Add text or the state of tasks to a growing reply."""
    channel, row = _streaming(call)
    _grow(call, channel, row)
    return {"channel": channel.id, "ts": row.ts}


@method("chat.stopStream", scopes=("chat:write",), required=("channel", "ts"))
def stop(call: Call) -> Json:
    """Finish a growing reply."""
    channel, row = _streaming(call)
    final = call.args.document("blocks")
    row.blocks = [*row.blocks, *(blocks.message_blocks(final) if final else [])]
    row.streaming = False
    row.metadata = call.args.document("metadata") or row.metadata
    _grow(call, channel, row)
    return {"channel": channel.id, "ts": row.ts}


@method("assistant.threads.setStatus", scopes=("assistant:write", "chat:write"), required=("channel_id", "thread_ts"))
def set_status(call: Call) -> Json:
    """Show that the app is busy with a thread; an empty status takes that away."""
    channel = call.joined_channel("channel_id")
    notice = {
        "type": "status",
        "channel": channel.id,
        "thread_ts": call.args.text("thread_ts"),
        "user": call.user_id,
        "status": call.args.text("status"),
        "loading_messages": call.args.names("loading_messages"),
    }
    call.core.hub.publish(notice, call.core.team.audience(channel))
    return {}


def _streaming(call: Call) -> tuple[Channel, Message]:
    channel = call.channel()
    row = channel.messages.get(call.args.text("ts"))
    if row is None or row.user != call.user_id:
        raise SlackError("message_not_found")
    if not row.streaming:
        raise SlackError("message_not_in_streaming_state")
    return channel, row


def _grow(call: Call, channel: Channel, row: Message) -> None:
    if text := call.args.text("markdown_text"):
        _add_text(row, text)
    for chunk in call.args.document("chunks") or []:
        _add_chunk(row, chunk)
    posting.refresh(call.core, channel, row)


def _add_chunk(row: Message, chunk: Any) -> None:
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    match kind:
        case "markdown_text":
            _add_text(row, str(chunk.get("text", "")))
        case "task_update":
            _set_task(row, chunk)
        case "plan_update":
            _plan(row)["title"] = chunk.get("title", "")
        case "blocks":
            row.blocks += blocks.message_blocks(chunk.get("blocks"))
        case _:
            raise SlackError("invalid_chunks")


def _add_text(row: Message, text: str) -> None:
    row.text += text
    if row.blocks and row.blocks[-1]["type"] == "markdown":
        row.blocks[-1] = {**row.blocks[-1], "text": row.blocks[-1]["text"] + text}
    else:
        row.blocks += blocks.with_ids([{"type": "markdown", "text": text}])
    if len(row.text) > blocks.MARKDOWN_CHARACTERS:
        raise SlackError("msg_too_long")


def _plan(row: Message) -> Json:
    for block in row.blocks:
        if block["type"] == "plan":
            return block
    row.blocks.insert(0, {"type": "plan", "block_id": "plan", "title": "", "tasks": []})
    return row.blocks[0]


def _set_task(row: Message, chunk: Json) -> None:
    """Change the task with this id where it is shown: in the plan if there is one, else as a card."""
    plan = next((block for block in row.blocks if block["type"] == "plan"), None)
    tasks: list[Json] = plan["tasks"] if plan is not None else row.blocks
    card = {
        "type": "task_card",
        "task_id": str(chunk.get("id")),
        "title": chunk.get("title", ""),
        "status": chunk.get("status", "pending"),
        **{name: _rich(chunk[name]) for name in ("details", "output") if chunk.get(name)},
        **({"sources": chunk["sources"]} if chunk.get("sources") else {}),
    }
    for place, task in enumerate(tasks):
        if task.get("task_id") == card["task_id"]:
            tasks[place] = {**task, **card}
            return
    tasks.append(card if plan is not None else {**card, "block_id": f"task-{card['task_id']}"})


def _rich(text: Any) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": str(text)}]}
    return {"type": "rich_text", "elements": [section]}
