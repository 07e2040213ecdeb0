"""Typed outputs of stage 1: triage, stabilization, root cause; field names are the seed's output names."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from incidents.agents.specified import Specified
from incidents.agents.statements import Area, Claim, Message, Output, Verdict

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
    specified: Specified | None = Field(default=None, description="taken from the draft: what the specification says")


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
