"""Slots stay on their grid, whatever is missed, sent early or put off."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from escalation import cadence
from tests import installation
from tests.clock import START

POLICY = installation.library().policies.regular_updates
HALF_HOUR = timedelta(minutes=30)
periods = st.integers(1, 7200).map(lambda seconds: timedelta(seconds=seconds))
offsets = st.integers(-3600, 500_000).map(lambda seconds: timedelta(seconds=seconds))


@given(every=periods, passed=offsets)
def test_the_next_slot_is_on_the_grid_and_the_first_to_come(every: timedelta, passed: timedelta) -> None:
    now = START + passed
    slot = cadence.next_slot(START, every, now)
    assert (slot - START) % every == timedelta(0)
    assert slot > now
    assert slot > START
    assert slot - every <= max(now, START)


def test_an_update_sent_early_is_followed_by_the_slot_after_it() -> None:
    assert cadence.next_slot(START + HALF_HOUR, HALF_HOUR, START + timedelta(minutes=26)) == START + 2 * HALF_HOUR


def test_slots_missed_while_nobody_ran_are_skipped() -> None:
    assert cadence.next_slot(START, HALF_HOUR, START + timedelta(minutes=185)) == START + timedelta(minutes=210)


@given(every=periods, share=st.floats(0, 0.99))
def test_one_update_is_over_before_the_next_is_due(every: timedelta, share: float) -> None:
    slot = START + every
    at = cadence.times(slot, every, POLICY, due=slot + share * every)
    assert START <= at.draft <= at.due <= at.overdue
    assert at.overdue < slot + every


def test_the_draft_lies_ready_five_minutes_ahead_and_goes_out_five_minutes_after() -> None:
    at = cadence.times(START, HALF_HOUR, POLICY)
    assert at.draft == START - timedelta(minutes=5)
    assert at.overdue == START + timedelta(minutes=5)
