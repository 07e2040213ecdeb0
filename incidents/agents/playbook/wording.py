"""How figures, times, lists and reasons are put into words."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from incidents.tools.suspects import Suspect


def percent(share: float | None) -> str:
    """Return a share for people: `38 %`, `0.4 %`."""
    if share is None:
        return "an unknown share"
    value = share * 100
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def time_of_day(at: datetime | None) -> str:
    """Return a time for people elsewhere, in UTC: `14:02 UTC`."""
    return f"{at.astimezone(UTC):%H:%M} UTC" if at else "an unknown time"


def moment(at: datetime | None) -> str:
    """Return a moment for the record, in UTC: `2026-11-21 14:02 UTC`; in Slack its readers see it in their own zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "an unknown time"


def listed(words: Sequence[str], *, most: int = 3) -> str:
    """Return `a, b and c`; beyond `most`, the number of the others."""
    shown = [*words[:most], f"{len(words) - most} more"] if len(words) > most else list(words)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def counted(number: int, noun: str) -> str:
    """Return `1 test`, `2 tests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def test_name(test: str) -> str:
    """Return the short name of a test's id: `test_legacy_cart`."""
    return re.split(r"::|\.", test)[-1]


def tests(ids: Sequence[str]) -> str:
    """Return the short names of tests, marked as code."""
    return listed([f"`{test_name(test)}`" for test in ids])


def points(suspect: Suspect) -> str:
    """Return what points at a suspect most, as a sentence without its end: "`a1b2c3d` last changed the line …"."""
    short = f"`{suspect.commit.short}`"
    told = [reason for reason in suspect.reasons if not reason.startswith("its ")][:2]
    if told:
        return f"{short} {listed(told)}"
    reason = suspect.reasons[0]
    return f"{reason[:1].upper()}{reason[1:]} ({short})"
