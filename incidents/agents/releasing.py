"""Typed outputs around a release: the review of the fix, staging, the case for approval, production afterwards.

The priority and standard responses name agents and prompts and leave the outputs open; the names are ours.
"""

from pydantic import Field

from incidents.agents.fixes import Readiness
from incidents.agents.statements import Claim, Output, Verdict


class SecurityValidation(Output):
    """Whether the fix itself is safe to release."""

    passed: bool | None = Field(description="null where the change could not be read")
    verdict: Verdict
    summary: str = Field(max_length=400)
    claims: list[Claim]


class SecurityValidationOutput(Output):
    """Security fix validation, and the standard security review."""

    security_validation: SecurityValidation
    remaining_security_risks: list[str]


class StagingOutput(Output):
    """Staging deployment validation, and production readiness validation."""

    deployment_readiness_confirmation: Readiness


class ApprovalCase(Output):
    """What an approver should know before deciding."""

    recommended: bool
    summary: str = Field(max_length=400)
    speaks_for: list[Claim]
    speaks_against: list[Claim]
    open_questions: list[str]


class ApprovalCaseOutput(Output):
    """Deployment approval process: prepares the decision, never takes it."""

    deployment_approval_case: ApprovalCase


class MonitoringReport(Output):
    """Production over a while after the deploy."""

    healthy: bool | None = Field(description="null where nothing could be watched")
    error_rate: float | None = Field(default=None, ge=0, le=1)
    watched_seconds: float
    checks: int
    new_failures: list[str] = Field(description="failures that the logs show only since the deploy")
    summary: str = Field(max_length=400)
    claims: list[Claim]


class MonitoringOutput(Output):
    """Post-deployment monitoring."""

    monitoring_report: MonitoringReport


class ProductionValidation(Output):
    """Whether what was approved runs, and what it was to repair is gone."""

    validated: bool | None = Field(description="null where production cannot show it")
    summary: str = Field(max_length=400)
    claims: list[Claim]


class ProductionValidationOutput(Output):
    """Production validation."""

    production_validation: ProductionValidation
