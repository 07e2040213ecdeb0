"""Messages that only one person sees, until the page is loaded anew."""

from collections import deque

from bot.workspace.contents.model import Message

# Slack keeps ephemeral messages nowhere; a page that reconnects shows the latest ones again.
KEPT = 50


class Ephemerals:
    """Keep each person's latest ephemeral messages so that their buttons work."""

    def __init__(self) -> None:
        self._rows: dict[str, deque[Message]] = {}

    def keep(self, row: Message) -> None:
        """Remember a message for its reader."""
        self._rows.setdefault(row.ephemeral_to or "", deque(maxlen=KEPT)).append(row)

    def find(self, reader: str, ts: str) -> Message | None:
        """Return the reader's message with this timestamp."""
        return next((row for row in self._rows.get(reader, ()) if row.ts == ts), None)

    def of(self, reader: str, channel_id: str) -> list[Message]:
        """Return what the reader sees in a channel, oldest first."""
        return [row for row in self._rows.get(reader, ()) if row.channel_id == channel_id]

    def forget(self, row: Message) -> None:
        """Drop a message."""
        rows = self._rows.get(row.ephemeral_to or "")
        if rows and row in rows:
            rows.remove(row)
