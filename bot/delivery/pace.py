"""How fast Slack may be called: pauses that it asked for, and one message a second per channel. Monotonic seconds."""

from dataclasses import dataclass

POST = "chat.postMessage"

#: https://docs.slack.dev/apis/web-api/rate-limits: one message per second per channel, short bursts allowed.
_POSTS_PER_SECOND = 1.0
_POST_BURST = 4.0  # the card, the triage question, a first line and a phase's head go at once
_KEPT = 2000  # channels remembered; a full bucket need not be


@dataclass
class _Bucket:
    level: float
    at: float

    def wait(self, now: float) -> float:
        self.level = min(_POST_BURST, self.level + (now - self.at) * _POSTS_PER_SECOND)
        self.at = now
        return 0.0 if self.level >= 1 else (1 - self.level) / _POSTS_PER_SECOND

    def is_full(self, now: float) -> bool:
        self.wait(now)
        return self.level >= _POST_BURST


class Pace:
    """What was called when."""

    def __init__(self) -> None:
        self._paused_until: dict[tuple[str, str], float] = {}
        self._posts: dict[str, _Bucket] = {}

    def wait(self, methods: tuple[str, ...], channel: str, now: float) -> float:
        """Return in how many seconds all of `methods` may be called for `channel`; zero means now."""
        waits = [self._paused_until.get(_scope(method, channel), now) - now for method in methods]
        if POST in methods and channel:
            waits.append(self._bucket(channel, now).wait(now))
        return max(0.0, *waits) if waits else 0.0

    def take(self, methods: tuple[str, ...], channel: str, now: float) -> None:
        """Count a call that is about to be made; a wait asked for earlier is taken to be over."""
        if POST in methods and channel:
            bucket = self._bucket(channel, now)
            bucket.wait(now)
            bucket.level -= 1

    def pause(self, method: str, channel: str, seconds: float, now: float) -> None:
        """Leave `method` alone for `seconds`; posting is paused for the one channel only."""
        scope = _scope(method, channel)
        self._paused_until[scope] = max(self._paused_until.get(scope, 0.0), now + seconds)
        self._paused_until = {each: until for each, until in self._paused_until.items() if until > now}

    def _bucket(self, channel: str, now: float) -> _Bucket:
        if len(self._posts) > _KEPT:
            self._posts = {name: bucket for name, bucket in self._posts.items() if not bucket.is_full(now)}
        return self._posts.setdefault(channel, _Bucket(_POST_BURST, now))


def _scope(method: str, channel: str) -> tuple[str, str]:
    # Slack counts posts per channel, everything else per method and workspace.
    return (method, channel if method == POST else "")
