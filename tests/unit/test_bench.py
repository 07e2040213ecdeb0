"""What the bench tells and draws, and in which order it measures."""

from itertools import pairwise

import pytest

from tests.benchmarks import pages, report, turns
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


@pytest.mark.parametrize(
    ("severity", "key"),
    [("critical", "inc-1:matrix:immediate:U0ONCALL"), ("high", "inc-1:matrix:immediate:U0ASSIGNED"), ("low", None)],
)
def test_page_is_owed_to_whom_the_policies_wake_at_once(severity, key):
    people = {"on_call_engineer": "U0ONCALL", "assigned_engineer": "U0ASSIGNED", "team_lead": "U0LEAD"}
    assert [page.key for page in pages.of_first_level("inc-1", severity, 5.0, people)] == ([key] if key else [])


def test_page_that_did_not_arrive_is_told_and_grows_older():
    owed = [pages.Page("U0ONCALL", f"inc-{number}:page:1:U0ONCALL", 100.0) for number in range(3)]
    here = {(page.person, page.key): [101.0 + number] for number, page in enumerate(owed)}
    assert [(line.value, line.holds) for line in pages.lines(owed, here, now=180.0)] == [
        (3, True),
        (0, True),
        (0, True),
    ]
    here[owed[0].person, owed[0].key].append(104.0)
    del here[owed[1].person, owed[1].key]
    found = pages.lines(owed, here, now=180.0)
    assert [(line.value, line.holds) for line in found] == [(80, False), (1, False), (1, False)]
    assert found[0].baseline == 2.0  # the third, by one a second
