"""The most recent Web API calls, for tests and drills."""

from collections import deque
from typing import Any

from bot.workspace.clock import Now
from bot.workspace.contents.model import Json

KEPT = 2_000
SHOWN_CHARACTERS = 200


class CallLog:
    """Keep what was called, with which arguments, and how it was answered."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._entries: deque[Json] = deque(maxlen=KEPT)

    def record(self, method: str, caller: str, arguments: dict[str, Any], error: str | None) -> None:
        """Note one call; long arguments are cut."""
        self._entries.append(
            {
                "method": method,
                "caller": caller,
                "args": {name: _shown(value) for name, value in arguments.items() if name != "token"},
                "ok": error is None,
                "error": error,
                "at": self._now(),
            }
        )

    def entries(self) -> list[Json]:
        """Return the kept calls, oldest first."""
        return list(self._entries)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"
    return value
