"""The earlier steps' outputs that later steps build on, read back into their models."""

from dataclasses import dataclass

from incidents.agents import outputs
from incidents.agents.playbook.case import Case


@dataclass(frozen=True)
class Past:
    """What earlier steps brought; None where a step was not done or its output cannot be read."""

    severity: outputs.SeverityClassification | None
    impact: outputs.ImpactAssessment | None
    status: outputs.SystemStatus | None
    rollback_readiness: outputs.RollbackReadiness | None
    cause: outputs.RootCause | None
    fix: outputs.FixCode | None
    tests: outputs.MinimalTests | None
    rollback: outputs.RollbackProcedure | None
    security: outputs.SecurityAssessment | None
    readiness: outputs.Readiness | None
    deployment: outputs.DeploymentStatus | None
    health: outputs.HealthMetrics | None
    resolution: outputs.ImpactResolution | None
    hypotheses: tuple[outputs.Hypothesis, ...]
    components: tuple[outputs.Component, ...]


def read(case: Case) -> Past:
    """Return what `case` knows of the earlier steps."""
    return Past(
        severity=case.earlier("severity_classification", outputs.SeverityClassification),
        impact=case.earlier("impact_assessment", outputs.ImpactAssessment),
        status=case.earlier("system_status_report", outputs.SystemStatus),
        rollback_readiness=case.earlier("rollback_readiness_assessment", outputs.RollbackReadiness),
        cause=case.earlier("preliminary_root_cause", outputs.RootCause),
        fix=case.earlier("emergency_fix_code", outputs.FixCode),
        tests=case.earlier("minimal_test_suite", outputs.MinimalTests),
        rollback=case.earlier("rollback_procedure", outputs.RollbackProcedure),
        security=case.earlier("security_impact_assessment", outputs.SecurityAssessment),
        readiness=case.earlier("deployment_readiness_confirmation", outputs.Readiness),
        deployment=case.earlier("deployment_status", outputs.DeploymentStatus),
        health=case.earlier("system_health_metrics", outputs.HealthMetrics),
        resolution=case.earlier("user_impact_resolution", outputs.ImpactResolution),
        hypotheses=case.earlier_list("investigation_priorities", outputs.Hypothesis),
        components=case.earlier_list("affected_components_list", outputs.Component),
    )
