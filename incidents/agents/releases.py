"""Typed outputs of stage 3: deployment and communication; field names are the seed's output names."""

from datetime import datetime

from pydantic import Field

from incidents.agents.statements import Message, Output

# 3.1 deployment


class DeploymentStatus(Output):
    """What was deployed."""

    deployed: bool
    release: str | None
    commit: str
    seconds: float
    rolled_back: bool = False
    rehearsed: bool = Field(default=False, description="a drill: what was approved was not run")
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
