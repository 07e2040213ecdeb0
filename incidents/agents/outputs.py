"""The typed outputs of the emergency workflow's eleven steps; field names are the seed's output names.

Source: the critical bug-fix orchestration document, emergency response, steps 1.1 to 4.3.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

# Exported from here as well: whoever reads an output reads its parts.
from incidents.agents.statements import Area as Area
from incidents.agents.statements import Claim as Claim
from incidents.agents.statements import Message as Message
from incidents.agents.statements import Output as Output
from incidents.agents.statements import TestRun as TestRun
from incidents.agents.statements import Verdict as Verdict

# 1.1 triage


class SeverityClassification(Output):
    """How bad it is, by what was seen."""

    severity: str
    agrees_with_declared: bool
    reasons: list[Claim]


class ImpactAssessment(Output):
    """Who is hurt, how much, since when."""

    summary: str = Field(max_length=300)
    error_rate: float | None = Field(default=None, ge=0, le=1, description="share of requests that fail, 0 to 1")
    failed_requests: int | None = None
    since: datetime | None = None
    data_loss: bool | None = None
    security_breach: bool | None = None
    revenue_impact: bool | None = None
    services: list[str] = Field(default_factory=list)
    third_parties: list[str] = Field(default_factory=list)
    claims: list[Claim]


class TriageOutput(Output):
    """Step 1.1, issue triage and assessment."""

    severity_classification: SeverityClassification
    impact_assessment: ImpactAssessment
    initial_stakeholder_communication: Message


# 1.2 stabilization


class SystemStatus(Output):
    """What runs now and how well."""

    healthy: bool | None
    release: str | None
    commit: str | None
    error_rate: float | None = Field(default=None, ge=0, le=1)
    summary: str = Field(max_length=300)
    claims: list[Claim]


class Mitigation(Output):
    """Something that would relieve, or did."""

    kind: str = Field(description="rollback, feature_flag, restart, scale, block or none")
    description: str = Field(max_length=300)
    taken: bool
    reason: str = Field(max_length=300)
    evidence: list[str]


class RollbackReadiness(Output):
    """Whether the last good release can be put back."""

    ready: bool
    release: str | None
    commit: str | None
    reason: str = Field(max_length=300)
    migrations: list[str] = Field(default_factory=list, description="migration files between the two releases")
    evidence: list[str]


class StabilizationOutput(Output):
    """Step 1.2, system stabilization."""

    system_status_report: SystemStatus
    temporary_mitigation_actions: list[Mitigation]
    rollback_readiness_assessment: RollbackReadiness


# 1.3 root cause


class FixApproach(StrEnum):
    """How a cause is undone."""

    REVERT = "revert"
    REVERT_HUNKS = "revert_hunks"
    HOTFIX = "hotfix"
    ROLLBACK = "rollback"


class FixOption(Output):
    """One way to fix it, for a person to choose."""

    number: int = Field(ge=1, le=4)
    title: str = Field(max_length=120)
    approach: FixApproach
    description: str = Field(max_length=300)
    commit: str | None = Field(default=None, description="the commit to undo or to return to")
    loses: str = Field(default="", max_length=200)
    recommended: bool = False


class Hypothesis(Output):
    """A possible cause, with the test that would refute it."""

    statement: str = Field(max_length=300)
    state: str = Field(description="accepted, rejected or open")
    reason: str = Field(max_length=300)
    refuted_by: str = Field(max_length=300)
    evidence: list[str]


class RootCause(Output):
    """What broke it."""

    verdict: Verdict
    summary: str = Field(max_length=400)
    mechanism: str = Field(max_length=800)
    commit: str | None
    commit_subject: str | None = None
    author: str | None = None
    file: str | None = None
    line: int | None = None
    claims: list[Claim]
    fix_options: list[FixOption] = Field(max_length=4)


class Component(Output):
    """A part that is affected."""

    name: str
    path: str
    area: Area
    evidence: list[str]


class RootCauseOutput(Output):
    """Step 1.3, root cause investigation."""

    preliminary_root_cause: RootCause
    affected_components_list: list[Component]
    investigation_priorities: list[Hypothesis]


# 2.1 hotfix


class FixCode(Output):
    """A fix on a branch of its own."""

    approach: FixApproach
    branch: str
    commit: str = Field(description="full hash; what the deploy approval is bound to")
    base: str
    files: list[str]
    additions: int
    deletions: int
    summary: str = Field(max_length=300)
    diff: str = Field(description="unified diff, shortened to 4,000 characters")
    evidence: list[str]


class MinimalTests(Output):
    """The service's own tests before and after the fix."""

    before: TestRun | None
    after: TestRun | None
    repaired: list[str] = Field(description="test ids that failed before, executed and passed after")
    newly_failing: list[str]
    note: str = Field(default="", max_length=300)


class RollbackProcedure(Output):
    """How to undo the deploy."""

    release: str | None
    commit: str | None
    command: str
    evidence: list[str]


class HotfixOutput(Output):
    """Step 2.1, hotfix development."""

    emergency_fix_code: FixCode
    minimal_test_suite: MinimalTests
    rollback_procedure: RollbackProcedure


# 2.2 security


class SecurityAssessment(Output):
    """Whether security is touched."""

    suspected: bool
    verdict: Verdict
    summary: str = Field(max_length=400)
    claims: list[Claim]


class BreachNotification(Output):
    """Whether anybody must be notified by law or contract."""

    required: bool | None = Field(description="null where only a person can say")
    reason: str = Field(max_length=300)
    evidence: list[str]


class SecurityOutput(Output):
    """Step 2.2, security impact assessment."""

    security_impact_assessment: SecurityAssessment
    immediate_security_controls: list[str]
    breach_notification_requirements: BreachNotification


# 2.3 testing


class StagingCheck(Output):
    """How the fix behaves on staging."""

    healthy: bool
    release: str | None
    url: str
    error_rate: float | None = None
    watched_seconds: float
    evidence: list[str]


class Readiness(Output):
    """Whether the fix may be proposed for production."""

    ready: bool
    commit: str
    reason: str = Field(max_length=300)
    staging: StagingCheck | None
    evidence: list[str]


class TestingOutput(Output):
    """Step 2.3, emergency testing."""

    fix_validation_results: TestRun | None
    regression_test_results: TestRun | None
    deployment_readiness_confirmation: Readiness


# 3.1 deployment


class DeploymentStatus(Output):
    """What was deployed."""

    deployed: bool
    release: str | None
    commit: str
    seconds: float
    rolled_back: bool = False
    evidence: list[str]


class HealthMetrics(Output):
    """The service after the deploy."""

    healthy: bool
    error_rate_before: float | None
    error_rate_after: float | None
    watched_seconds: float
    checks: int
    evidence: list[str]


class ImpactResolution(Output):
    """Whether users are served again."""

    resolved: bool
    summary: str = Field(max_length=300)
    recovered_at: datetime | None = None
    evidence: list[str]


class DeploymentOutput(Output):
    """Step 3.1, emergency deployment."""

    deployment_status: DeploymentStatus
    system_health_metrics: HealthMetrics
    user_impact_resolution: ImpactResolution


# 3.2 communication


class CommunicationOutput(Output):
    """Step 3.2, stakeholder communication. Drafts: what goes outside is sent by a person."""

    stakeholder_updates: list[Message]
    public_communication: Message
    internal_status_reports: Message


# 4.1 to 4.3 analysis


class Recommendation(Output):
    """Something to do, so that it does not happen again."""

    title: str = Field(max_length=150)
    why: str = Field(max_length=400)
    due_in_days: int = Field(ge=1, le=365)
    evidence: list[str]


class RootCauseReport(Output):
    """The whole story of the cause."""

    summary: str = Field(max_length=1500)
    contributing_factors: list[Claim]
    detection: str = Field(max_length=400)
    tried: list[Claim]


class AnalysisOutput(Output):
    """Step 4.1, comprehensive root cause analysis."""

    detailed_root_cause_report: RootCauseReport
    architectural_improvement_recommendations: list[Recommendation]
    prevention_strategy_proposal: list[Recommendation]


class ProcessOutput(Output):
    """Step 4.2, quality and process review."""

    process_improvement_recommendations: list[Recommendation]
    incident_response_lessons_learned: list[Claim]
    team_performance_assessment: list[Claim]


class LongTermFix(Output):
    """The lasting fix: what it must do, on which branch it stands where it was written."""

    branch: str | None
    commit: str | None
    plan: list[str]
    summary: str = Field(max_length=600)
    evidence: list[str]


class LongTermFixOutput(Output):
    """Step 4.3, long-term fix development."""

    comprehensive_fix_implementation: LongTermFix
    complete_test_suite: list[str]
    documentation_updates: list[str]


#: Prompt name (the file without `.md`) -> the output model of the steps that use it.
MODELS: dict[str, type[Output]] = {
    "critical-incident-triage": TriageOutput,
    "emergency-system-stabilization": StabilizationOutput,
    "rapid-root-cause-analysis": RootCauseOutput,
    "emergency-hotfix-development": HotfixOutput,
    "emergency-security-review": SecurityOutput,
    "emergency-testing-validation": TestingOutput,
    "emergency-deployment-execution": DeploymentOutput,
    "crisis-communication-management": CommunicationOutput,
    "comprehensive-post-incident-analysis": AnalysisOutput,
    "post-incident-process-review": ProcessOutput,
    "comprehensive-bug-fix-development": LongTermFixOutput,
}
