"""Keeps what was executed or measured out of a model's hands: the playbook's facts are laid over a model's answer.

The model may judge, reason and word. It may not say what ran, what it returned, or what stands on which commit.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from incidents.agents import overlay_bugs
from incidents.agents.outputs import (
    AnalysisOutput,
    ApprovalCaseOutput,
    ArchitectureImpactOutput,
    BugTestingOutput,
    BusinessImpactOutput,
    Claim,
    CommunicationOutput,
    CommunicationPlanOutput,
    DeploymentOutput,
    FixApproach,
    FixOption,
    HotfixOutput,
    LongTermFixOutput,
    Mitigation,
    MonitoringOutput,
    Output,
    ProcessOutput,
    ProductionValidationOutput,
    Recommendation,
    RootCause,
    RootCauseOutput,
    SecurityOutput,
    SecurityValidationOutput,
    StabilizationOutput,
    StagingOutput,
    TestedStrategyOutput,
    TestingOutput,
    TestStrategyOutput,
    TriageOutput,
    Verdict,
)

AnyOutput = TypeVar("AnyOutput", bound=Output)

AnyReadiness = TypeVar("AnyReadiness", TestingOutput, StagingOutput)

MAX_OPTIONS = 4  # FixOption.number


def lay(draft: Output, answer: Output) -> Output:
    """Return `answer` with everything that only an execution or a measurement can know taken from `draft`."""
    rule = _RULES[type(draft)]
    return rule(draft, answer)


def refill(draft: AnyOutput, checked: AnyOutput) -> AnyOutput:
    """Return `checked` with the draft's statements wherever none of the model's was left."""
    changes: dict[str, Any] = {}
    for name, value in checked:
        was = getattr(draft, name)
        if isinstance(value, Output) and type(value) is type(was):
            changes[name] = refill(was, value)
        elif not value and isinstance(was, list) and any(isinstance(item, Claim | Recommendation) for item in was):
            changes[name] = was
    return checked.model_copy(update=changes)


def _taken(answer: Any, draft: Any, *fields: str) -> Any:
    return answer.model_copy(update={name: getattr(draft, name) for name in fields})


def _triage(draft: TriageOutput, answer: TriageOutput) -> TriageOutput:
    impact = _taken(
        answer.impact_assessment, draft.impact_assessment, "error_rate", "failed_requests", "since", "services"
    )
    return answer.model_copy(update={"impact_assessment": impact})


def _stabilization(draft: StabilizationOutput, answer: StabilizationOutput) -> StabilizationOutput:
    status = _taken(
        answer.system_status_report, draft.system_status_report, "healthy", "release", "commit", "error_rate"
    )
    taken = [action for action in draft.temporary_mitigation_actions if action.taken]
    proposed = [_proposed(action) for action in answer.temporary_mitigation_actions if not _same(action, taken)]
    return StabilizationOutput(
        system_status_report=status,
        temporary_mitigation_actions=[*taken, *proposed],
        rollback_readiness_assessment=draft.rollback_readiness_assessment,
    )


def _same(action: Mitigation, taken: list[Mitigation]) -> bool:
    return any(action.kind == other.kind for other in taken)


def _proposed(action: Mitigation) -> Mitigation:
    return action.model_copy(update={"taken": False})


def _root_cause(draft: RootCauseOutput, answer: RootCauseOutput) -> RootCauseOutput:
    was, says = draft.preliminary_root_cause, answer.preliminary_root_cause
    same_commit = bool(was.commit and says.commit and was.commit.startswith(says.commit[:7]))
    if was.verdict is Verdict.CONFIRMED:
        # An execution outweighs any reasoning: the model words it, the commit stays.
        cause = _taken(says, was, "verdict", "commit", "commit_subject", "author", "file", "line")
    elif same_commit:
        cause = _taken(says, was, "commit", "commit_subject", "author")
    else:
        cause = says.model_copy(update={"author": None, "commit_subject": None})
    if cause.verdict is Verdict.CONFIRMED and was.verdict is not Verdict.CONFIRMED:
        cause = cause.model_copy(update={"verdict": Verdict.LIKELY})
    # What the specification says was read at the commit under analysis; nobody rewords it.
    laid = _taken(cause, was, "specified").model_copy(update={"fix_options": _options(was, says)})
    return answer.model_copy(update={"preliminary_root_cause": laid})


def _options(draft: RootCause, answer: RootCause) -> list[FixOption]:
    """Return the draft's options in the model's words, then hand-made fixes that the model adds."""
    options = []
    for option in draft.fix_options:
        reworded = next((other for other in answer.fix_options if _is_same_option(option, other)), option)
        options.append(_taken(reworded, option, "approach", "commit", "recommended"))
    added = [
        option.model_copy(update={"commit": None, "recommended": False})
        for option in answer.fix_options
        if option.approach is FixApproach.HOTFIX and not any(_is_same_option(option, other) for other in options)
    ]
    return [
        option.model_copy(update={"number": number})
        for number, option in enumerate((*options, *added)[:MAX_OPTIONS], start=1)
    ]


def _is_same_option(option: FixOption, other: FixOption) -> bool:
    return option.approach is other.approach and (option.commit or "")[:7] == (other.commit or "")[:7]


def _hotfix(draft: HotfixOutput, answer: HotfixOutput) -> HotfixOutput:
    fix = _taken(draft.emergency_fix_code, answer.emergency_fix_code, "summary")
    tests, said = draft.minimal_test_suite, answer.minimal_test_suite
    return HotfixOutput(
        emergency_fix_code=fix,
        minimal_test_suite=_taken(tests, said, "note") if said.note else tests,
        rollback_procedure=draft.rollback_procedure,
    )


def _security(draft: SecurityOutput, answer: SecurityOutput) -> SecurityOutput:
    was, says = draft.security_impact_assessment, answer.security_impact_assessment
    if was.suspected and not says.suspected:
        # A signal in the logs or the diff is not talked away; a person decides.
        says = says.model_copy(update={"suspected": True, "claims": [*says.claims, *was.claims]})
    if says.verdict is Verdict.CONFIRMED and was.verdict is not Verdict.CONFIRMED:
        says = says.model_copy(update={"verdict": Verdict.LIKELY})
    breach = answer.breach_notification_requirements.model_copy(update={"required": None})
    return answer.model_copy(update={"security_impact_assessment": says, "breach_notification_requirements": breach})


def _readiness(draft: AnyReadiness, answer: AnyReadiness) -> AnyReadiness:
    was, says = draft.deployment_readiness_confirmation, answer.deployment_readiness_confirmation
    vetoed = was.ready and not says.ready  # the model may hold a fix back, never wave one through
    update = {"ready": False, "reason": says.reason} if vetoed else {}
    return draft.model_copy(update={"deployment_readiness_confirmation": was.model_copy(update=update)})


def _deployment(draft: DeploymentOutput, answer: DeploymentOutput) -> DeploymentOutput:
    resolution = _taken(draft.user_impact_resolution, answer.user_impact_resolution, "summary")
    return draft.model_copy(update={"user_impact_resolution": resolution})


def _tested_strategy(draft: TestedStrategyOutput, answer: TestedStrategyOutput) -> TestedStrategyOutput:
    return draft.model_copy(update={"test_strategy": answer.test_strategy})


def _as_executed(draft: BugTestingOutput, answer: BugTestingOutput) -> BugTestingOutput:
    del answer
    return draft


def _business(draft: BusinessImpactOutput, answer: BusinessImpactOutput) -> BusinessImpactOutput:
    return BusinessImpactOutput(business_impact=_taken(answer.business_impact, draft.business_impact, "loss_per_hour"))


def _architecture(draft: ArchitectureImpactOutput, answer: ArchitectureImpactOutput) -> ArchitectureImpactOutput:
    was, says = draft.architecture_impact, answer.architecture_impact
    laid = _taken(says, was, "areas", "services", "third_parties", "stored_data")
    if was.changes_required:  # stored data has changed; that is not talked away
        laid = _taken(laid, was, "changes_required")
    return ArchitectureImpactOutput(architecture_impact=laid)


def _security_validation(draft: SecurityValidationOutput, answer: SecurityValidationOutput) -> SecurityValidationOutput:
    was, says = draft.security_validation, answer.security_validation
    if not was.passed and says.passed:
        # A sign in the change, or a change that nobody could read, is not waved through; a person decides.
        says = says.model_copy(update={"passed": was.passed, "claims": [*says.claims, *was.claims]})
    if says.verdict is Verdict.CONFIRMED:
        says = says.model_copy(update={"verdict": Verdict.LIKELY})
    return answer.model_copy(update={"security_validation": says})


def _approval_case(draft: ApprovalCaseOutput, answer: ApprovalCaseOutput) -> ApprovalCaseOutput:
    was, says = draft.deployment_approval_case, answer.deployment_approval_case
    if says.recommended and not was.recommended:
        says = says.model_copy(
            update={"recommended": False, "speaks_against": [*says.speaks_against, *was.speaks_against]}
        )
    return ApprovalCaseOutput(deployment_approval_case=says)


def _monitoring(draft: MonitoringOutput, answer: MonitoringOutput) -> MonitoringOutput:
    report = _taken(draft.monitoring_report, answer.monitoring_report, "summary", "claims")
    return MonitoringOutput(monitoring_report=report)


def _validation(draft: ProductionValidationOutput, answer: ProductionValidationOutput) -> ProductionValidationOutput:
    validation = _taken(draft.production_validation, answer.production_validation, "summary", "claims")
    return ProductionValidationOutput(production_validation=validation)


def _long_term(draft: LongTermFixOutput, answer: LongTermFixOutput) -> LongTermFixOutput:
    fix = _taken(answer.comprehensive_fix_implementation, draft.comprehensive_fix_implementation, "branch", "commit")
    return answer.model_copy(update={"comprehensive_fix_implementation": fix})


def _as_written(_draft: Output, answer: Output) -> Output:
    return answer


_RULES: dict[type[Output], Callable[[Any, Any], Output]] = {
    TriageOutput: _triage,
    StabilizationOutput: _stabilization,
    RootCauseOutput: _root_cause,
    HotfixOutput: _hotfix,
    SecurityOutput: _security,
    TestingOutput: _readiness,
    DeploymentOutput: _deployment,
    CommunicationOutput: _as_written,
    AnalysisOutput: _as_written,
    ProcessOutput: _as_written,
    LongTermFixOutput: _long_term,
    TestStrategyOutput: _as_written,
    TestedStrategyOutput: _tested_strategy,
    BugTestingOutput: _as_executed,
    BusinessImpactOutput: _business,
    CommunicationPlanOutput: _as_written,
    ArchitectureImpactOutput: _architecture,
    SecurityValidationOutput: _security_validation,
    StagingOutput: _readiness,
    ApprovalCaseOutput: _approval_case,
    MonitoringOutput: _monitoring,
    ProductionValidationOutput: _validation,
    **overlay_bugs.RULES,
}
