"""Reads the words of the seed document: `< 30 minutes`, `within_30_min`, `target < 15_minutes`, `Step 1.1`. Pure.

Every function raises Unreadable for words that say something else; wherever a time stands, `30m` is read as well.
"""

import re
from collections.abc import Callable
from datetime import timedelta

from incidents import durations
from incidents.configuration.mistakes import Unreadable
from incidents.definitions import Severity
from incidents.lifecycle import Milestone

NameParser = Callable[[str], str]

MAX_DURATION = timedelta(days=3660)  # ten years: beyond it dates run out before anybody waits

_UNIT = r"(?:seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d|weeks?|w)"
_AMOUNT = rf"\d+(?:\.\d+)?[\s_]*{_UNIT}"
_SPOKEN = re.compile(rf"(?P<count>\d+(?:\.\d+)?)[\s_]*(?P<unit>{_UNIT})", re.ASCII)
_SEVERITIES = "|".join(Severity)
_TRIGGER = re.compile(rf"(?P<severity>{_SEVERITIES})_bug_not_(?P<until>[a-z]+)_(?P<after>\w[\w.]*)")
_FREQUENCY = re.compile(rf"every_(?P<period>.+)_(?P<severity>{_SEVERITIES})")
_TARGET = re.compile(r"target\s*(?P<sign>[<>])\s*(?P<amount>\S.*)")
_WINDOW = re.compile(rf"(?P<start>\d+(?:\.\d+)?\s*{_UNIT}?)\s*-\s*(?P<end>{_AMOUNT})", re.ASCII)
_RANGE = re.compile(r"\d+(?:\.\d+)?\s*-\s*(?P<most>\d+(?:\.\d+)?\s*\D+)", re.ASCII)
_STEP = re.compile(r"(?:Step\s+)?(?P<name>\d+\.\d+)")
_AFTER = re.compile(r"(?:Step\s+)?(?P<name>\d+\.\d+)\s+-\s+Preliminary Results", re.IGNORECASE)
_PHASE = re.compile(r"Phase\s+(?P<number>\d+)(?P<complete>\s+Complete)?", re.IGNORECASE)

_WRITE_TIME = "Write it like 30s, 15m, 2h or 1d"


def duration(text: str) -> timedelta:
    """Return the time that `text` says: `15 minutes`, `< 2 hours`, `60_minutes`, `1h30m`."""
    word = text.strip().lower().removeprefix("<").strip()
    spoken = _SPOKEN.fullmatch(word)
    if spoken:
        word = f"{spoken['count']}{spoken['unit'][0]}"
    try:
        length = durations.parse(word)
    except (ValueError, OverflowError):
        raise Unreadable(f"{_quoted(text)} is not a duration", _WRITE_TIME) from None
    if length > MAX_DURATION:
        raise Unreadable(f"{_quoted(text)} is longer than ten years", _WRITE_TIME)
    return length


def positive(text: str) -> timedelta:
    """Return the time that `text` says, which must not be zero."""
    length = duration(text)
    if not length:
        raise Unreadable(f"{_quoted(text)} leaves no time at all", "Give it at least 1s")
    return length


def budget(text: str) -> timedelta:
    """Return the time that a step may take: of `2-3 hours` the longest, of `45 minutes` just that."""
    said = _RANGE.fullmatch(text.strip())
    return positive(said["most"] if said else text)


def within(text: str) -> timedelta:
    """Return by when somebody hears: `immediate` is 0, `within_30_min` is 30 minutes."""
    if text == "immediate":
        return timedelta(0)
    if text.startswith("within_"):
        return duration(text.removeprefix("within_"))
    raise Unreadable(f"{_quoted(text)} says no time", "Write immediate, or within_ and a time: within_30_min")


def frequency(text: str) -> tuple[Severity, timedelta]:
    """Return what `every_30_minutes_critical` says."""
    said = _FREQUENCY.fullmatch(text)
    if not said:
        raise Unreadable(f"{_quoted(text)} is not a frequency", "Write it like every_30_minutes_critical")
    return Severity(said["severity"]), positive(said["period"])


def trigger(text: str) -> tuple[Severity, Milestone, timedelta]:
    """Return what `critical_bug_not_resolved_60_minutes` says: severity, milestone, time."""
    said = _TRIGGER.fullmatch(text)
    if not said:
        remedy = "Write it like critical_bug_not_resolved_60_minutes: severity, milestone, time"
        raise Unreadable(f"{_quoted(text)} is not a time-based trigger", remedy)
    milestones = [each.value for each in Milestone if each not in (Milestone.DECLARED, Milestone.CLOSED)]
    if said["until"] not in milestones:
        raise Unreadable(f"{_quoted(said['until'])} is no milestone", f"Use one of {', '.join(milestones)}")
    return Severity(said["severity"]), Milestone(said["until"]), positive(said["after"])


def action(text: str) -> str:
    """Return the audience that `escalate_to_cto` or `involve_vendor_management` tells."""
    for verb in ("escalate_to_", "involve_"):
        if text.startswith(verb) and len(text) > len(verb):
            return text.removeprefix(verb)
    raise Unreadable(f"{_quoted(text)} is not an action", "Write escalate_to_ or involve_ and an audience")


def target(text: str) -> tuple[float, str, str]:
    """Return what `target < 15_minutes` says: limit, unit (seconds, share, score), direction (below, above)."""
    said = _TARGET.fullmatch(text.strip())
    if not said:
        remedy = "Write it like `target < 15_minutes`, `target > 95%` or `target > 4.5/5`"
        raise Unreadable(f"{_quoted(text)} is not a target", remedy)
    direction = "below" if said["sign"] == "<" else "above"
    amount = said["amount"].strip()
    if re.fullmatch(r"\d+(?:\.\d+)?\s*%", amount, re.ASCII):
        share = float(amount.rstrip("% ")) / 100
        if share > 1:
            raise Unreadable(f"{_quoted(amount)} is more than everything", "Use at most 100%")
        return share, "share", direction
    score = re.fullmatch(r"(?P<limit>\d+(?:\.\d+)?)\s*/\s*(?P<most>\d+)", amount, re.ASCII)
    if score:
        if float(score["limit"]) > float(score["most"]):
            raise Unreadable(f"{_quoted(amount)} is above its own maximum", "Use a score within its scale")
        return float(score["limit"]), "score", direction
    return positive(amount).total_seconds(), "seconds", direction


def window(text: str, *, previous_end: timedelta) -> timedelta:
    """Return when a phase should be over, from declaring: `30-90 minutes`; `Next 24 hours` follows `previous_end`."""
    following = re.fullmatch(r"next\s+(?P<length>.+)", text.strip(), re.IGNORECASE)
    if following:
        return previous_end + budget(following["length"])
    said = _WINDOW.fullmatch(text.strip().lower())
    if not said:
        raise Unreadable(f"{_quoted(text)} is not a window of time", "Write it like 30-90 minutes or Next 24 hours")
    end = positive(said["end"])
    if end <= previous_end:
        raise Unreadable(f"{_quoted(text)} ends before the phase before it", "Let it end after the phase before")
    return end


def step(text: str) -> str:
    """Return the step that `Step 1.1` names: `1.1`."""
    said = _STEP.fullmatch(text.strip())
    if not said:
        raise Unreadable(f"{_quoted(text)} names no step", "Write it like Step 1.1")
    return said["name"]


def phase(text: str) -> int:
    """Return the number of `Phase 1`."""
    said = _PHASE.fullmatch(text.strip())
    if not said or said["complete"]:
        raise Unreadable(f"{_quoted(text)} names no phase", "Write it like Phase 1")
    return int(said["number"])


def dependency(text: str) -> str:
    """Return what is waited for, as steps keep it: `1.1`, `Phase 1`, or `4.1/preliminary`."""
    word = text.strip()
    partly = _AFTER.fullmatch(word)
    if partly:
        return f"{partly['name']}/preliminary"
    whole = _PHASE.fullmatch(word)
    if whole and whole["complete"]:
        return f"Phase {whole['number']}"
    said = _STEP.fullmatch(word)
    if not said:
        remedy = "Write Step 1.1, Phase 1 Complete, or Step 4.1 - Preliminary Results"
        raise Unreadable(f"{_quoted(text)} is nothing to wait for", remedy)
    return said["name"]


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
