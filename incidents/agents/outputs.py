"""The typed outputs of the workflows' steps, and which prompt brings which.

Source: the critical bug-fix orchestration document: emergency response (steps 1.1 to 4.3), priority response, standard
response. Prompts that ask the same at another severity bring the same outputs, so that a change of severity keeps them.
"""

# Exported from here: whoever reads an output reads its parts.
from incidents.agents.diagnoses import Consolidation as Consolidation
from incidents.agents.diagnoses import Diagnosis as Diagnosis
from incidents.agents.diagnoses import TriageCheck as TriageCheck
from incidents.agents.findings import Component as Component
from incidents.agents.findings import FixApproach as FixApproach
from incidents.agents.findings import FixOption as FixOption
from incidents.agents.findings import Hypothesis as Hypothesis
from incidents.agents.findings import ImpactAssessment as ImpactAssessment
from incidents.agents.findings import Mitigation as Mitigation
from incidents.agents.findings import RollbackReadiness as RollbackReadiness
from incidents.agents.findings import RootCause as RootCause
from incidents.agents.findings import RootCauseOutput as RootCauseOutput
from incidents.agents.findings import SeverityClassification as SeverityClassification
from incidents.agents.findings import StabilizationOutput as StabilizationOutput
from incidents.agents.findings import SystemStatus as SystemStatus
from incidents.agents.findings import TriageOutput as TriageOutput
from incidents.agents.fixes import AreaCheck as AreaCheck
from incidents.agents.fixes import BreachNotification as BreachNotification
from incidents.agents.fixes import FixCode as FixCode
from incidents.agents.fixes import HotfixOutput as HotfixOutput
from incidents.agents.fixes import MinimalTests as MinimalTests
from incidents.agents.fixes import Readiness as Readiness
from incidents.agents.fixes import Rehearsal as Rehearsal
from incidents.agents.fixes import RollbackProcedure as RollbackProcedure
from incidents.agents.fixes import SecurityAssessment as SecurityAssessment
from incidents.agents.fixes import SecurityOutput as SecurityOutput
from incidents.agents.fixes import StagingCheck as StagingCheck
from incidents.agents.fixes import TestingOutput as TestingOutput
from incidents.agents.lessons import AnalysisOutput as AnalysisOutput
from incidents.agents.lessons import LongTermFix as LongTermFix
from incidents.agents.lessons import LongTermFixOutput as LongTermFixOutput
from incidents.agents.lessons import ProcessOutput as ProcessOutput
from incidents.agents.lessons import Recommendation as Recommendation
from incidents.agents.lessons import RootCauseReport as RootCauseReport
from incidents.agents.merging import CheckResults as CheckResults
from incidents.agents.merging import Merge as Merge
from incidents.agents.merging import MergeSummary as MergeSummary
from incidents.agents.merging import PullRequest as PullRequest
from incidents.agents.mitigations import MitigationEffect as MitigationEffect
from incidents.agents.mitigations import MitigationOutput as MitigationOutput
from incidents.agents.planning import Decomposition as Decomposition
from incidents.agents.planning import DocumentationUpdate as DocumentationUpdate
from incidents.agents.planning import FixPlan as FixPlan
from incidents.agents.planning import Implementation as Implementation
from incidents.agents.plans import ArchitectureImpact as ArchitectureImpact
from incidents.agents.plans import ArchitectureImpactOutput as ArchitectureImpactOutput
from incidents.agents.plans import BugTestingOutput as BugTestingOutput
from incidents.agents.plans import BusinessImpact as BusinessImpact
from incidents.agents.plans import BusinessImpactOutput as BusinessImpactOutput
from incidents.agents.plans import CommunicationPlanOutput as CommunicationPlanOutput
from incidents.agents.plans import PlannedNotice as PlannedNotice
from incidents.agents.plans import TestedStrategyOutput as TestedStrategyOutput
from incidents.agents.plans import TestScenario as TestScenario
from incidents.agents.plans import TestStrategy as TestStrategy
from incidents.agents.plans import TestStrategyOutput as TestStrategyOutput
from incidents.agents.releases import CommunicationOutput as CommunicationOutput
from incidents.agents.releases import DeploymentOutput as DeploymentOutput
from incidents.agents.releases import DeploymentStatus as DeploymentStatus
from incidents.agents.releases import HealthMetrics as HealthMetrics
from incidents.agents.releases import ImpactResolution as ImpactResolution
from incidents.agents.releasing import ApprovalCase as ApprovalCase
from incidents.agents.releasing import ApprovalCaseOutput as ApprovalCaseOutput
from incidents.agents.releasing import MonitoringOutput as MonitoringOutput
from incidents.agents.releasing import MonitoringReport as MonitoringReport
from incidents.agents.releasing import ProductionValidation as ProductionValidation
from incidents.agents.releasing import ProductionValidationOutput as ProductionValidationOutput
from incidents.agents.releasing import SecurityValidation as SecurityValidation
from incidents.agents.releasing import SecurityValidationOutput as SecurityValidationOutput
from incidents.agents.releasing import StagingOutput as StagingOutput
from incidents.agents.reviews import Finding as Finding
from incidents.agents.reviews import Review as Review
from incidents.agents.specified import CitedRequirement as CitedRequirement
from incidents.agents.specified import Specified as Specified
from incidents.agents.statements import Area as Area
from incidents.agents.statements import Claim as Claim
from incidents.agents.statements import Message as Message
from incidents.agents.statements import Output as Output
from incidents.agents.statements import TestRun as TestRun
from incidents.agents.statements import Verdict as Verdict

#: Prompt name (the file without `.md`) -> the output model of the steps that use it.
MODELS: dict[str, type[Output]] = {
    "critical-incident-triage": TriageOutput,
    "emergency-system-stabilization": StabilizationOutput,
    "rapid-root-cause-analysis": RootCauseOutput,
    "emergency-hotfix-development": HotfixOutput,
    "emergency-security-review": SecurityOutput,
    "emergency-testing-validation": TestingOutput,
    "emergency-deployment-execution": DeploymentOutput,
    "crisis-communication-management": CommunicationOutput,
    "comprehensive-post-incident-analysis": AnalysisOutput,
    "post-incident-process-review": ProcessOutput,
    "comprehensive-bug-fix-development": LongTermFixOutput,
    # priority response
    "bug-impact-assessment": TriageOutput,
    "technical-analysis-high-priority": RootCauseOutput,
    "security-impact-review": SecurityOutput,
    "test-strategy-planning": TestStrategyOutput,
    "business-impact-assessment": BusinessImpactOutput,
    "stakeholder-communication-plan": CommunicationPlanOutput,
    "comprehensive-bug-testing": BugTestingOutput,
    "security-fix-validation": SecurityValidationOutput,
    "staging-deployment-validation": StagingOutput,
    "production-deployment-execution": DeploymentOutput,
    "post-deployment-monitoring": MonitoringOutput,
    "production-validation": ProductionValidationOutput,
    # standard response
    "bug-analysis-and-prioritization": TriageOutput,
    "architecture-impact-analysis": ArchitectureImpactOutput,
    "component-specific-analysis": RootCauseOutput,
    "standard-bug-fix-development": HotfixOutput,
    "comprehensive-testing-strategy": TestedStrategyOutput,
    "security-review-standard": SecurityValidationOutput,
    "production-readiness-validation": StagingOutput,
    "deployment-approval-process": ApprovalCaseOutput,
    "standard-deployment-process": DeploymentOutput,
    # bug pipeline
    "bug-triage-check": TriageCheck,
    "bug-root-cause-analysis": Diagnosis,
    "bug-root-cause-reflection": Review,
    "bug-diagnosis-consolidation": Consolidation,
    "bug-fix-plan": FixPlan,
    "bug-plan-review": Review,
    "bug-decomposition": Decomposition,
    "bug-implementation": Implementation,
    "bug-code-review": Review,
    "bug-documentation-update": DocumentationUpdate,
    "bug-pull-request": PullRequest,
    "bug-check-results": CheckResults,
    "bug-merge": Merge,
    "bug-merge-summary": MergeSummary,
}

#: The same of steps that rules alone carry out, on people's word: no model is asked, so no prompt is written.
ACTING: dict[str, type[Output]] = {"immediate-mitigation": MitigationOutput}


def model_of(prompt: str) -> type[Output] | None:
    """Return the output model of the steps that use `prompt` (with or without `.md`), or None."""
    name = prompt.removesuffix(".md")
    return MODELS.get(name) or ACTING.get(name)
