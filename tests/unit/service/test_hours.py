"""When business opens next, in the zone where the people are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import hours

WEEK = "Mon-Fri 09:00-17:00"


@pytest.mark.parametrize(
    ("after", "written", "zone", "opens"),
    [
        ("2026-11-20T10:00", WEEK, "UTC", "2026-11-23T09:00"),  # a Friday morning: after the weekend
        ("2026-11-23T03:00", WEEK, "UTC", "2026-11-23T09:00"),  # a Monday night: the same morning
        ("2026-11-23T09:00", WEEK, "UTC", "2026-11-24T09:00"),
        ("2026-11-20T10:00", WEEK, "America/New_York", "2026-11-20T14:00"),
        ("2026-11-20T10:00", "Sun-Thu 08:30-16:00", "UTC", "2026-11-22T08:30"),
        ("2026-10-23T10:00", WEEK, "Europe/Berlin", "2026-10-26T08:00"),  # winter time begins on the Sunday between
    ],
)
def test_business_opens_next(after: str, written: str, zone: str, opens: str) -> None:
    found = hours.next_business_day(datetime.fromisoformat(after).replace(tzinfo=UTC), written, zone)
    assert found == datetime.fromisoformat(opens).replace(tzinfo=UTC)


@given(
    minutes=st.integers(0, 60 * 24 * 400),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_it_is_always_ahead_and_within_a_long_weekend(minutes: int, zone: str) -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = hours.next_business_day(after, WEEK, zone)
    assert after < found <= after + timedelta(days=3, hours=1)


def test_hours_that_are_none_are_named() -> None:
    with pytest.raises(ValueError, match="nine to five"):
        hours.next_business_day(datetime(2026, 1, 1, tzinfo=UTC), "nine to five", "UTC")
