"""Whether Slack takes anything now: seen from what came of the trips, asked again while it does not."""

import time
from collections import Counter

import structlog

from bot.delivery.trip import HELD_UP, Undelivered
from bot.delivery.web import UPLOAD, Web
from bot.slack_errors import Refusal, Verdict

_REFUSED_PROBE_SECONDS = 15.0  # how often a token that was refused is tried again
_AWAY_PROBE_SECONDS = 3.0  # how often a Slack that does not answer is asked whether it is back
_MOST_REFUSED = 4  # tries of one notice that Slack refuses as if the token were none, though it takes that: some 7 s
_IN_A_ROW = 4  # trips that ended in an error of Slack's or without an answer, none in between that arrived: it is away

log = structlog.get_logger(__name__)


class Outage:
    """What one process knows of Slack.

    While Slack is away, rows stay as they are instead of being tried one by one: nothing is half under way when it
    returns, and other roads find room.
    """

    def __init__(self, web: Web) -> None:
        self._web = web
        self._refusal: Refusal | None = None
        self._failed_in_a_row = 0
        self._refused_alone: Counter[str] = Counter()  # key -> tries of it
        self.probe_at = 0.0  #: time.monotonic() from when on Slack may be asked again, in seconds

    @property
    def trouble(self) -> str:
        """Return why notices do not reach Slack now, or an empty string."""
        return str(self._refusal) if self._refusal is not None else ""

    @property
    def lasts(self) -> bool:
        """Whether nothing need be sent to Slack before it was asked."""
        return self._refusal is not None

    async def judged(self, failure: Undelivered, key: str) -> Undelivered:
        """Return `failure` of the notice `key` as what it means once Slack was asked about the token.

        Where Slack takes the token all the same, it refuses that notice alone, and the road stays open for the others.
        """
        if failure.refusal.verdict is not Verdict.SHUT_OUT or self.lasts:
            return failure
        try:
            await self._web.read("auth.test")
        except Undelivered:
            return failure
        # It may have been revoked in this moment, which not all of Slack knows at once.
        self._refused_alone[key] += 1
        verdict = Verdict.AGAIN
        if self._refused_alone[key] >= _MOST_REFUSED:
            verdict = Verdict.REFUSED
            del self._refused_alone[key]  # it is given up
        error = failure.refusal.error
        said = f"Slack takes the bot token, but not for {failure.method}: {error}."
        return Undelivered(Refusal(verdict, error, said), method=failure.method)

    def note(self, failure: Undelivered | None) -> None:
        """Take in what came of one trip to Slack; None means that it arrived."""
        if failure is None:
            self._failed_in_a_row = 0
            return
        refusal = failure.refusal
        if refusal.error == HELD_UP or failure.method == UPLOAD:
            return  # Slack was not asked, or answered: what failed is on our side, or another host
        if refusal.verdict is Verdict.SHUT_OUT:
            self._begin(refusal, _REFUSED_PROBE_SECONDS)
        elif refusal.error == "unreachable":
            self._begin(refusal, _AWAY_PROBE_SECONDS)
        elif refusal.verdict is Verdict.UNCLEAR:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= _IN_A_ROW:
                self._begin(refusal, _AWAY_PROBE_SECONDS)
        else:  # a refusal or a request to slow down is an answer
            self._failed_in_a_row = 0

    def _begin(self, refusal: Refusal, wait_seconds: float) -> None:
        if self._refusal is None:
            log.error("nothing can be sent to Slack", why=str(refusal))
        self._refusal, self.probe_at = refusal, time.monotonic() + wait_seconds

    @property
    def may_be_asked(self) -> bool:
        """Whether it is time to ask Slack if it is back."""
        return self._refusal is not None and time.monotonic() >= self.probe_at

    async def answers(self) -> bool:
        """Ask Slack; returns whether it answers and takes the token. `end` then ends the outage."""
        try:
            await self._web.read("auth.test")
        except Undelivered as failure:
            shut_out = failure.refusal.verdict is Verdict.SHUT_OUT
            self._begin(failure.refusal, _REFUSED_PROBE_SECONDS if shut_out else _AWAY_PROBE_SECONDS)
            return failure.refusal.retry_after_seconds is not None  # to be asked to slow down is an answer
        return True

    def end(self) -> None:
        """Let notices go to Slack again."""
        log.info("Slack takes notices again")
        self._refusal, self._failed_in_a_row = None, 0
