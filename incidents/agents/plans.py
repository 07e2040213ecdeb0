"""Typed outputs of planning: tests, business impact, communication, architecture; field names are ours.

The priority and standard responses name agents and prompts and leave the outputs open.
"""

from pydantic import Field

from incidents.agents.statements import Area, Claim, Message, Output, TestRun


class TestScenario(Output):
    """Something that must hold before the fix is released."""

    title: str = Field(max_length=200)
    why: str = Field(max_length=300)
    covered_by: list[str] = Field(description="test files that exercise it; empty where none does")
    evidence: list[str]


class TestStrategy(Output):
    """What is tested before the fix is released, and what nobody tests."""

    summary: str = Field(max_length=400)
    scenarios: list[TestScenario]
    gaps: list[str] = Field(description="what no test shows, one sentence each")
    claims: list[Claim]


class TestStrategyOutput(Output):
    """Test strategy planning: before there is a fix."""

    test_strategy: TestStrategy


class BugTestingOutput(Output):
    """Comprehensive bug testing: the tests on the exact commit of the fix, where staging is looked at later."""

    fix_validation_results: TestRun | None
    regression_test_results: TestRun | None


class TestedStrategyOutput(Output):
    """Comprehensive testing strategy: what to test, and the tests on the exact commit of the fix."""

    test_strategy: TestStrategy
    fix_validation_results: TestRun | None
    regression_test_results: TestRun | None


class BusinessImpact(Output):
    """What it costs the business."""

    summary: str = Field(max_length=400)
    loss_per_hour: float | None = Field(description="as somebody stated it, in their currency; null where nobody did")
    customers_affected: str = Field(max_length=200, description="who, in words; empty where that is not known")
    unknown: list[str] = Field(description="what only a person can say, one question each")
    claims: list[Claim]


class BusinessImpactOutput(Output):
    """Business impact assessment."""

    business_impact: BusinessImpact


class PlannedNotice(Output):
    """Who is to hear what, by when."""

    audience: str
    says: str = Field(max_length=300)
    when: str = Field(max_length=100, description="a time, or the event after which it is due")
    evidence: list[str]


class CommunicationPlanOutput(Output):
    """Stakeholder communication plan. Drafts: what goes outside is sent by a person."""

    stakeholder_communication_plan: list[PlannedNotice]
    planned_messages: list[Message]


class ArchitectureImpact(Output):
    """How far the trouble and its repair reach."""

    summary: str = Field(max_length=400)
    changes_required: bool | None = Field(description="null where only a person can say")
    areas: list[Area]
    services: list[str]
    third_parties: list[str]
    stored_data: list[str] = Field(description="migration files among the changes")
    claims: list[Claim]


class ArchitectureImpactOutput(Output):
    """Architecture impact analysis."""

    architecture_impact: ArchitectureImpact
