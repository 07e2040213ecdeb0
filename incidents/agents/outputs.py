"""The typed outputs of the emergency workflow's eleven steps, and which prompt brings which.

Source: the critical bug-fix orchestration document, emergency response, steps 1.1 to 4.3.
"""

# Exported from here: whoever reads an output reads its parts.
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
from incidents.agents.fixes import BreachNotification as BreachNotification
from incidents.agents.fixes import FixCode as FixCode
from incidents.agents.fixes import HotfixOutput as HotfixOutput
from incidents.agents.fixes import MinimalTests as MinimalTests
from incidents.agents.fixes import Readiness as Readiness
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
from incidents.agents.releases import CommunicationOutput as CommunicationOutput
from incidents.agents.releases import DeploymentOutput as DeploymentOutput
from incidents.agents.releases import DeploymentStatus as DeploymentStatus
from incidents.agents.releases import HealthMetrics as HealthMetrics
from incidents.agents.releases import ImpactResolution as ImpactResolution
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
}
