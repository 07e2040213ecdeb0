"""The workflows are the seed document's, step for step."""

import time
from datetime import timedelta

import pytest

from incidents import loading
from incidents.definitions import ApprovalKind, Begin, Library, Severity, StepDefinition, WorkflowDefinition

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
        assert [step.gates for step in workflow.steps() if step.approval is ApprovalKind.DEPLOY] == [("2", "3")]


def test_every_gate_waited_for_is_that_of_a_phase_with_gates(shipped: Library) -> None:
    for workflow in shipped.workflows.values():
        with_gates = {str(stage.number) for stage in workflow.stages if stage.gates}
        assert {gate for step in workflow.steps() for gate in step.gates} <= with_gates


#: Of the priority response, in the document's order: agent, prompt, minutes (of a range the longest), waits for.
PRIORITY = {
    "1.1": ("reviewer", "bug-impact-assessment", 45, ()),
    "1.2": ("software-architect", "technical-analysis-high-priority", 45, ()),
    "1.3": ("security-engineer", "security-impact-review", 30, ("1.1", "1.2")),
    "1.4": ("qa-engineer", "test-strategy-planning", 30, ("1.1", "1.2")),
    "1.5": ("product-manager", "business-impact-assessment", 30, ("1.1", "1.2")),
    "1.6": ("business-analyst", "stakeholder-communication-plan", 30, ("1.1", "1.2")),
    "2.1": (DEVELOPERS, "standard-bug-fix-development", 180, ("Phase 1",)),
    "2.2": ("qa-engineer", "comprehensive-bug-testing", 120, ("2.1",)),
    "2.3": ("security-engineer", "security-fix-validation", 60, ("2.1",)),
    "3.1": ("deployment-engineer", "staging-deployment-validation", 30, ("Phase 2",)),
    "3.2": ("deployment-engineer", "production-deployment-execution", 30, ("3.1",)),
    "3.3": ("deployment-engineer", "post-deployment-monitoring", 60, ("3.2",)),
    "3.4": ("qa-engineer", "production-validation", 60, ("3.2",)),
}

#: Of the standard response: agent, prompt, hours (of a range the longest), waits for.
STANDARD = {
    "1.1": ("reviewer", "bug-analysis-and-prioritization", 4, ()),
    "1.2": ("software-architect", "architecture-impact-analysis", 4, ()),
    "1.3": (DEVELOPERS, "component-specific-analysis", 4, ()),
    "2.1": (DEVELOPERS, "standard-bug-fix-development", 48, ("Phase 1",)),
    "2.2": ("qa-engineer", "comprehensive-testing-strategy", 48, ("2.1",)),
    "2.3": ("security-engineer", "security-review-standard", 48, ("2.1",)),
    "3.1": ("qa-engineer", "production-readiness-validation", 4, ("Phase 2",)),
    "3.2": ("reviewer", "deployment-approval-process", 4, ("3.1",)),
    "3.3": ("deployment-engineer", "standard-deployment-process", 4, ("3.2",)),
}


def shape(workflow: WorkflowDefinition, unit: timedelta) -> dict[str, tuple[object, ...]]:
    return {
        step.name: (
            step.agent[0] if len(step.agent) == 1 else step.agent,
            step.prompt.removesuffix(".md"),
            step.duration / unit,
            step.depends_on,
        )
        for step in workflow.steps()
    }


def test_the_priority_response_is_as_the_document_says(shipped: Library) -> None:
    workflow = shipped.workflows["priority_response"]
    assert shape(workflow, timedelta(minutes=1)) == PRIORITY
    assert [stage.ends_after for stage in workflow.stages] == [
        timedelta(hours=2),
        timedelta(hours=6),
        timedelta(hours=8),
    ]


def test_the_standard_response_is_as_the_document_says(shipped: Library) -> None:
    workflow = shipped.workflows["standard_response"]
    assert shape(workflow, timedelta(hours=1)) == STANDARD
    assert [stage.ends_after for stage in workflow.stages] == [
        timedelta(hours=4),
        timedelta(hours=52),
        timedelta(hours=56),
    ]


def test_members_of_a_group_and_groups_beside_each_other_are_parallel(shipped: Library) -> None:
    workflow = shipped.workflows["priority_response"]
    assert workflow.step("1.3").parallel_with == ("1.4", "1.5", "1.6")
    assert workflow.step("2.2").parallel_with == ("2.3",)
    assert workflow.step("3.3").parallel_with == ("3.4",)


def test_the_scheduled_response_is_the_standard_one_from_the_next_business_day_on(shipped: Library) -> None:
    scheduled, standard = shipped.workflows["scheduled_response"], shipped.workflows["standard_response"]
    assert scheduled.begins is Begin.NEXT_BUSINESS_DAY
    assert [step.prompt for step in scheduled.steps()] == [step.prompt for step in standard.steps()]
    assert scheduled.stages[-1].ends_after <= shipped.policies.severity_levels[Severity.LOW].response_time
    others = {workflow.begins for name, workflow in shipped.workflows.items() if name != scheduled.name}
    assert others == {Begin.AT_ONCE}


@pytest.mark.parametrize("name", ["priority_response", "standard_response", "scheduled_response"])
def test_the_other_severities_are_held_to_the_standard_gates(shipped: Library, name: str) -> None:
    workflow = shipped.workflows[name]
    gates = shipped.policies.quality_gates["standard_quality_gates"]
    wanted = [gates["analysis_complete"], gates["development_complete"], gates["deployment_ready"]]
    assert [stage.gates for stage in workflow.stages] == wanted
    assert [step.approval for step in workflow.steps() if step.approval] == [
        ApprovalKind.CHOOSE_FIX,
        ApprovalKind.DEPLOY,
    ]


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
