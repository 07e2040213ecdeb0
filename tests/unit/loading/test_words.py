"""The seed document's words, and durations both ways."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import durations
from incidents.configuration import words
from incidents.configuration.mistakes import Unreadable
from incidents.definitions import Severity
from incidents.lifecycle import Milestone

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=5000)))
def test_a_duration_written_and_read_again_is_the_same_to_the_millisecond(length: timedelta) -> None:
    milliseconds = timedelta(milliseconds=round(length / timedelta(milliseconds=1)))
    assert durations.parse(durations.text(length)) == milliseconds


@given(st.integers(1, 10_000), st.sampled_from("smhdw"))
def test_compact_durations_read_the_same_in_every_place(count: int, unit: str) -> None:
    compact = f"{count}{unit}"
    length = durations.parse(compact)
    if length <= words.MAX_DURATION:
        assert words.duration(compact) == length
        assert words.within(f"within_{compact}") == length
        assert words.trigger(f"critical_bug_not_resolved_{compact}") == (Severity.CRITICAL, Milestone.RESOLVED, length)
        assert words.frequency(f"every_{compact}_high") == (Severity.HIGH, length)
        assert words.target(f"target < {compact}") == (length.total_seconds(), "seconds", "below")
        assert words.window(f"0-{compact}", previous_end=timedelta(0)) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("< 30 minutes", 30 * MINUTE),
        ("< 2 hours", 2 * HOUR),
        ("< 24 hours", 24 * HOUR),
        ("< 1 week", timedelta(weeks=1)),
        ("15 minutes", 15 * MINUTE),
        ("60_minutes", HOUR),
        ("30_min", 30 * MINUTE),
        ("4 hours", 4 * HOUR),
        ("2 days", timedelta(days=2)),
        ("1h30m", 90 * MINUTE),
        ("0.5s", timedelta(milliseconds=500)),
        ("20 Seconds", timedelta(seconds=20)),
    ],
)
def test_the_documents_times_are_read(text: str, length: timedelta) -> None:
    assert words.duration(text) == length


@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_a_remedy(text: str) -> None:
    refused = [error for error in map(partial(refusal, text), READERS) if error]
    assert all(error.what and error.remedy for error in refused)


READERS = (words.duration, words.within, words.frequency, words.trigger, words.action, words.target, words.step)


def refusal(text: str, read: Callable[[str], object]) -> Unreadable | None:
    try:
        read(text)
    except Unreadable as error:
        return error
    return None


def test_immediate_is_now() -> None:
    assert words.within("immediate") == timedelta(0)


def test_targets_keep_their_unit_and_direction() -> None:
    assert words.target("target > 95%") == (0.95, "share", "above")
    assert words.target("target < 5%") == (0.05, "share", "below")
    assert words.target("target > 4.5/5") == (4.5, "score", "above")
    assert words.target("target < 2_hours") == (7200.0, "seconds", "below")


def test_a_following_window_is_counted_from_the_phase_before() -> None:
    assert words.window("Next 24 hours", previous_end=2 * HOUR) == 26 * HOUR
    assert words.window("90-120 minutes", previous_end=90 * MINUTE) == 2 * HOUR


def test_a_window_that_ends_before_the_phase_before_is_refused() -> None:
    with pytest.raises(Unreadable, match="ends before"):
        words.window("0-30 minutes", previous_end=HOUR)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Step 1.1", "1.1"),
        ("Phase 1 Complete", "Phase 1"),
        ("Step 4.1 - Preliminary Results", "4.1/preliminary"),
        ("2.3", "2.3"),
    ],
)
def test_dependencies_are_kept_in_the_engines_words(text: str, kept: str) -> None:
    assert words.dependency(text) == kept


@pytest.mark.parametrize("text", ["Phase 1", "Step one", "Step 1", "1.1 - soon", ""])
def test_other_dependencies_are_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        words.dependency(text)


@pytest.mark.parametrize(
    ("text", "length"),
    [("2-3 hours", 3 * HOUR), ("1-2 days", timedelta(days=2)), ("45 minutes", 45 * MINUTE), ("30m", 30 * MINUTE)],
)
def test_of_a_range_the_longest_is_the_budget(text: str, length: timedelta) -> None:
    assert words.budget(text) == length


def test_a_window_that_follows_may_be_a_range() -> None:
    assert words.window("Next 1-2 days", previous_end=4 * HOUR) == timedelta(days=2, hours=4)
