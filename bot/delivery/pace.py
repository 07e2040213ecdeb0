"""How fast Slack may be called: its limits per method, channel and workspace, and the pauses it asked for.

Kept ahead of Slack's refusals: a call that would be refused costs an attempt, and Slack counts it. All times in seconds
of one clock that runs forward.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from incidents.notices import Lane

POST: Final = "chat.postMessage"
OPEN: Final = "conversations.open"
UPDATE_VIEW: Final = "views.update"

#: Calls a minute of each tier, and their methods: https://docs.slack.dev/apis/web-api/rate-limits. The page promises at
#: least so many, and more of them now and then.
TIERS: Final = {
    20: (
        "bookmarks.add",
        "conversations.archive",
        "conversations.canvases.create",
        "conversations.create",
        "conversations.rename",
        "conversations.setTopic",
        "pins.add",
    ),
    50: ("canvases.edit", "chat.update", "conversations.invite", OPEN),
    100: (
        "chat.postEphemeral",
        "files.completeUploadExternal",
        "files.getUploadURLExternal",
        "views.publish",
        UPDATE_VIEW,
    ),
}
#: What part of a minute's calls may come at once, beside the documented rate: the page allows "occasional bursts" in
#: tier 2, calls "sporadic" ones of tier 3 welcome and those of tier 4 generous, and gives no size. With a half the
#: worst minute has one and a half times what is documented.
_BURST = {20: 0.5, 50: 0.5, 100: 0.9}

#: "Several hundred messages a minute" for a workspace, one a second for a channel, "short bursts allowed".
_POSTS_PER_MINUTE, _POST_BURST = 240, 80
_CHANNEL_POSTS_PER_SECOND, _CHANNEL_BURST = 1.0, 4.0  # the card, the triage question, a line and a phase's head

#: For one person's conversation less: in a storm all pages go there, and calls that a busy machine holds up arrive
#: closer together than they were counted.
_PERSON_POSTS_PER_SECOND, _PERSON_BURST = 0.95, 3.0

#: What a lane leaves for more urgent ones of the calls that several lanes make, as a share of the burst.
_LEFT = {Lane.PAGE: 0.0, Lane.DECISION: 0.2, Lane.ROOM: 0.3, Lane.STATUS: 0.4, Lane.CHATTER: 0.5}
_SHARED_BY_LANES = frozenset({POST, OPEN, UPDATE_VIEW})

_KEPT = 2000  # buckets remembered; a full one need not be

Scope = tuple[str, str]  #: a method, and the channel or person where Slack counts by it


@dataclass
class _Bucket:
    size: float
    per_second: float
    level: float
    at: float

    def wait(self, now: float, left: float, ahead: int) -> float:
        """Return in how many seconds one more than `ahead` calls may be made that leave `left`."""
        self._fill(now)
        return max(0.0, (1 + ahead + left - self.level) / self.per_second)

    def take(self, now: float) -> None:
        self._fill(now)
        self.level -= 1

    def left(self, now: float) -> float:
        self._fill(now)
        return self.level

    def is_full(self, now: float) -> bool:
        return self.left(now) >= self.size

    def _fill(self, now: float) -> None:
        self.level = min(self.size, self.level + max(0.0, now - self.at) * self.per_second)
        self.at = now


class Pace:
    """What was called when."""

    def __init__(self, *, share: float = 1.0) -> None:
        self._share = share  # of Slack's limits: less where several processes call, each for itself
        self._paused_until: dict[Scope, float] = {}
        self._buckets: dict[Scope, _Bucket] = {}

    def wait(
        self,
        methods: Collection[str],
        channel: str,
        now: float,
        *,
        lane: Lane = Lane.PAGE,
        queue: "Counter[Scope] | None" = None,
    ) -> float:
        """Return in how many seconds all of `methods` may be called for `channel`; zero means now.

        Those before it in `queue` go first, and whoever waits stands in it from then on.
        """
        queue = Counter() if queue is None else queue
        paused = max((self.paused(method, channel, now) for method in methods), default=0.0)
        longest, where = max(
            (
                (self._bucket(each, now).wait(now, self._left(each, lane), queue[each]), each)
                for each in scopes(methods, channel)
            ),
            default=(0.0, None),
        )
        if where is not None and longest > 0:
            queue[where] += 1
        return max(0.0, paused, longest)

    def _left(self, scope: Scope, lane: Lane) -> float:
        method, channel = scope
        if channel or method not in _SHARED_BY_LANES:
            return 0.0
        return _LEFT[lane] * _limit(scope)[0] * self._share

    def take(self, methods: Collection[str], channel: str, now: float) -> None:
        """Count calls that are about to be made; a wait asked for earlier is taken to be over."""
        for scope in scopes(methods, channel):
            self._bucket(scope, now).take(now)

    def pause(self, method: str, channel: str, seconds: float, now: float) -> None:
        """Leave `method` alone for `seconds`; posting is paused for the one channel only."""
        scope = _scope(method, channel)
        self._paused_until[scope] = max(self._paused_until.get(scope, 0.0), now + seconds)
        self._paused_until = {each: until for each, until in self._paused_until.items() if until > now}

    def paused(self, method: str, channel: str, now: float) -> float:
        """Return for how many seconds Slack wants `method` left alone."""
        return max(0.0, self._paused_until.get(_scope(method, channel), now) - now)

    def size(self, scope: Scope) -> float:
        """Return how many calls may be made at once."""
        return max(1.0, _limit(scope)[0] * self._share)

    def level(self, scope: Scope, now: float) -> float:
        """Return how many calls are left."""
        return self._bucket(scope, now).left(now)

    def set_level(self, scope: Scope, level: float, at: float) -> None:
        """Take over how many calls were left at `at`."""
        bucket = self._bucket(scope, at)
        bucket.level, bucket.at = level, at

    def _bucket(self, scope: Scope, now: float) -> _Bucket:
        if len(self._buckets) > _KEPT:
            self._buckets = {each: bucket for each, bucket in self._buckets.items() if not bucket.is_full(now)}
        if scope not in self._buckets:
            size = self.size(scope)
            self._buckets[scope] = _Bucket(size, _limit(scope)[1] * self._share, size, now)
        return self._buckets[scope]


_PER_MINUTE = {method: calls for calls, methods in TIERS.items() for method in methods}


def _limit(scope: Scope) -> tuple[float, float]:
    """Return how many calls may be made at once, and how many a second."""
    method, channel = scope
    if channel.startswith(("U", "W")):
        return _PERSON_BURST, _PERSON_POSTS_PER_SECOND
    if channel:
        return _CHANNEL_BURST, _CHANNEL_POSTS_PER_SECOND
    if method == POST:
        return _POST_BURST, _POSTS_PER_MINUTE / 60
    calls = _PER_MINUTE[method]
    return calls * _BURST[calls], calls / 60


def limited_methods() -> Collection[str]:
    """Return the methods that a workspace has so many calls of."""
    return (*_PER_MINUTE, POST)


def scopes(methods: Collection[str], channel: str) -> list[Scope]:
    """Return by what calls of `methods` for `channel` are counted."""
    counted = [(method, "") for method in methods]
    return [*counted, (POST, channel)] if POST in methods and channel else counted


def _scope(method: str, channel: str) -> Scope:
    # Slack counts posts per channel, everything else per method and workspace.
    return (method, channel if method == POST else "")
