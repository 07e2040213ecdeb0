"""The emergency workflow is the seed document's, step for step."""

import time
from datetime import timedelta

import pytest

from incidents import loading
from incidents.definitions import ApprovalKind, Library, Phase, StepDefinition

DEVELOPERS = ("api-engineer", "frontend-engineer", "data-engineer")

#: Step -> agents, prompt, waits for, parallel with, minutes, priority, thread.
STEPS = {
    "1.1": (("reviewer",), "critical-incident-triage", (), ("1.2",), 15, "immediate", "stabilize"),
    "1.2": (
        ("deployment-engineer",),
        "emergency-system-stabilization",
        (),
        ("1.1", "1.3"),
        15,
        "immediate",
        "stabilize",
    ),
    "1.3": (
        ("software-architect",),
        "rapid-root-cause-analysis",
        ("1.1",),
        ("1.2",),
        20,
        "immediate",
        "stabilize",
    ),
    "2.1": (DEVELOPERS, "emergency-hotfix-development", ("Phase 1",), ("2.2",), 45, "critical", "hotfix"),
    "2.2": (("security-engineer",), "emergency-security-review", ("Phase 1",), ("2.1",), 30, "critical", "hotfix"),
    "2.3": (("qa-engineer",), "emergency-testing-validation", ("2.1",), (), 30, "critical", "test"),
    "3.1": (
        ("deployment-engineer",),
        "emergency-deployment-execution",
        ("2.3",),
        ("3.2",),
        20,
        "immediate",
        "deploy",
    ),
    "3.2": (("reviewer",), "crisis-communication-management", ("2.3",), ("3.1",), 15, "high", "deploy"),
    "4.1": (
        ("software-architect",),
        "comprehensive-post-incident-analysis",
        ("Phase 3",),
        ("4.2",),
        240,
        "high",
        "postmortem",
    ),
    "4.2": (("reviewer",), "post-incident-process-review", ("Phase 3",), ("4.1", "4.3"), 120, "high", "postmortem"),
    "4.3": (
        DEVELOPERS,
        "comprehensive-bug-fix-development",
        ("4.1/preliminary",),
        ("4.2",),
        480,
        "medium",
        "postmortem",
    ),
}

#: Step -> inputs, outputs.
VALUES = {
    "1.1": (
        "incident_report system_monitoring_data user_impact_reports",
        "severity_classification impact_assessment initial_stakeholder_communication",
    ),
    "1.2": (
        "system_alerts infrastructure_metrics application_logs",
        "system_status_report temporary_mitigation_actions rollback_readiness_assessment",
    ),
    "1.3": (
        "error_logs system_architecture_docs recent_deployment_history",
        "preliminary_root_cause affected_components_list investigation_priorities",
    ),
    "2.1": (
        "root_cause_analysis affected_components current_system_state",
        "emergency_fix_code minimal_test_suite rollback_procedure",
    ),
    "2.2": (
        "incident_details preliminary_root_cause proposed_fix_approach",
        "security_impact_assessment immediate_security_controls breach_notification_requirements",
    ),
    "2.3": (
        "emergency_fix_code critical_test_scenarios production_environment_access",
        "fix_validation_results regression_test_results deployment_readiness_confirmation",
    ),
    "3.1": (
        "validated_emergency_fix rollback_procedures deployment_monitoring_plan",
        "deployment_status system_health_metrics user_impact_resolution",
    ),
    "3.2": (
        "incident_timeline resolution_status user_impact_data",
        "stakeholder_updates public_communication internal_status_reports",
    ),
    "4.1": (
        "complete_incident_data emergency_fix_implementation system_behavior_analysis",
        "detailed_root_cause_report architectural_improvement_recommendations prevention_strategy_proposal",
    ),
    "4.2": (
        "incident_response_timeline emergency_procedures_effectiveness team_coordination_analysis",
        "process_improvement_recommendations incident_response_lessons_learned team_performance_assessment",
    ),
    "4.3": (
        "detailed_root_cause_analysis architectural_recommendations current_emergency_fix_code",
        "comprehensive_fix_implementation complete_test_suite documentation_updates",
    ),
}


def emergency_step(shipped: Library, name: str) -> StepDefinition:
    return shipped.workflows["emergency_response"].step(name)


def test_the_emergency_workflow_has_the_eleven_steps_in_order(shipped: Library) -> None:
    assert [step.name for step in shipped.workflows["emergency_response"].steps()] == list(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_each_step_is_as_the_document_says(shipped: Library, name: str) -> None:
    step = emergency_step(shipped, name)
    agents, prompt, depends_on, parallel_with, minutes, priority, thread = STEPS[name]
    assert step.agent == agents
    assert step.prompt == f"{prompt}.md"
    assert step.depends_on == depends_on
    assert step.parallel_with == parallel_with
    assert step.duration == timedelta(minutes=minutes)
    assert (step.priority, step.phase) == (priority, thread)
    inputs, outputs = VALUES[name]
    assert step.inputs == tuple(inputs.split())
    assert step.outputs == tuple(outputs.split())


def test_phases_end_when_the_document_says(shipped: Library) -> None:
    stages = shipped.workflows["emergency_response"].stages
    assert [(stage.window, stage.ends_after) for stage in stages] == [
        ("0-30 minutes", timedelta(minutes=30)),
        ("30-90 minutes", timedelta(minutes=90)),
        ("90-120 minutes", timedelta(minutes=120)),
        ("Next 24 hours", timedelta(hours=26)),
    ]


def test_people_choose_the_fix_and_approve_the_deploy_and_nothing_else(shipped: Library) -> None:
    approvals = {step.name: step.approval for step in shipped.workflows["emergency_response"].steps() if step.approval}
    assert approvals == {"2.1": ApprovalKind.CHOOSE_FIX, "3.1": ApprovalKind.DEPLOY}


def test_nothing_is_deployed_before_the_gates_of_phases_two_and_three(shipped: Library) -> None:
    for workflow in shipped.workflows.values():
        assert workflow.step("3.1").gates == ("2", "3")


def test_every_gate_waited_for_is_that_of_a_phase_with_gates(shipped: Library) -> None:
    for workflow in shipped.workflows.values():
        with_gates = {str(stage.number) for stage in workflow.stages if stage.gates}
        assert {gate for step in workflow.steps() for gate in step.gates} <= with_gates


@pytest.mark.parametrize("name", ["priority_response", "standard_response", "scheduled_response"])
def test_the_other_severities_run_from_triage_to_deploy(shipped: Library, name: str) -> None:
    workflow = shipped.workflows[name]
    assert [step.name for step in workflow.steps()] == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1"]
    assert workflow.step("3.1").approval is ApprovalKind.DEPLOY
    assert workflow.step("3.1").phase is Phase.DEPLOY


def test_a_workflow_survives_its_frozen_copy(shipped: Library) -> None:
    workflow = shipped.workflows["emergency_response"]
    copy = type(workflow).model_validate_json(workflow.model_dump_json())
    assert copy == workflow
    assert copy.digest() == workflow.digest()


def test_loading_takes_a_small_part_of_a_cold_start() -> None:
    # The budget for a cold start is 2.5 s. The best of three in CPU time, so that a busy machine counts less.
    def seconds() -> float:
        started = time.process_time()
        loading.load(loading.templates_root(), None)
        return time.process_time() - started

    assert min(seconds() for _ in range(3)) < 0.25
