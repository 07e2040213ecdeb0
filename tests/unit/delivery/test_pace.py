"""Slack's pace: its limits per method, channel and workspace after a short burst, and the pauses it asked for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.pace import POST, Pace, Scope
from bot.delivery.roads import METHODS
from incidents.notices import Lane

TOPIC = ("conversations.setTopic",)
CREATE = ("conversations.create",)


def test_burst_goes_at_once_and_then_one_a_second() -> None:
    pace, waits = Pace(), []
    for _ in range(6):
        waits.append(round(pace.wait((POST,), "C1", 100.0), 3))
        pace.take((POST,), "C1", 100.0)
    assert waits == [0, 0, 0, 0, 1, 2]


def test_conversation_with_a_person_stays_farther_below_the_limit() -> None:
    pace, now = Pace(), 0.0
    for _ in range(63):
        now += pace.wait((POST,), "U0AVA", now)
        pace.take((POST,), "U0AVA", now)
    assert 62 < now < 64


def test_channels_do_not_wait_for_each_other() -> None:
    pace = Pace()
    for _ in range(4):
        pace.take((POST,), "C1", 0.0)
    assert pace.wait((POST,), "C1", 0.0) > 0
    assert pace.wait((POST,), "C2", 0.0) == 0


def test_pause_of_posting_holds_for_its_channel() -> None:
    pace = Pace()
    pace.pause(POST, "C1", 5.0, 10.0)
    assert pace.wait((POST,), "C1", 12.0) == 3.0
    assert pace.wait((POST,), "C2", 12.0) == 0
    assert pace.wait((POST,), "C1", 15.0) == 0


def test_pause_of_any_other_method_holds_for_all_channels_and_no_other_method() -> None:
    pace = Pace()
    pace.pause(TOPIC[0], "C1", 5.0, 0.0)
    assert pace.wait(TOPIC, "C2", 0.0) == 5.0
    assert pace.wait(("pins.add",), "C1", 0.0) == 0
    assert pace.wait(("pins.add", *TOPIC), "C1", 0.0) == 5.0


def test_shorter_pause_does_not_cut_a_longer_one() -> None:
    pace = Pace()
    pace.pause(TOPIC[0], "", 10.0, 0.0)
    pace.pause(TOPIC[0], "", 1.0, 0.0)
    assert pace.wait(TOPIC, "", 0.0) == 10.0


def test_thousands_of_channels_are_forgotten_without_losing_those_in_use() -> None:
    pace = Pace()
    for number in range(3000):
        pace.take((POST,), f"C{number}", float(number))
    for _ in range(4):
        pace.take((POST,), "C9", 3000.0)
    assert pace.wait((POST,), "C9", 3000.0) > 0
    assert len(pace._buckets) < 2100


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_never_more_than_the_burst_and_one_a_second(gaps: list[float]) -> None:
    pace, now, sent = Pace(), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait((POST,), "C1", now)
        pace.take((POST,), "C1", now)
        sent.append(now)
    for index, start in enumerate(sent):
        within = sum(start <= at <= start + 5 for at in sent[index:])
        assert within <= 4 + 5 + 1


def test_methods_keep_their_tier_whatever_the_channel() -> None:
    pace, waits = Pace(), []
    for number in range(12):
        waits.append(round(pace.wait(CREATE, f"C{number}", 0.0), 3))
        pace.take(CREATE, f"C{number}", 0.0)
    assert waits == [*[0] * 10, 3, 6]  # half a minute's calls at once, then one every three seconds


def test_chatter_leaves_posts_for_pages() -> None:
    pace, posted = Pace(), 0
    while pace.wait((POST,), f"C{posted}", 0.0, lane=Lane.CHATTER) == 0:
        pace.take((POST,), f"C{posted}", 0.0)
        posted += 1
    assert posted == 40
    assert pace.wait((POST,), "D1", 0.0, lane=Lane.DECISION) == 0
    assert pace.wait((POST,), "D1", 0.0, lane=Lane.PAGE) == 0


def test_those_who_wait_stand_in_a_queue() -> None:
    pace, queue = Pace(), Counter[Scope]()
    for _ in range(10):
        pace.take(CREATE, "", 0.0)
    assert [round(pace.wait(CREATE, "", 0.0, queue=queue), 3) for _ in range(3)] == [3, 6, 9]


def test_half_a_share_is_half_as_fast() -> None:
    pace = Pace(share=0.5)
    for _ in range(5):
        pace.take(CREATE, "", 0.0)
    assert round(pace.wait(CREATE, "", 0.0), 3) == 6


def test_clock_that_steps_back_stops_nothing() -> None:
    pace = Pace()
    for _ in range(10):
        pace.take(CREATE, "", 1000.0)
    pace.wait(CREATE, "", 0.0)
    assert pace.wait(CREATE, "", 3.0) == 0


def test_every_method_that_is_called_has_its_limit() -> None:
    for methods in METHODS.values():
        assert Pace().wait(methods, "C1", 0.0) == 0


@given(st.lists(st.sampled_from((0.0, 0.5, 3.0, 30.0)), min_size=35, max_size=80))
def test_no_minute_has_more_than_half_again_what_slack_documents(gaps: list[float]) -> None:
    pace, now, called = Pace(), 0.0, []
    for gap in gaps:
        now += gap
        now += pace.wait(CREATE, "", now)
        pace.take(CREATE, "", now)
        called.append(now)
    for index, start in enumerate(called):
        assert sum(at < start + 60 for at in called[index:]) <= 10 + 20


@pytest.mark.parametrize(
    ("method", "channel", "at_once", "a_minute"),
    [
        ("conversations.create", "", 10, 20),
        ("chat.update", "", 25, 50),
        ("views.publish", "", 90, 100),
        (POST, "", 80, 240),
        (POST, "C1", 4, 60),
        (POST, "U0AVA", 3, 57),
    ],
)
def test_busiest_minute_is_one_burst_beside_the_documented_rate(
    method: str, channel: str, at_once: int, a_minute: int
) -> None:
    pace, now, called = Pace(), 0.0, []
    while (now := now + pace.wait((method,), channel, now)) < 60:
        pace.take((method,), channel, now)
        called.append(now)
    assert called.count(0.0) == at_once
    assert len(called) in (at_once + a_minute - 1, at_once + a_minute)  # the last falls on the minute's end
