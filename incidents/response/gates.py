"""Quality gates: evaluated from evidence where a machine can know, attested by a person where it cannot. Pure.

The names are the seed's `emergency_quality_gates` and `standard_quality_gates`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import JsonValue

from incidents.definitions import Severity


class GateState(StrEnum):
    """Whether a gate holds."""

    PASSED = "passed"  #: evidence shows it
    ATTESTED = "attested"  #: a person vouches for it
    COMING = "coming"  #: closes by itself within seconds; nobody is asked
    OPEN = "open"  #: only a person can say
    FAILED = "failed"  #: evidence speaks against it; a person may still vouch, with the reason


@dataclass(frozen=True)
class GateVerdict:
    """What is known of one gate."""

    gate: str
    state: GateState
    reason: str  #: one line: what shows it, or what is missing
    evidence: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Return whether the next stage may rely on it."""
        return self.state in (GateState.PASSED, GateState.ATTESTED)


@dataclass(frozen=True)
class GateFacts:
    """What gates are judged by."""

    severity: Severity
    outputs: Mapping[str, JsonValue]  #: outputs of the finished steps, by output name
    told_immediately: tuple[int, int, int]  #: people of the matrix's first row: told, out of reach, promised
    fix_chosen_by: str  #: person id, or empty
    watched: bool  #: Sitrep can watch the service's error rate and health
    severity_confirmed_by: str = ""  #: who set the severity by hand after declaring
    attested: Mapping[str, str] = field(default_factory=dict)  #: gate -> "person: note"


Check = Callable[[GateFacts], GateVerdict]


def evaluate(gate: str, facts: GateFacts) -> GateVerdict:
    """Return the verdict on `gate`; what a person attested counts unless the evidence already shows it."""
    check = CHECKS.get(gate)
    verdict = check(facts) if check else GateVerdict(gate, GateState.OPEN, "only a person can say")
    if not verdict.holds and gate in facts.attested:
        return GateVerdict(gate, GateState.ATTESTED, facts.attested[gate])
    return verdict


def title(gate: str) -> str:
    """Return the gate's name for people: `Root cause identified`."""
    return gate.replace("_", " ").capitalize()


def _at(facts: GateFacts, *path: str) -> Any:
    value: Any = facts.outputs
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _cited(value: Any) -> tuple[str, ...]:
    claims = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(ref for claim in claims if isinstance(claim, Mapping) for ref in claim["evidence"]))


def _severity_confirmed(facts: GateFacts) -> GateVerdict:
    gate = "incident_severity_confirmed"
    if facts.severity_confirmed_by:
        return GateVerdict(gate, GateState.PASSED, f"set by <@{facts.severity_confirmed_by}>")
    seen = _at(facts, "severity_classification")
    if not seen:
        return GateVerdict(gate, GateState.OPEN, "triage is not done")
    cited = _cited(seen["reasons"])
    if seen["severity"] == facts.severity.value:
        return GateVerdict(gate, GateState.PASSED, f"triage agrees: {facts.severity.value}", cited)
    return GateVerdict(gate, GateState.FAILED, f"triage says {seen['severity']}, declared {facts.severity}", cited)


def _stakeholders_notified(facts: GateFacts) -> GateVerdict:
    gate = "stakeholders_notified"
    kept, failed, made = facts.told_immediately
    if not made:
        return GateVerdict(gate, GateState.OPEN, "nobody is configured to be told at once")
    reason = f"{kept} of {made} told at once"
    if failed:
        return GateVerdict(gate, GateState.FAILED, f"{reason}, {failed} could not be reached")
    return GateVerdict(gate, GateState.PASSED if kept == made else GateState.COMING, reason)


def _mitigation_attempted(facts: GateFacts) -> GateVerdict:
    gate = "initial_mitigation_attempted"
    for action in _at(facts, "temporary_mitigation_actions") or []:
        if action["taken"]:
            return GateVerdict(gate, GateState.PASSED, action["description"], tuple(action["evidence"]))
    return GateVerdict(gate, GateState.OPEN, "no agent mitigates by itself; say what was tried, or why nothing was")


def _root_cause_identified(facts: GateFacts) -> GateVerdict:
    gate = "root_cause_identified"
    cause = _at(facts, "preliminary_root_cause")
    if not cause:
        return GateVerdict(gate, GateState.OPEN, "the investigation is not done")
    cited = _cited(cause["claims"])
    if cause["verdict"] == "inconclusive":
        return GateVerdict(gate, GateState.FAILED, "the investigation is inconclusive", cited)
    return GateVerdict(gate, GateState.PASSED, f"{cause['verdict']}: {cause['summary']}", cited)


def _fix_approach_validated(facts: GateFacts) -> GateVerdict:
    if facts.fix_chosen_by:
        return GateVerdict("fix_approach_validated", GateState.PASSED, f"chosen by <@{facts.fix_chosen_by}>")
    return GateVerdict("fix_approach_validated", GateState.OPEN, "nobody has chosen a fix")


def _security_assessed(facts: GateFacts) -> GateVerdict:
    gate = "security_impact_assessed"
    seen = _at(facts, "security_impact_assessment")
    if not seen:
        return GateVerdict(gate, GateState.OPEN, "the assessment is not done")
    cited = _cited(seen["claims"])
    if seen["suspected"]:
        return GateVerdict(gate, GateState.FAILED, f"security is touched: {seen['summary']}", cited)
    return GateVerdict(gate, GateState.PASSED, seen["summary"], cited)


def _tests_passing(facts: GateFacts) -> GateVerdict:
    gate = "minimal_tests_passing"
    tests = _at(facts, "minimal_test_suite")
    after = tests["after"] if tests else None
    if not after:
        return GateVerdict(gate, GateState.OPEN, "no tests were run on the fix")
    cited = (after["evidence"],)
    if after["timed_out"] or tests["newly_failing"] or after["failed"] or after["errors"]:
        failing = ", ".join(tests["newly_failing"][:3]) or f"{after['failed'] + after['errors']} failing"
        return GateVerdict(gate, GateState.FAILED, failing, cited)
    return GateVerdict(gate, GateState.PASSED, f"{after['passed']} passed, {len(tests['repaired'])} repaired", cited)


def _validates_in_staging(facts: GateFacts) -> GateVerdict:
    return _staging(facts, "fix_validates_in_staging")


def _staging_complete(facts: GateFacts) -> GateVerdict:
    return _staging(facts, "staging_validation_complete")


def _staging(facts: GateFacts, gate: str) -> GateVerdict:
    staging = _at(facts, "deployment_readiness_confirmation", "staging")
    if not staging:
        return GateVerdict(gate, GateState.OPEN, "there is no staging to see it on")
    cited = tuple(staging["evidence"])
    if not staging["healthy"]:
        return GateVerdict(gate, GateState.FAILED, "staging is not healthy with the fix", cited)
    return GateVerdict(gate, GateState.PASSED, f"staging healthy for {staging['watched_seconds']:.0f} s", cited)


def _rollback_ready(facts: GateFacts) -> GateVerdict:
    gate = "rollback_procedure_ready"
    procedure = _at(facts, "rollback_procedure")
    if procedure and procedure["release"] and procedure["command"]:
        return GateVerdict(
            gate, GateState.PASSED, f"back to release {procedure['release']}", tuple(procedure["evidence"])
        )
    return GateVerdict(gate, GateState.OPEN, "no release is known to go back to")


def _monitoring(facts: GateFacts) -> GateVerdict:
    if facts.watched:
        return GateVerdict("monitoring_alerts_configured", GateState.PASSED, "Sitrep watches health and error rate")
    return GateVerdict("monitoring_alerts_configured", GateState.OPEN, "no health address is configured")


def _analysis_complete(facts: GateFacts) -> GateVerdict:
    gate = "comprehensive_analysis_complete"
    report = _at(facts, "detailed_root_cause_report")
    if not report:
        return GateVerdict(gate, GateState.OPEN, "the analysis is not done")
    return GateVerdict(gate, GateState.PASSED, "analysis filed", _cited(report["contributing_factors"]))


def _prevention_defined(facts: GateFacts) -> GateVerdict:
    gate = "prevention_measures_defined"
    measures = _at(facts, "prevention_strategy_proposal")
    if not measures:
        return GateVerdict(gate, GateState.OPEN, "no measure is proposed")
    return GateVerdict(gate, GateState.PASSED, f"{len(measures)} proposed", _cited(measures))


def _bug_reproduced(facts: GateFacts) -> GateVerdict:
    gate = "bug_reproduced"
    cause = _at(facts, "preliminary_root_cause")
    if not cause:
        return GateVerdict(gate, GateState.OPEN, "the analysis is not done")
    if cause["verdict"] == "confirmed":
        return GateVerdict(
            gate, GateState.PASSED, "a test fails, and passes without the cause", _cited(cause["claims"])
        )
    return GateVerdict(gate, GateState.OPEN, "no execution showed it; say how the failure was seen on purpose")


def _impact_assessed(facts: GateFacts) -> GateVerdict:
    gate = "impact_assessed"
    impact = _at(facts, "impact_assessment")
    if not impact:
        return GateVerdict(gate, GateState.OPEN, "the analysis is not done")
    if impact["error_rate"] is None:
        return GateVerdict(
            gate, GateState.OPEN, "nothing measured who is hurt; say what is known", _cited(impact["claims"])
        )
    return GateVerdict(gate, GateState.PASSED, impact["summary"], _cited(impact["claims"]))


def _strategy_approved(facts: GateFacts) -> GateVerdict:
    gate = "fix_strategy_approved"
    if facts.fix_chosen_by:
        return GateVerdict(gate, GateState.PASSED, f"chosen by <@{facts.fix_chosen_by}>")
    if _at(facts, "emergency_fix_code"):
        return GateVerdict(gate, GateState.OPEN, "the fix was made by hand, and nobody chose it before")
    # The question which fix to prepare stands in the channel already; nobody is asked twice.
    return GateVerdict(gate, GateState.COMING, "the choice of a fix decides it")


def _unit_tests_added(facts: GateFacts) -> GateVerdict:
    gate = "unit_tests_added"
    tests = _at(facts, "minimal_test_suite")
    if not tests:
        return GateVerdict(gate, GateState.OPEN, "there is no fix yet")
    cited = (tests["after"]["evidence"],) if tests["after"] else ()
    if not tests["repaired"]:
        return GateVerdict(gate, GateState.OPEN, "no test fails without the fix and passes with it", cited)
    reason = f"{len(tests['repaired'])} failed without the fix and pass with it"
    return GateVerdict(gate, GateState.PASSED, reason, cited)


def _integration_tests(facts: GateFacts) -> GateVerdict:
    gate = "integration_tests_passing"
    run = _at(facts, "regression_test_results")
    if not run:
        return GateVerdict(gate, GateState.OPEN, "no tests were run on the fix")
    cited = (run["evidence"],)
    if run["timed_out"] or run["failed"] or run["errors"]:
        reason = "the tests did not end" if run["timed_out"] else f"{run['failed'] + run['errors']} failing"
        return GateVerdict(gate, GateState.FAILED, reason, cited)
    return GateVerdict(
        gate, GateState.PASSED, f"{run['passed']} passed, all that the service's test command runs", cited
    )


def _security_review(facts: GateFacts) -> GateVerdict:
    gate = "security_review_passed"
    seen = _at(facts, "security_validation")
    if not seen:
        return GateVerdict(gate, GateState.OPEN, "the review is not done")
    if seen["passed"] is None:
        return GateVerdict(gate, GateState.OPEN, seen["summary"])
    state = GateState.PASSED if seen["passed"] else GateState.FAILED
    return GateVerdict(gate, state, seen["summary"], _cited(seen["claims"]))


#: Gate -> the output that may speak against it: nobody vouches for what is not looked at yet.
JUDGED_BY: dict[str, str] = {
    "incident_severity_confirmed": "severity_classification",
    "root_cause_identified": "preliminary_root_cause",
    "security_impact_assessed": "security_impact_assessment",
    "minimal_tests_passing": "minimal_test_suite",
    "fix_validates_in_staging": "deployment_readiness_confirmation",
    "bug_reproduced": "preliminary_root_cause",
    "impact_assessed": "impact_assessment",
    "fix_strategy_approved": "preliminary_root_cause",
    "code_review_passed": "emergency_fix_code",
    "unit_tests_added": "minimal_test_suite",
    "integration_tests_passing": "regression_test_results",
    "security_review_passed": "security_validation",
    "staging_validation_complete": "deployment_readiness_confirmation",
    "performance_impact_assessed": "deployment_readiness_confirmation",
    "rollback_tested": "rollback_procedure",
    "stakeholder_approval_obtained": "deployment_readiness_confirmation",
}

#: Gate -> its check. A gate that is not here is attested by a person (`documentation_updated`,
#: `code_review_passed`, `performance_impact_assessed`, `rollback_tested`, `stakeholder_approval_obtained`).
CHECKS: dict[str, Check] = {
    "incident_severity_confirmed": _severity_confirmed,
    "stakeholders_notified": _stakeholders_notified,
    "initial_mitigation_attempted": _mitigation_attempted,
    "root_cause_identified": _root_cause_identified,
    "fix_approach_validated": _fix_approach_validated,
    "security_impact_assessed": _security_assessed,
    "minimal_tests_passing": _tests_passing,
    "fix_validates_in_staging": _validates_in_staging,
    "rollback_procedure_ready": _rollback_ready,
    "monitoring_alerts_configured": _monitoring,
    "comprehensive_analysis_complete": _analysis_complete,
    "prevention_measures_defined": _prevention_defined,
    "bug_reproduced": _bug_reproduced,
    "impact_assessed": _impact_assessed,
    "fix_strategy_approved": _strategy_approved,
    "unit_tests_added": _unit_tests_added,
    "integration_tests_passing": _integration_tests,
    "security_review_passed": _security_review,
    "staging_validation_complete": _staging_complete,
}
