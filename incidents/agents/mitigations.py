"""Typed output of an immediate mitigation: what was done to relieve users, and whether it does."""

from pydantic import Field

from incidents.agents.findings import Mitigation
from incidents.agents.statements import Output


class MitigationEffect(Output):
    """Production after the mitigation."""

    relieved: bool | None = Field(description="null where nothing shows it")
    error_rate_before: float | None = Field(default=None, ge=0, le=1)
    error_rate_after: float | None = Field(default=None, ge=0, le=1)
    watched_seconds: float
    checks: int
    summary: str = Field(max_length=400)
    evidence: list[str]


class MitigationOutput(Output):
    """What people chose to relieve users, carried out."""

    temporary_mitigation_actions: list[Mitigation]
    mitigation_effect: MitigationEffect
