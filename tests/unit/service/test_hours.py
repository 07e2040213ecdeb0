"""When business opens next, in the zone where the people are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import calendars, hours
from incidents.catalog import Settings

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


@pytest.mark.parametrize(
    ("place", "opens"),
    [
        ("", "2026-12-25T09:00"),
        ("DE", "2026-12-28T09:00"),  # two days of Christmas, the second on a Saturday
        ("US", "2026-12-28T09:00"),
        ("IN", "2026-12-28T09:00"),
        ("TR", "2026-12-25T09:00"),  # a working day there
    ],
)
def test_public_holidays_are_no_business_days(place: str, opens: str) -> None:
    settings = Settings(holidays=place)
    found = hours.opens_next(datetime(2026, 12, 24, 18, tzinfo=UTC), settings)
    assert found == datetime.fromisoformat(opens).replace(tzinfo=UTC)


def test_holidays_of_a_part_of_a_country_are_known() -> None:
    epiphany = datetime(2027, 1, 5, 18, tzinfo=UTC)
    assert hours.opens_next(epiphany, Settings(holidays="DE")).day == 6
    assert hours.opens_next(epiphany, Settings(holidays="DE-BY")).day == 7


def test_an_unknown_place_is_named() -> None:
    with pytest.raises(ValueError, match="'DE-XX'"):
        calendars.public_holidays("DE-XX")


def test_hours_that_are_none_are_named() -> None:
    with pytest.raises(ValueError, match="nine to five"):
        hours.next_business_day(datetime(2026, 1, 1, tzinfo=UTC), "nine to five", "UTC")
