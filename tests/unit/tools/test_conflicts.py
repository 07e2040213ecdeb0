"""The place that two sides changed, found in files of any sort."""

import time

from incidents.tools import conflicts


def test_what_both_made_of_the_first_place_that_both_changed() -> None:
    base = ["a", "b", "c", "d", "e"]
    there, here = ["a", "B", "c", "D", "e"], ["a", "b", "c", "dd", "e", "f"]
    assert conflicts.overlapping(base, there, here) == (["D"], ["dd"])
    assert conflicts.overlapping(base, there, base) == ([], [])
    assert conflicts.overlapping([], ["a"], ["b"]) == (["a"], ["b"])


def test_a_long_file_of_lines_that_are_all_alike_holds_nothing_up() -> None:
    base = ["}"] * 5_000
    began = time.process_time()
    assert conflicts.overlapping(base, [*base[:-1], "there"], [*base[:-1], "here"]) == (["there"], ["here"])
    assert time.process_time() - began < 1.0
