"""Slack's rate limits: tiers per method, one message a second per channel."""

import functools
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.workspace.config import LimitConfig
from bot.workspace.rules.errors import RateLimited

_TIERS_FILE = Path(__file__).parents[1] / "data" / "rate-limit-tiers.json"

# Slack, "Rate limits": calls per minute of each tier. A tier's whole minute may come as one burst.
PER_MINUTE: Final = {"Tier1": 1, "Tier2": 20, "Tier3": 50, "Tier4": 100}
# Slack: "one message per second per channel, short bursts > 1 allowed"; the size of the burst is not published.
POST_BURST: Final = 5
# Slack: "several hundred messages per minute" per workspace.
POSTS_PER_MINUTE: Final = 300
# auth.test and chat.getPermalink allow "hundreds of requests per minute".
SPECIAL_PER_MINUTE: Final = 600


@functools.cache
def tiers() -> dict[str, str]:
    """Return each method's tier."""
    loaded: dict[str, str] = json.loads(_TIERS_FILE.read_text(encoding="utf-8"))
    return loaded


@dataclass(slots=True)
class _Bucket:
    """Tokens that drip in; each call takes one. The clock is monotonic, in seconds."""

    size: float
    per_second: float
    level: float
    at: float

    def wait(self, now: float) -> float:
        """Return how long until a token is there, zero if one is."""
        self.level = min(self.size, self.level + (now - self.at) * self.per_second)
        self.at = now
        return 0.0 if self.level >= 1 else (1 - self.level) / self.per_second


class Limiter:
    """Count calls per app and method."""

    def __init__(self, config: LimitConfig) -> None:
        self._config = config
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def take(self, app_id: str, method: str, channel_id: str | None = None) -> None:
        """Count one call.

        Raises:
            RateLimited: with the whole seconds after which the call will be taken.
        """
        if not self._config.enabled:
            return
        buckets = self._buckets_for(app_id, method, channel_id)
        now = time.monotonic()
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            raise RateLimited(max(1, math.ceil(wait)))
        for bucket in buckets:
            bucket.level -= 1

    def _buckets_for(self, app_id: str, method: str, channel_id: str | None) -> list[_Bucket]:
        if method == "chat.postMessage":
            return [
                self._bucket((app_id, method), size=POSTS_PER_MINUTE, per_second=POSTS_PER_MINUTE / 60),
                self._bucket((app_id, method, channel_id or ""), size=POST_BURST, per_second=1.0),
            ]
        per_minute = PER_MINUTE.get(tiers().get(method, "Tier3"), SPECIAL_PER_MINUTE)
        return [self._bucket((app_id, method), size=per_minute, per_second=per_minute / 60)]

    def _bucket(self, key: tuple[str, ...], *, size: float, per_second: float) -> _Bucket:
        if key not in self._buckets:
            scale = self._config.scale
            level = max(1.0, size * scale)
            self._buckets[key] = _Bucket(level, per_second * scale, level, time.monotonic())
        return self._buckets[key]
