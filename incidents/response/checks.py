"""The named checks of the quality gates: judged from evidence where a machine can know. Pure.

The names are the seed's `emergency_quality_gates` and `standard_quality_gates`. A gate without a check here is
attested by a person, and so is one that somebody adds to `quality_gates.yml`.

To add a check, write the judgement of the output it looks at and put both into `CHECKS`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from incidents.response.gates import GateFacts, GateState, GateVerdict


@dataclass(frozen=True)
class Finding:
    """What a check sees: whether its gate holds, why in one line, and the evidence it cites."""

    state: GateState
    reason: str
    evidence: tuple[str, ...] = ()


Judgement = Callable[[Any], Finding]


@dataclass(frozen=True)
class Check:
    """How a gate is judged."""

    output: str = ""  #: the output of a step that decides it or may speak against it; dotted, where it lies inside one
    missing: str = "only a person can say"  #: what to say while the output is not there
    judge: Judgement | None = None  #: of the output; None where only a person can say
    known: Callable[[GateFacts], Finding | None] | None = None  #: what is known beside the output, and comes before it
    early: bool = False  #: nothing in the output can speak against it: a person may vouch before it is there

    @property
    def by_people(self) -> bool:
        """Tell whether only a person can say."""
        return self.judge is None and self.known is None


def evaluate(gate: str, facts: GateFacts) -> GateVerdict:
    """Return the verdict on `gate`; what a person answers for counts unless the evidence shows it by itself."""
    seen = _look(CHECKS.get(gate, Check()), facts)
    word = facts.words.get(gate)
    if word is None or seen.state is GateState.PASSED:
        return GateVerdict(gate, seen.state, seen.reason, seen.evidence)
    state = GateState.OVERRIDDEN if word.overridden else GateState.ATTESTED
    against = seen.reason if seen.state is GateState.FAILED else ""
    return GateVerdict(gate, state, word.note, seen.evidence, word, against)


def judged_by(gate: str) -> str:
    """Return the output that may speak against `gate`, or nothing: nobody vouches for what is not looked at yet."""
    check = CHECKS.get(gate, Check())
    return "" if check.early else check.output.split(".")[0]


def _look(check: Check, facts: GateFacts) -> Finding:
    known = check.known(facts) if check.known else None
    if known is not None:
        return known
    found = _at(facts.outputs, check.output) if check.judge else None
    return check.judge(found) if check.judge and found else Finding(GateState.OPEN, check.missing)


def _at(outputs: Any, path: str) -> Any:
    value = outputs
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _cited(value: Any) -> tuple[str, ...]:
    claims = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(ref for claim in claims if isinstance(claim, Mapping) for ref in claim["evidence"]))


# What is known without a step's output


def _severity(facts: GateFacts) -> Finding | None:
    if facts.severity_confirmed_by:
        return Finding(GateState.PASSED, f"set by <@{facts.severity_confirmed_by}>")
    seen = facts.outputs.get("severity_classification")
    if not isinstance(seen, Mapping):
        return None
    cited = _cited(seen["reasons"])
    if seen["severity"] == facts.severity.value:
        return Finding(GateState.PASSED, f"triage agrees: {facts.severity.value}", cited)
    return Finding(GateState.FAILED, f"triage says {seen['severity']}, declared {facts.severity}", cited)


def _triaged(facts: GateFacts) -> Finding:
    if facts.missing_facts:
        # What is missing is asked for in the channel already, and each answer is judged again.
        return Finding(GateState.COMING, f"missing: {', '.join(facts.missing_facts).replace('_', ' ')}")
    return Finding(GateState.PASSED, "all seven facts are known")


def _told(facts: GateFacts) -> Finding | None:
    kept, failed, made = facts.told_immediately
    if not made:
        return None
    reason = f"{kept} of {made} told at once"
    if failed:
        return Finding(GateState.FAILED, f"{reason}, {failed} could not be reached")
    return Finding(GateState.PASSED if kept == made else GateState.COMING, reason)


def _chosen(facts: GateFacts) -> Finding | None:
    return Finding(GateState.PASSED, f"chosen by <@{facts.fix_chosen_by}>") if facts.fix_chosen_by else None


def _strategy(facts: GateFacts) -> Finding | None:
    if facts.fix_chosen_by or facts.outputs.get("emergency_fix_code"):
        return _chosen(facts)
    # The question which fix to prepare stands in the channel already; nobody is asked twice.
    return Finding(GateState.COMING, "the choice of a fix decides it")


def _watched(facts: GateFacts) -> Finding | None:
    return Finding(GateState.PASSED, "Sitrep watches health and error rate") if facts.watched else None


# What outputs show


def _mitigation(actions: Any) -> Finding:
    taken = next((action for action in actions if action["taken"]), None)
    if taken is None:
        return Finding(GateState.OPEN, _UNTRIED)
    return Finding(GateState.PASSED, taken["description"], tuple(taken["evidence"]))


def _root_cause(cause: Any) -> Finding:
    cited = _cited(cause["claims"])
    if cause["verdict"] == "inconclusive":
        return Finding(GateState.FAILED, "the investigation is inconclusive", cited)
    return Finding(GateState.PASSED, f"{cause['verdict']}: {cause['summary']}", cited)


def _reproduced(cause: Any) -> Finding:
    if cause["verdict"] != "confirmed":
        return Finding(GateState.OPEN, "no execution showed it; say how the failure was seen on purpose")
    return Finding(GateState.PASSED, "a test fails, and passes without the cause", _cited(cause["claims"]))


def _impact(impact: Any) -> Finding:
    cited = _cited(impact["claims"])
    if impact["error_rate"] is None:
        return Finding(GateState.OPEN, "nothing measured who is hurt; say what is known", cited)
    return Finding(GateState.PASSED, impact["summary"], cited)


def _security_impact(seen: Any) -> Finding:
    cited = _cited(seen["claims"])
    if seen["suspected"]:
        return Finding(GateState.FAILED, f"security is touched: {seen['summary']}", cited)
    return Finding(GateState.PASSED, seen["summary"], cited)


def _security_review(seen: Any) -> Finding:
    states = {True: GateState.PASSED, False: GateState.FAILED, None: GateState.OPEN}
    cited = () if seen["passed"] is None else _cited(seen["claims"])
    return Finding(states[seen["passed"]], seen["summary"], cited)


def _minimal_tests(tests: Any) -> Finding:
    after = tests["after"]
    if not after:
        return Finding(GateState.OPEN, _NO_TESTS)
    cited = (after["evidence"],)
    if after["timed_out"] or tests["newly_failing"] or after["failed"] or after["errors"]:
        failing = ", ".join(tests["newly_failing"][:3]) or f"{after['failed'] + after['errors']} failing"
        return Finding(GateState.FAILED, failing, cited)
    return Finding(GateState.PASSED, f"{after['passed']} passed, {len(tests['repaired'])} repaired", cited)


def _tests_added(tests: Any) -> Finding:
    cited = (tests["after"]["evidence"],) if tests["after"] else ()
    repaired = len(tests["repaired"])
    if not repaired:
        return Finding(GateState.OPEN, "no test fails without the fix and passes with it", cited)
    return Finding(GateState.PASSED, f"{repaired} failed without the fix and pass with it", cited)


def _regression(run: Any) -> Finding:
    cited = (run["evidence"],)
    if run["timed_out"] or run["failed"] or run["errors"]:
        reason = "the tests did not end" if run["timed_out"] else f"{run['failed'] + run['errors']} failing"
        return Finding(GateState.FAILED, reason, cited)
    return Finding(GateState.PASSED, f"{run['passed']} passed, all that the service's test command runs", cited)


def _staging(staging: Any) -> Finding:
    cited = tuple(staging["evidence"])
    if not staging["healthy"]:
        return Finding(GateState.FAILED, "staging is not healthy with the fix", cited)
    return Finding(GateState.PASSED, f"staging healthy for {staging['watched_seconds']:.0f} s", cited)


def _way_back(tried: Any) -> Finding:
    cited = tuple(tried["evidence"])
    if tried["tested"] is None:
        return Finding(GateState.OPEN, tried["reason"], cited)
    return Finding(GateState.PASSED if tried["tested"] else GateState.FAILED, tried["reason"], cited)


def _rollback(procedure: Any) -> Finding:
    if procedure["release"] and procedure["command"]:
        return Finding(GateState.PASSED, f"back to release {procedure['release']}", tuple(procedure["evidence"]))
    return Finding(GateState.OPEN, _NO_WAY_BACK)


def _analysis(report: Any) -> Finding:
    return Finding(GateState.PASSED, "analysis filed", _cited(report["contributing_factors"]))


def _prevention(measures: Any) -> Finding:
    return Finding(GateState.PASSED, f"{len(measures)} proposed", _cited(measures))


_UNTRIED = "no agent mitigates by itself; say what was tried, or why nothing was"
_NO_TESTS = "no tests were run on the fix"
_NO_WAY_BACK = "no release is known to go back to"
_UNTRIED_BACK = "nothing could try it out; say whether and where putting the release back was tried"
_NO_ANALYSIS = "the analysis is not done"
_STAGING = Check("deployment_readiness_confirmation.staging", "there is no staging to see it on", _staging)

CHECKS: dict[str, Check] = {
    "incident_severity_confirmed": Check("severity_classification", "triage is not done", known=_severity),
    "triage_complete": Check(known=_triaged),
    "stakeholders_notified": Check(missing="nobody is configured to be told at once", known=_told),
    "initial_mitigation_attempted": Check("temporary_mitigation_actions", _UNTRIED, _mitigation, early=True),
    "root_cause_identified": Check("preliminary_root_cause", "the investigation is not done", _root_cause),
    "fix_approach_validated": Check(missing="nobody has chosen a fix", known=_chosen),
    "security_impact_assessed": Check("security_impact_assessment", "the assessment is not done", _security_impact),
    "minimal_tests_passing": Check("minimal_test_suite", _NO_TESTS, _minimal_tests),
    "fix_validates_in_staging": _STAGING,
    "rollback_procedure_ready": Check("rollback_procedure", _NO_WAY_BACK, _rollback, early=True),
    "monitoring_alerts_configured": Check(missing="no health address is configured", known=_watched),
    "comprehensive_analysis_complete": Check("detailed_root_cause_report", _NO_ANALYSIS, _analysis, early=True),
    "prevention_measures_defined": Check(
        "prevention_strategy_proposal", "no measure is proposed", _prevention, early=True
    ),
    "bug_reproduced": Check("preliminary_root_cause", _NO_ANALYSIS, _reproduced),
    "impact_assessed": Check("impact_assessment", _NO_ANALYSIS, _impact),
    "fix_strategy_approved": Check(
        "preliminary_root_cause", "the fix was made by hand, and nobody chose it before", known=_strategy
    ),
    "unit_tests_added": Check("minimal_test_suite", "there is no fix yet", _tests_added),
    "integration_tests_passing": Check("regression_test_results", _NO_TESTS, _regression),
    "security_review_passed": Check("security_validation", "the review is not done", _security_review),
    "staging_validation_complete": _STAGING,
    "rollback_tested": Check("deployment_readiness_confirmation.staging.rollback", _UNTRIED_BACK, _way_back),
    # No machine knows these; a person looks at what the step brought, and vouches.
    "code_review_passed": Check("emergency_fix_code"),
    "performance_impact_assessed": Check("deployment_readiness_confirmation"),
    "stakeholder_approval_obtained": Check("deployment_readiness_confirmation"),
    "documentation_updated": Check(),
}
