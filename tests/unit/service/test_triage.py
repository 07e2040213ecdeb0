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


KNOWN = {"versions": "release 41", "environment": "production"}


def test_an_edited_message_gives_what_it_says_now() -> None:
    given, before = ["versions", "environment"], "Versions: release 41\nEnvironment: production"
    heard = triage.hear("Versions: release 42", KNOWN, given, before=before)
    assert (heard.said, heard.taken_back) == ({"versions": "release 42"}, ("environment",))
    assert not triage.hear(f"{before} ", KNOWN, given, before=before)
    gone = triage.hear("Never mind, wrong shop altogether", KNOWN, given, before=before)
    assert (gone.said, set(gone.taken_back)) == ({}, set(given)), "a label that is gone leaves no sentence in its place"


def test_a_plain_sentence_that_is_edited_stays_the_answer_to_its_question() -> None:
    facts = {**KNOWN, "context": "the till was empty"}
    heard = triage.hear("the till was full", facts, ["context"], before="the till was empty", asked=False)
    assert heard.said == {"context": "the till was full"}


def test_only_a_labelled_line_in_the_questions_thread_differs_from_what_is_known() -> None:
    assert triage.hear("Versions: release 43", KNOWN, []).differs == {"versions": "release 43"}
    assert not triage.hear("Versions: release 43", KNOWN, [], asked=False).differs
    assert not triage.hear("release 43 perhaps", KNOWN, [], asked=False)
