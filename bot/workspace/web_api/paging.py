"""Cursors, as Slack's: opaque, and empty on the last page."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.workspace.contents.model import Json
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.registry import Call

Row = TypeVar("Row")


def encode(kind: str, value: str) -> str:
    """Return a cursor that continues at a value."""
    return base64.b64encode(f"{kind}:{value}".encode()).decode()


def decode(kind: str, cursor: str) -> str | None:
    """Return where a cursor continues; None without one.

    Raises:
        SlackError: invalid_cursor.
    """
    if not cursor:
        return None
    try:
        found, _, value = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as fault:
        raise SlackError("invalid_cursor") from fault
    if found != kind or not value:
        raise SlackError("invalid_cursor")
    return value


def page(call: Call, rows: Sequence[Row], *, default: int = 100, most: int = 1000) -> tuple[Sequence[Row], Json]:
    """Return the wanted slice and the `response_metadata` with the cursor of the next one."""
    start = int(decode("offset", call.args.text("cursor")) or 0)
    end = start + call.args.limit(default, most)
    return rows[start:end], metadata(encode("offset", str(end)) if end < len(rows) else "")


def metadata(next_cursor: str) -> Json:
    """Return `response_metadata` as a field of the answer."""
    return {"response_metadata": {"next_cursor": next_cursor}}
