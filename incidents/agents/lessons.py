"""Typed outputs of stage 4: the analyses and the lasting fix; field names are the seed's output names."""

from pydantic import Field

from incidents.agents.statements import Claim, Output

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
