"""What the bench tells and draws, and in which order it measures."""

from itertools import pairwise

from tests.benchmarks import report, turns
from tests.benchmarks.report import Line


def test_each_is_measured_first_and_after_each_other_within_two_turns_for_each():
    orders = [turns.order(["sitrep", "bare", "row"], turn) for turn in range(6)]
    assert len({tuple(each) for each in orders}) == 6
    assert len({pair for each in orders for pair in pairwise(each)}) == 6


def test_what_has_to_be_none_is_drawn_as_held_or_missed(tmp_path):
    held, missed = Line("pages not sent", 0.0, "", 0.0), Line("429s", 2.0, "", 0.0)
    assert (held.share, held.told, missed.share, missed.told) == (0.0, "0 of 0", 1.0, "2 of 0")
    report.plot([held, missed], tmp_path / "figures.svg")
    drawn = (tmp_path / "figures.svg").read_text()
    assert "<!-- 429s -->" in drawn
    assert "<!-- pages not sent -->" in drawn


def test_limit_of_a_value_is_told_in_its_unit_and_that_of_a_ratio_in_times():
    start = Line("start", 1.5, "s", 2.0, 0.5, "bare", "value")
    ack = Line("ack", 30.0, "ms", 2.0, 20.0, "bare")
    assert (start.share, start.told, ack.share, ack.told) == (0.75, "1.5 of 2 s", 0.75, "×1.50 of ×2")
