"""The shipped policies say what the seed document (critical bug fix orchestration) says."""

from datetime import timedelta

import pytest

from incidents.definitions import Library, Severity
from incidents.response import pipeline

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("severity", "response", "escalation", "workflow"),
    [
        (Severity.CRITICAL, 30 * MINUTE, "immediate", "emergency_response"),
        (Severity.HIGH, 2 * HOUR, "within_1_hour", "priority_response"),
        (Severity.MEDIUM, 24 * HOUR, "within_4_hours", "standard_response"),
        (Severity.LOW, timedelta(weeks=1), "next_business_day", "scheduled_response"),
    ],
)
def test_severity_levels(
    shipped: Library, severity: Severity, response: timedelta, escalation: str, workflow: str
) -> None:
    level = shipped.policies.severity_levels[severity]
    assert (level.response_time, level.escalation, level.workflow) == (response, escalation, workflow)
    assert shipped.workflows[workflow].severity is severity


def test_critical_communication_matrix(shipped: Library) -> None:
    rows = shipped.policies.communication_matrix[Severity.CRITICAL]
    assert [(row.within, row.audiences) for row in rows] == [
        (timedelta(0), ("on_call_engineer", "team_lead", "product_manager")),
        (30 * MINUTE, ("engineering_manager", "cto")),
        (60 * MINUTE, ("ceo", "customer_success")),
    ]


def test_high_communication_matrix(shipped: Library) -> None:
    rows = shipped.policies.communication_matrix[Severity.HIGH]
    assert [(row.within, row.audiences) for row in rows] == [
        (timedelta(0), ("assigned_engineer", "team_lead")),
        (2 * HOUR, ("product_manager", "engineering_manager")),
        (4 * HOUR, ("stakeholder_update",)),
    ]


def test_low_tells_nobody_and_medium_the_engineer_and_lead(shipped: Library) -> None:
    matrix = shipped.policies.communication_matrix
    assert [row.audiences for row in matrix[Severity.MEDIUM]] == [("assigned_engineer", "team_lead")]
    assert not any(row.audiences for row in matrix[Severity.LOW])


def test_regular_updates(shipped: Library) -> None:
    updates = shipped.policies.regular_updates
    assert updates.frequency == {Severity.CRITICAL: 30 * MINUTE, Severity.HIGH: 2 * HOUR}
    assert updates.channels == ("slack_incident_channel", "email_stakeholders")
    assert updates.format == "structured_status_update"
    assert updates.summaries == {Severity.CRITICAL: HOUR}


def test_time_based_escalations(shipped: Library) -> None:
    assert [
        (each.severity, each.until, each.after, each.escalate_to, each.action) for each in shipped.policies.time_based
    ] == [
        (Severity.CRITICAL, "resolved", 60 * MINUTE, "cto", "escalate_to_cto"),
        (Severity.HIGH, "triaged", 2 * HOUR, "team_lead", "escalate_to_team_lead"),
        (Severity.MEDIUM, "started", 24 * HOUR, "product_manager", "escalate_to_product_manager"),
    ]


def test_impact_and_complexity_escalations(shipped: Library) -> None:
    policies = shipped.policies
    assert {each.name: each.escalate_to for each in (*policies.impact_based, *policies.complexity_based)} == {
        "revenue_impact_exceeds_threshold": "business_stakeholders",
        "security_breach_suspected": "security_team",
        "data_loss_confirmed": "legal_and_compliance",
        "architecture_changes_required": "software_architect",
        "multi_service_impact": "system_architects",
        "third_party_dependencies": "vendor_management",
    }


def test_kpi_targets(shipped: Library) -> None:
    assert [(kpi.name, kpi.limit, kpi.unit, kpi.direction) for kpi in shipped.policies.kpis] == [
        ("initial_response", 900, "seconds", "below"),
        ("triage_complete", 1800, "seconds", "below"),
        ("fix_deployed", 7200, "seconds", "below"),
        ("fix_success_rate", 0.95, "share", "above"),
        ("rollback_rate", 0.05, "share", "below"),
        ("regression_rate", 0.02, "share", "below"),
        ("mean_time_to_resolution", 7200, "seconds", "below"),
        ("user_impact_minimization", 0.9, "share", "above"),
        ("stakeholder_satisfaction", 4.5, "score", "above"),
    ]


def test_improvement_metrics(shipped: Library) -> None:
    assert {each.name: (each.group, each.tracked) for each in shipped.policies.improvement_metrics} == {
        "similar_issues_prevented": ("prevention", "monthly"),
        "monitoring_improvements": ("prevention", "quarterly"),
        "process_automation_gains": ("prevention", "quarterly"),
        "incident_response_effectiveness": ("team_performance", "per_incident"),
        "cross_team_collaboration": ("team_performance", "monthly"),
        "knowledge_sharing_impact": ("team_performance", "quarterly"),
    }


def test_quality_gates(shipped: Library) -> None:
    assert shipped.policies.quality_gates == {
        "emergency_quality_gates": {
            "phase_1_gates": ("incident_severity_confirmed", "stakeholders_notified", "initial_mitigation_attempted"),
            "phase_2_gates": (
                "root_cause_identified",
                "fix_approach_validated",
                "security_impact_assessed",
                "minimal_tests_passing",
            ),
            "phase_3_gates": ("fix_validates_in_staging", "rollback_procedure_ready", "monitoring_alerts_configured"),
            "phase_4_gates": (
                "comprehensive_analysis_complete",
                "prevention_measures_defined",
                "documentation_updated",
            ),
        },
        "standard_quality_gates": {
            "analysis_complete": (
                "bug_reproduced",
                "root_cause_identified",
                "impact_assessed",
                "fix_strategy_approved",
            ),
            "development_complete": (
                "code_review_passed",
                "unit_tests_added",
                "integration_tests_passing",
                "security_review_passed",
            ),
            "deployment_ready": (
                "staging_validation_complete",
                "performance_impact_assessed",
                "rollback_tested",
                "stakeholder_approval_obtained",
            ),
        },
    }


def test_every_gate_and_audience_is_described(shipped: Library) -> None:
    policies = shipped.policies
    gates = {gate for phases in policies.quality_gates.values() for names in phases.values() for gate in names}
    assert gates | {pipeline.TRIAGE_GATE} == set(policies.gates)
    told = {name for rows in policies.communication_matrix.values() for row in rows for name in row.audiences}
    told |= {each.escalate_to for each in policies.time_based}
    told |= {each.escalate_to for each in (*policies.impact_based, *policies.complexity_based)}
    assert told <= set(policies.audiences)


def test_paging_begins_with_whoever_hears_immediately(shipped: Library) -> None:
    policies = shipped.policies
    for paging in policies.paging:
        immediately = policies.communication_matrix[paging.severity][0]
        assert immediately.within == timedelta(0)
        assert paging.levels[0] in immediately.audiences
