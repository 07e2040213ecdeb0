"""What stages hand on to the next: the key of each result, within the document's limits."""

from incidents.response import handing_on, pipeline
from tests.integration.response import bugs
from tests.unit.response.test_pipeline import DOCUMENT

GROWN = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"])


def handed(name: str, outputs: dict[str, dict]) -> str:
    return handing_on.context(GROWN, GROWN.step(name), outputs)


def test_the_next_analyst_hears_cause_confidence_and_files_of_the_one_before() -> None:
    analysis = {"root_cause": bugs.cause("E1"), "confidence": "likely"}
    said = handed("1.4", {"1.2": analysis, "1.3": bugs.review()})
    assert said.startswith("From Reflection on analysis 1 - Sonnet: a missing key in pricing.py; confidence likely")
    assert "files pricing.py" in said


def test_one_stage_hands_on_at_most_500_characters() -> None:
    long = {"root_cause": {"summary": "x" * 900}, "confidence": "likely"}
    assert len(handed("1.4", {"1.2": long, "1.3": bugs.review()})) == 500


def test_of_stages_side_by_side_each_hands_on_at_most_250_and_they_are_put_together_once() -> None:
    findings = [{"item": "y" * 60, "holds": False}] * 9
    long = {**bugs.review("needs_changes"), "findings": findings}
    said = handed("3.1.4", {"3.1.1": bugs.implementation("shop"), "3.1.2": long, "3.1.3": long})
    assert [len(line) for line in said.split("\n")] == [250, 250]
