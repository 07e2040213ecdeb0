"""The standard quality gates: what evidence shows, what it speaks against, what only a person can say."""

from typing import Any

import pytest

from incidents import loading
from incidents.definitions import Severity
from incidents.response import checks
from incidents.response.gates import GateFacts, GateState, GateVerdict

CLAIM = {"text": "seen", "verdict": "likely", "evidence": ["E1"]}
RUN = {"passed": 9, "failed": 0, "errors": 0, "timed_out": False, "evidence": "E2"}
BY_PEOPLE = {"code_review_passed", "performance_impact_assessed", "stakeholder_approval_obtained"}
SET = loading.load(loading.templates_root(), None)[0].policies.quality_gates["standard_quality_gates"]
GATES = [gate for phase in SET.values() for gate in phase]


def judged(gate: str, chosen_by: str = "", **outputs: Any) -> GateVerdict:
    facts = GateFacts(Severity.HIGH, outputs, told_immediately=(1, 0, 1), fix_chosen_by=chosen_by, watched=True)
    return checks.evaluate(gate, facts)


@pytest.mark.parametrize("gate", GATES)
def test_nothing_passes_before_anything_was_done(gate: str) -> None:
    assert not judged(gate).holds


def test_what_no_machine_can_know_is_left_to_people() -> None:
    assert {gate for gate in GATES if checks.CHECKS[gate].by_people} == BY_PEOPLE


@pytest.mark.parametrize(
    ("gate", "outputs", "state"),
    [
        ("bug_reproduced", {"preliminary_root_cause": {"verdict": "confirmed", "claims": [CLAIM]}}, "passed"),
        ("bug_reproduced", {"preliminary_root_cause": {"verdict": "likely", "claims": [CLAIM]}}, "open"),
        ("impact_assessed", {"impact_assessment": {"error_rate": 0.3, "summary": "s", "claims": [CLAIM]}}, "passed"),
        ("impact_assessed", {"impact_assessment": {"error_rate": None, "summary": "s", "claims": [CLAIM]}}, "open"),
        ("unit_tests_added", {"minimal_test_suite": {"after": RUN, "repaired": ["t"]}}, "passed"),
        ("unit_tests_added", {"minimal_test_suite": {"after": RUN, "repaired": []}}, "open"),
        ("unit_tests_added", {"minimal_test_suite": {"after": None, "repaired": []}}, "open"),
        ("integration_tests_passing", {"regression_test_results": RUN}, "passed"),
        ("integration_tests_passing", {"regression_test_results": {**RUN, "failed": 1}}, "failed"),
        ("integration_tests_passing", {"regression_test_results": {**RUN, "errors": 1}}, "failed"),
        ("integration_tests_passing", {"regression_test_results": {**RUN, "timed_out": True}}, "failed"),
        ("integration_tests_passing", {"regression_test_results": None}, "open"),
        ("security_review_passed", {"security_validation": {"passed": True, "summary": "s", "claims": []}}, "passed"),
        ("security_review_passed", {"security_validation": {"passed": False, "summary": "s", "claims": []}}, "failed"),
        ("security_review_passed", {"security_validation": {"passed": None, "summary": "s", "claims": []}}, "open"),
        ("staging_validation_complete", {"deployment_readiness_confirmation": {"staging": None}}, "open"),
        ("fix_strategy_approved", {}, "coming"),
        ("fix_strategy_approved", {"emergency_fix_code": {"commit": "9f8e7d6"}}, "open"),
    ],
)
def test_each_gate_follows_its_evidence(gate: str, outputs: dict[str, Any], state: str) -> None:
    assert judged(gate, **outputs).state == GateState(state)


def test_a_staging_that_was_watched_decides_both_ways() -> None:
    seen = {"watched_seconds": 60, "evidence": ["E1"]}
    states = [
        judged(
            "staging_validation_complete",
            deployment_readiness_confirmation={"staging": {**seen, "healthy": healthy}},
        ).state
        for healthy in (True, False)
    ]
    assert states == [GateState.PASSED, GateState.FAILED]


def test_who_chose_the_fix_approved_the_strategy() -> None:
    verdict = judged("fix_strategy_approved", chosen_by="U0ANA")
    assert verdict.holds
    assert "<@U0ANA>" in verdict.reason
