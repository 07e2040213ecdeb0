"""What a person's page shows at a moment, kept up to date from the workspace's notices."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from bot.workspace.contents.model import Json

Test = Callable[[Json], object]


class Screen:
    """The channels, messages and views that a person sees; what comes is kept, so no wait misses it."""

    def __init__(self) -> None:
        self.channels: dict[str, Json] = {}
        self.views: list[Json] = []
        self.ephemerals: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.connected: set[str] = set()
        self._messages: dict[str, dict[str, Json]] = {}
        self._changed = asyncio.Condition()

    def known(self, channel_id: str) -> Iterator[Json]:
        """Yield a channel's messages and replies, oldest first."""
        rows = self._messages.get(channel_id, {})
        return (rows[ts] for ts in sorted(rows))

    def message(self, channel_id: str, ts: str) -> Json | None:
        """Return a message as it is now."""
        return self.ephemerals.get(ts) or self._messages.get(channel_id, {}).get(ts)

    def keep(self, channel_id: str, messages: Iterable[Json]) -> None:
        """Take in messages that were loaded; those that were pushed since are newer and stay."""
        rows = self._messages.setdefault(channel_id, {})
        for message in messages:
            rows.setdefault(message["ts"], message)

    async def apply(self, notice: Json) -> None:
        """Take in what the workspace pushed and wake those who wait for it."""
        change = getattr(self, f"_on_{notice['type']}", None)
        async with self._changed:
            if change is not None:
                change(notice)
            self._changed.notify_all()

    async def wait(self, find: Callable[[], Json | None], timeout: float, what: str) -> Json:
        """Wait until something is found and return it.

        Raises:
            TimeoutError: naming what was waited for and what is there instead.
        """
        found: list[Json] = []

        def look() -> bool:
            here = find()
            found[:] = [here] if here else []
            return bool(found)

        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(look)
        except TimeoutError:
            raise TimeoutError(f"waited {timeout} s for {what}; there is {self.summary()}") from None
        return found[0]

    def summary(self) -> str:
        """Return in one line what can be seen, for messages about waits that failed."""
        titles = [view["title"]["text"] for view in self.views]
        texts = {
            self.channels.get(channel_id, {}).get("name", channel_id): [
                row.get("text", "")[:60] for row in rows.values()
            ][-5:]
            for channel_id, rows in self._messages.items()
        }
        private = [row.get("text", "")[:60] for row in self.ephemerals.values()]
        return f"modals {titles}, messages {texts}, ephemerals {private}"

    def _on_message(self, notice: Json) -> None:
        self._messages.setdefault(notice["channel"], {})[notice["message"]["ts"]] = notice["message"]

    _on_message_changed = _on_message

    def _on_message_deleted(self, notice: Json) -> None:
        self._messages.get(notice["channel"], {}).pop(notice["ts"], None)
        self.ephemerals.pop(notice["ts"], None)

    def _on_ephemeral(self, notice: Json) -> None:
        self.ephemerals[notice["message"]["ts"]] = {**notice["message"], "channel": notice["channel"]}

    def _on_channel_changed(self, notice: Json) -> None:
        self.channels[notice["channel"]["id"]] = notice["channel"]

    _on_channel_joined = _on_channel_changed

    def _on_channel_left(self, notice: Json) -> None:
        self.channels.get(notice["channel"], {})["is_member"] = False

    def _on_view_opened(self, notice: Json) -> None:
        self.views = [notice["view"]]

    def _on_view_pushed(self, notice: Json) -> None:
        self.views.append(notice["view"])

    def _on_view_updated(self, notice: Json) -> None:
        self.views = [notice["view"] if view["id"] == notice["view"]["id"] else view for view in self.views]

    def _on_view_closed(self, notice: Json) -> None:
        self.views = [view for view in self.views if view["id"] != notice["view_id"]]

    def _on_connection(self, notice: Json) -> None:
        (self.connected.add if notice["connected"] else self.connected.discard)(notice["app_id"])

    def _on_home_updated(self, notice: Json) -> None:
        self.homes[notice["app_id"]] = notice["view"]


def first(rows: Iterable[Json], test: Test) -> Json | None:
    """Return the first row that fits."""
    return next((row for row in rows if test(row)), None)
