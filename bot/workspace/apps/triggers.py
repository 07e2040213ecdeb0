"""Trigger ids: the right to open one modal within three seconds of an interaction."""

from dataclasses import dataclass

from bot.workspace.clock import Now
from bot.workspace.config import DeliveryConfig
from bot.workspace.contents.ids import secret
from bot.workspace.rules.errors import SlackError

# Spent and expired ones are remembered so that the error can say which of the two happened.
REMEMBERED = 1_000


@dataclass(slots=True)
class Trigger:
    """One right to open a view."""

    app_id: str
    user_id: str
    expires_at: float
    spent: bool = False


class Triggers:
    """Issue and redeem trigger ids."""

    def __init__(self, config: DeliveryConfig, now: Now) -> None:
        self._config = config
        self._now = now
        self._issued: dict[str, Trigger] = {}
        self._count = 0

    def issue(self, app_id: str, user_id: str) -> str:
        """Return a fresh trigger id for what this person just did in this app."""
        self._count += 1
        trigger_id = f"{self._count}.{int(self._now() * 1000)}.{secret(32)}"
        self._issued[trigger_id] = Trigger(app_id, user_id, self._now() + self._config.trigger_seconds)
        while len(self._issued) > REMEMBERED:
            del self._issued[next(iter(self._issued))]
        return trigger_id

    def redeem(self, trigger_id: str, app_id: str) -> Trigger:
        """Return what the trigger id stands for and spend it.

        Raises:
            SlackError: invalid_trigger_id, exchanged_trigger_id or expired_trigger_id.
        """
        trigger = self._issued.get(trigger_id)
        if trigger is None or trigger.app_id != app_id:
            raise SlackError("invalid_trigger_id")
        if trigger.spent:
            raise SlackError("exchanged_trigger_id")
        if self._now() > trigger.expires_at:
            raise SlackError("expired_trigger_id")
        trigger.spent = True
        return trigger
