"""Slack's pace: pauses it asked for, and one message a second per channel after a short burst."""

from hypothesis import given
from hypothesis import strategies as st

from bot.delivery.pace import POST, Pace

TOPIC = ("conversations.setTopic",)


def test_burst_goes_at_once_and_then_one_a_second() -> None:
    pace, waits = Pace(), []
    for _ in range(6):
        waits.append(round(pace.wait((POST,), "C1", 100.0), 3))
        pace.take((POST,), "C1", 100.0)
    assert waits == [0, 0, 0, 0, 1, 2]


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
