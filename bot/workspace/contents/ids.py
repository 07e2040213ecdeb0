"""Ids and timestamps as Slack writes them."""

import itertools
import secrets
import string

from bot.workspace.clock import Now

_ALPHABET = string.digits + string.ascii_uppercase


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _ALPHABET[digit] + digits
    return digits or "0"


class Ids:
    """Hand out ids that are unique in one workspace; the first letter says what they name."""

    def __init__(self) -> None:
        # Starts high so that ids have Slack's usual eleven characters.
        self._numbers = itertools.count(36**7 * 9)

    def new(self, kind: str) -> str:
        """Return a fresh id such as `C0900000001`; `kind` is its leading letters."""
        return f"{kind}0{_base36(next(self._numbers)):0>9}"


class Timestamps:
    """Hand out message timestamps, strictly increasing even when the clock stands still or steps back."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._last = 0

    def next(self) -> str:
        """Return the next `seconds.microseconds`."""
        self._last = max(self._last + 1, int(self._now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


def secret(length: int = 24) -> str:
    """Return an unguessable token of hexadecimal digits."""
    return secrets.token_hex(length // 2)


def short_id() -> str:
    """Return what Slack gives to a block or an action that came without an id."""
    return secrets.token_urlsafe(4)[:5]
