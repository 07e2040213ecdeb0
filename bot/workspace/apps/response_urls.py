"""response_url: answering an interaction five times within half an hour, without a token."""

from dataclasses import dataclass

from bot.workspace.clock import Now
from bot.workspace.config import DeliveryConfig
from bot.workspace.contents.ids import secret
from bot.workspace.rules.errors import SlackError


@dataclass(slots=True)
class ResponseUrl:
    """Where an answer goes; `message_ts` and `ephemeral` name the message that was acted on."""

    app_id: str
    user_id: str
    channel_id: str
    expires_at: float
    message_ts: str | None = None
    ephemeral: bool = False
    thread_ts: str | None = None
    uses: int = 0


class ResponseUrls:
    """Issue and redeem response_urls; those that expired are forgotten."""

    def __init__(self, config: DeliveryConfig, now: Now) -> None:
        self._config = config
        self._now = now
        self._issued: dict[str, ResponseUrl] = {}

    def issue(
        self,
        app_id: str,
        user_id: str,
        channel_id: str,
        *,
        message_ts: str | None = None,
        ephemeral: bool = False,
        thread_ts: str | None = None,
    ) -> str:
        """Return the secret last part of a new response_url."""
        now = self._now()
        while self._issued and next(iter(self._issued.values())).expires_at < now:
            del self._issued[next(iter(self._issued))]
        token = secret()
        expires_at = now + self._config.response_seconds
        self._issued[token] = ResponseUrl(
            app_id, user_id, channel_id, expires_at, message_ts=message_ts, ephemeral=ephemeral, thread_ts=thread_ts
        )
        return token

    def peek(self, token: str) -> ResponseUrl:
        """Return what a response_url issued a moment ago answers, without counting a use."""
        return self._issued[token]

    def redeem(self, token: str) -> ResponseUrl:
        """Return what the response_url answers and count the use.

        Raises:
            SlackError: expired_url when it is too old or unknown, used_url after the fifth use.
        """
        found = self._issued.get(token)
        if found is None or self._now() > found.expires_at:
            raise SlackError("expired_url")
        if found.uses >= self._config.response_uses:
            raise SlackError("used_url")
        found.uses += 1
        return found
