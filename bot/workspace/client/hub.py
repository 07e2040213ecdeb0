"""Who is looking at the page, and what they must be told."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

# A page that does not read this many notices is gone; it reloads when it comes back.
MAX_WAITING = 2_000


class Hub:
    """Pass notices to the open pages of those concerned."""

    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[str | None]]] = {}

    def listen(self, user_id: str) -> asyncio.Queue[str | None]:
        """Return a queue of JSON notices for one page; None in it means that the page fell behind."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._queues.setdefault(user_id, set()).add(queue)
        return queue

    def leave(self, user_id: str, queue: asyncio.Queue[str | None]) -> None:
        """Forget a page."""
        self._queues.get(user_id, set()).discard(queue)

    def present(self, audience: Iterable[str] | None) -> list[str]:
        """Return who of the audience has a page open."""
        return [user_id for user_id in (list(self._queues) if audience is None else audience) if self._of(user_id)]

    def publish(self, notice: dict[str, Any], audience: Iterable[str] | None) -> None:
        """Tell the pages of these users; None means everybody's."""
        queues = [queue for user_id in (self._queues if audience is None else audience) for queue in self._of(user_id)]
        if not queues:
            return
        text = json.dumps(notice)
        for queue in queues:
            if queue.qsize() < MAX_WAITING:
                queue.put_nowait(text)
            elif queue.qsize() == MAX_WAITING:
                queue.put_nowait(None)

    def _of(self, user_id: str) -> set[asyncio.Queue[str | None]]:
        return self._queues.get(user_id, set())
