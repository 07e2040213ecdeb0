"""Messages that wait for their time."""

import asyncio
import logging

from bot.workspace.contents import posting
from bot.workspace.contents.outgoing import Scheduled
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError

logger = logging.getLogger(__name__)

# The longest nap: a clock that somebody moved is noticed after this many seconds, and only while something waits.
NAP = 0.25


class Scheduler:
    """Post scheduled messages when they are due."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._changed = asyncio.Event()
        core.scheduled_changed = self._changed.set

    async def run(self) -> None:
        """Post what is due until cancelled."""
        while True:
            self.post_due()
            self._changed.clear()
            due = min((row.post_at for row in self._core.team.scheduled.values()), default=None)
            nap = None if due is None else max(0.0, min(NAP, due - self._core.now()))
            try:
                async with asyncio.timeout(nap):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def post_due(self) -> None:
        """Post everything whose time has come, in order."""
        now = self._core.now()
        due = [row for row in self._core.team.scheduled.values() if row.post_at <= now]
        for row in sorted(due, key=lambda scheduled: scheduled.post_at):
            del self._core.team.scheduled[row.id]
            self._post(row)

    def _post(self, row: Scheduled) -> None:
        if row.draft.metadata:
            # Slack, "chat.scheduleMessage", bug alert: messages with metadata are accepted and never posted.
            logger.warning("scheduled message %s carries metadata: Slack does not post such messages", row.id)
            return
        try:
            posting.post(self._core, self._core.team.channels[row.channel_id], row.author, row.draft)
        except SlackError as fault:
            logger.warning("scheduled message %s could not be posted: %s", row.id, fault.code)
