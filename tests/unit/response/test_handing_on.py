"""What stages hand on to the next: the key of each result, within the document's limits."""

from incidents.response import handing_on, pipeline
from tests.integration.response import bugs
from tests.unit.response.test_pipeline import DOCUMENT

GROWN = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop", "search"])
ANALYSIS = {"root_cause": bugs.cause("E1"), "confidence": "likely"}


def handed(name: str, outputs: dict[str, dict]) -> str:
    return handing_on.context(GROWN, GROWN.step(name), outputs)


def test_next_analyst_and_plan_review_hear_cause_confidence_and_files_of_the_analysis_before() -> None:
    for name, before, title in (("1.4", "1.2", "1 - Sonnet"), ("2.2", "1.4", "2 - Opus")):
        said = handed(name, {before: ANALYSIS, "1.3": bugs.review()})
        assert said.startswith(f"From Root cause analysis {title}: a missing key in pricing.py; confidence likely")
        assert "files pricing.py" in said


def test_the_implementation_of_every_repository_hears_what_the_review_of_the_plan_found() -> None:
    review = {**bugs.review(), "findings": [{"item": "scope", "holds": True}, {"item": "call sites", "holds": False}]}
    brought = {"1.4": ANALYSIS, "2.2": review, "2.3": {}, "3.1.1": bugs.implementation("shop"), "3.1.2": bugs.review()}
    said = "From Plan review 1 - O3: approved; 1 of 2 verified; concerns: call sites"
    assert [handed(name, brought) for name in ("3.1.1", "3.2.1")] == [said, said]


def test_one_stage_hands_on_at_most_500_characters() -> None:
    long = {"root_cause": {"summary": "x" * 900}, "confidence": "likely"}
    assert len(handed("1.4", {"1.2": long, "1.3": bugs.review()})) == 500


def test_of_stages_side_by_side_each_hands_on_at_most_250_and_they_are_put_together_once() -> None:
    findings = [{"item": "y" * 60, "holds": False}] * 9
    long = {**bugs.review("needs_changes"), "findings": findings}
    said = handed("3.1.4", {"3.1.1": bugs.implementation("shop"), "3.1.2": long, "3.1.3": long})
    assert [len(line) for line in said.split("\n")] == [250, 250]
