"""Files: taking in what is uploaded, sharing it, and handing it out."""

import mimetypes
from typing import Final

from bot.workspace.apps import events
from bot.workspace.contents import posting
from bot.workspace.contents.ids import secret
from bot.workspace.contents.model import Channel, File, Json, Message
from bot.workspace.contents.outgoing import Author, Draft
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError

# Slack takes 1 GB and 1 MB for snippets; this workspace keeps files in memory.
FILE_BYTES: Final = 64_000_000
SNIPPET_BYTES: Final = 1_000_000

_TEXT_ENDINGS: Final = (".md", ".log", ".txt", ".diff", ".patch", ".yml", ".yaml", ".toml", ".py", ".sh", ".csv")


def begin(core: Core, name: str, length: int, user_id: str) -> tuple[File, str]:
    """Return a new file without content, and the secret under which its content is uploaded.

    Raises:
        SlackError: file_too_large.
    """
    if length > FILE_BYTES:
        raise SlackError("file_too_large")
    file = File(core.team.ids.new("F"), name, name, user_id, core.team.epoch(), length, mimetype=_mimetype(name))
    token = secret()
    core.team.files[file.id] = file
    core.uploads[token] = file.id
    return file, token


def upload(core: Core, token: str, content: bytes) -> File:
    """Take in a file's content.

    Raises:
        SlackError: invalid_upload_token or file_too_large.
    """
    file = core.team.files.get(core.uploads.pop(token, ""))
    if file is None:
        raise SlackError("invalid_upload_token")
    if len(content) > (SNIPPET_BYTES if file.snippet_type else FILE_BYTES):
        raise SlackError("file_too_large")
    file.content, file.length = content, len(content)
    return file


def share(core: Core, channel: Channel, author: Author, files: list[File], draft: Draft) -> Message:
    """Post files into a channel."""
    row = posting.post(core, channel, author, draft)
    for file in files:
        file.shares.setdefault(channel.id, []).append(row.ts)
        shared: Json = {"type": "file_shared", "channel_id": channel.id, "file_id": file.id, "user_id": author.user_id}
        shared |= {"file": {"id": file.id}, "event_ts": core.team.timestamps.next()}
        events.emit(core, shared, channel)
        core.hub.publish({**shared, "channel": channel.id}, core.team.audience(channel))
    return row


def may_read(core: Core, file: File, user_id: str) -> bool:
    """Whether a user uploaded the file or sees a channel in which it was shared."""
    seen = {channel.id for channel in core.team.channels_seen_by(user_id)} if file.shares else set()
    return file.user == user_id or not seen.isdisjoint(file.shares)


def _mimetype(name: str) -> str:
    if name.lower().endswith(_TEXT_ENDINGS):
        return "text/plain"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
