"""What people paste is read in time that grows with it and no faster: a click waits behind it."""

import time

import pytest

from incidents import revenue, triage


@pytest.mark.parametrize("piece", ["\n", "- ", "a-", "a ", "?", "<", "1 ", "/a", "-\n"])
def test_a_message_as_long_as_slack_lets_it_be_is_read_at_once(piece: str) -> None:
    text = piece * (40_000 // len(piece)) + "x"
    began = time.process_time()
    triage.recognise(text)
    triage.hear(text, {}, [])
    revenue.loss_per_hour(text)
    assert time.process_time() - began < 1.0


def test_a_first_step_below_blank_lines_is_the_one_that_is_told() -> None:
    assert triage.recognise("\n\n1) open the cart")["steps_to_reproduce"] == "1) open the cart"
