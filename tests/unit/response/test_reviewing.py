"""What follows from each verdict and each result, before and at the limits."""

import pytest

from incidents import records
from incidents.response import pipeline, questions, reviewing
from incidents.response.questions import About
from incidents.response.reviewing import Count, Course
from incidents.stages import Provider
from tests.clock import START
from tests.integration.response import bugs
from tests.unit.response.test_pipeline import DOCUMENT

GROWN = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"])
FIRST = Count(passes=1, iterations=0, limit=10)
PLAN_REVIEW, CODE_REVIEW, REFLECTION = GROWN.step("2.2"), GROWN.step("3.1.2"), GROWN.step("1.3")
BY_COMMAND = CODE_REVIEW.model_copy(update={"provider": Provider.COMMAND})


def test_approved_goes_on() -> None:
    assert reviewing.of_review(CODE_REVIEW, bugs.review(), FIRST).course is Course.GO_ON


@pytest.mark.parametrize("step", [PLAN_REVIEW, CODE_REVIEW, REFLECTION])
def test_needs_changes_sends_back_with_the_critique(step) -> None:
    ruling = reviewing.of_review(step, bugs.review("needs_changes", "no test"), FIRST)
    assert (ruling.course, ruling.words) == (Course.AGAIN, "no test")


@pytest.mark.parametrize(
    ("step", "verdict", "about"),
    [
        (PLAN_REVIEW, "rejected", About.PLAN_REJECTED),
        (BY_COMMAND, "rejected", About.CODE_REJECTED),
        (CODE_REVIEW, "needs_clarification", About.CLARIFICATION),
        (CODE_REVIEW, "splendid", About.CLARIFICATION),
    ],
)
def test_what_only_people_can_say_is_asked(step, verdict: str, about: About) -> None:
    assert reviewing.of_review(step, bugs.review(verdict, "why"), FIRST).about is about


def test_code_that_a_model_rejects_is_reworked() -> None:
    assert reviewing.of_review(CODE_REVIEW, bugs.review("rejected", "no"), FIRST).course is Course.AGAIN


def test_at_its_limit_a_reflection_asks_and_a_code_review_goes_on() -> None:
    last = Count(passes=3, iterations=2, limit=10)
    assert reviewing.of_review(REFLECTION, bugs.review("needs_changes"), last).about is About.PASSES
    assert reviewing.of_review(CODE_REVIEW, bugs.review("needs_changes"), last).insisting


def test_the_runs_limit_asks_whatever_the_step_has_left() -> None:
    spent = Count(passes=1, iterations=10, limit=10)
    assert reviewing.of_review(PLAN_REVIEW, bugs.review("needs_changes"), spent).about is About.ITERATIONS


def test_a_blocked_implementation_asks_and_a_partial_one_goes_on() -> None:
    partial = bugs.implementation("shop", result="partial", remaining=["a test"])
    assert reviewing.of_implementation(partial, FIRST).course is Course.AGAIN
    assert reviewing.of_implementation({**partial, "blocked": True}, FIRST).about is About.BLOCKED


def test_of_two_repositories_that_ask_the_end_of_the_one_left_open_is_kept() -> None:
    clarified, failed, used_up = (
        records.Question(incident_id=1, run_id=1, step=step, kind=kind.value, text="", asked_at=START)
        for step, kind in (
            ("3.1.2", About.CLARIFICATION),
            ("3.1.1", About.IMPLEMENTATION_FAILED),
            ("3.2.2", About.ITERATIONS),
        )
    )
    assert questions.outcome([clarified, failed, used_up]) == "implementation_failed"
    assert questions.outcome([clarified, used_up]) == "max_iterations_reached"
    assert questions.outcome([clarified]) == ""
