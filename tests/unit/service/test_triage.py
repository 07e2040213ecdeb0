import pytest

from incidents import triage


@pytest.mark.parametrize(
    ("said", "fact"),
    [
        ("POST /orders with an old cart returns 500", "steps_to_reproduce"),
        ("expected an order number but got an error page", "expected_vs_actual"),
        ("only in production", "environment"),
        ("since release 41", "versions"),
        ("KeyError: 'currency'", "error_output"),
        ("it is in checkout/pricing.py", "component"),
        ("about 40 % of orders", "context"),
        ("Environment: the blue cluster", "environment"),
        ("Steps to reproduce: open an old cart", "steps_to_reproduce"),
    ],
)
def test_a_fact_is_recognised_in_free_text(said: str, fact: str) -> None:
    assert fact in triage.recognise(said)


def test_nothing_said_leaves_all_seven_missing() -> None:
    assert len(triage.missing(triage.recognise(""))) == 7


def test_a_chosen_service_is_the_component() -> None:
    assert "component" not in triage.missing(triage.recognise("", service="checkout"))


def test_a_fact_keeps_the_sentence_that_states_it() -> None:
    found = triage.recognise("It is bad. KeyError: 'currency' in the log. Please help.")
    assert found["error_output"] == "KeyError: 'currency' in the log"


def test_the_first_sentence_is_kept_from_its_first_letter() -> None:
    assert triage.recognise("Checkout returns 500s")["error_output"] == "Checkout returns 500s"


def test_expected_and_actual_on_two_lines_are_both_kept() -> None:
    told = triage.recognise("Expected: an order number\nActual: HTTP 500")
    assert told["expected_vs_actual"] == "Expected: an order number; Actual: HTTP 500"
