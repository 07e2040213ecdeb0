"""Typed outputs of stage 2: hotfix, security, testing; field names are the seed's output names."""

from pydantic import Field

from incidents.agents.findings import FixApproach
from incidents.agents.statements import Area, Claim, Output, TestRun, Verdict

# 2.1 hotfix


class AreaCheck(Output):
    """What the agent of the affected area sees in a change, besides what every agent looks at."""

    area: Area
    agent: str = Field(max_length=60)
    looked_for: str = Field(max_length=200)
    claims: list[Claim] = Field(max_length=30, description="empty: nothing of what was looked for is there")


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
    constitution: list[Claim] = Field(
        default_factory=list, description="principles that the change violates, each with what to do instead"
    )
    area: AreaCheck | None = Field(default=None, description="taken from the draft: what the area's agent looks at")


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


class Rehearsal(Output):
    """The way back, tried out on staging."""

    tested: bool | None = Field(description="null: it could not be tried, and `reason` says why")
    release: str | None = Field(description="the release that was put back")
    seconds: float
    put_back: bool = Field(description="whether the fix runs on staging again")
    reason: str = Field(max_length=300)
    evidence: list[str]

    @classmethod
    def failed(cls, release: str, why: str, evidence: list[str]) -> "Rehearsal":
        """Return one in which the release could not be put back."""
        reason = f"Release {release} could not be put back: {why}"[:300]
        return cls(tested=False, release=release, seconds=0.0, put_back=False, reason=reason, evidence=evidence)


class StagingCheck(Output):
    """How the fix behaves on staging."""

    healthy: bool
    release: str | None
    url: str
    error_rate: float | None = None
    watched_seconds: float
    evidence: list[str]
    rollback: Rehearsal | None = Field(default=None, description="null: the workflow does not ask for it")


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
