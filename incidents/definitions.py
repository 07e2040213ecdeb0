"""The frozen models of policies and workflows, in the words of the seed document."""

import hashlib
from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from incidents.durations import Duration
from incidents.stages import AtLimit, BugfixPipeline, Provider, StageType


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "critical"  #: production down, data loss, or security breach
    HIGH = "high"  #: core functionality broken for all users
    MEDIUM = "medium"  #: functionality broken for a subset of users
    LOW = "low"  #: minor or cosmetic


class Area(StrEnum):
    """The part of a system that a change touches; chooses the agent that fixes it."""

    API = "api"  #: what answers requests: services, libraries; whatever belongs to no other area
    FRONTEND = "frontend"  #: what the browser loads
    DATA = "data"  #: the database: schemas, migrations, queries, pipelines
    INFRASTRUCTURE = "infrastructure"  #: how it is built, configured and run


class Kind(StrEnum):
    """What an incident is about; each kind has its own way through the response."""

    INCIDENT = "incident"  #: production is hurt; severity chooses the workflow
    BUG = "bug"  #: something is wrong; the bug pipeline is compiled for its service, and nobody is paged


class Phase(StrEnum):
    """The phases that people follow, in order; each has one thread."""

    STABILIZE = "stabilize"
    HOTFIX = "hotfix"
    TEST = "test"
    DEPLOY = "deploy"
    POSTMORTEM = "postmortem"
    # those of a bug
    DIAGNOSE = "diagnose"
    PLAN = "plan"
    FIX = "fix"
    MERGE = "merge"


class ApprovalKind(StrEnum):
    """What a person decides before a step starts."""

    CHOOSE_FIX = "choose_fix"  #: which of the fix options is prepared
    DEPLOY = "deploy"  #: that exactly this commit goes to production
    PLAN = "plan"  #: that a bug is fixed like this
    MERGE = "merge"  #: that exactly this commit of this repository is merged
    MITIGATE = "mitigate"  #: that exactly this is done to production to relieve users


class Begin(StrEnum):
    """When a workflow begins."""

    AT_ONCE = "at_once"
    NEXT_BUSINESS_DAY = "next_business_day"  #: when business opens next, by the hours and the time zone of sitrep.yml


class SeverityLevel(_Frozen):
    """`severity_levels` of the seed: one severity and what it promises."""

    description: str
    response_time: Duration  #: the seed's "< 30 minutes"
    escalation: str  #: the seed's word: immediate, within_1_hour, within_4_hours, next_business_day
    workflow: str  #: name of a workflow file


#: The agents of the seed document; a step's playbook and prompt do the work, the agent's name is what people read.
AGENTS = (
    "reviewer",
    "deployment-engineer",
    "software-architect",
    "api-engineer",
    "frontend-engineer",
    "data-engineer",
    "security-engineer",
    "qa-engineer",
    "product-manager",
    "business-analyst",
)


class AffectedArea(_Frozen):
    """Who answers for one area, what belongs to it, and what is looked at there."""

    area: Area
    means: str
    agent: str  #: does the steps that name several agents, where they name this one
    prompt: str  #: file in prompts/, told besides the step's own
    paths: tuple[str, ...] = ()  #: globs of the files that belong to it, where sitrep.yml says nothing of them


class StepDefinition(_Frozen):
    """One step: an agent call with named inputs and outputs."""

    name: str  #: `1.1`
    title: str
    agent: tuple[str, ...]  #: one agent, or those to choose from by affected area
    prompt: str  #: file in prompts/
    phase: Phase  #: the thread it reports in
    parallel_with: tuple[str, ...] = ()  #: step names; said by the seed, checked against depends_on
    depends_on: tuple[str, ...] = ()  #: step names, `Phase N` for all steps of a stage, `4.1/preliminary` for a partial
    approval: ApprovalKind | None = None  #: what a person decides before it starts
    gates: tuple[str, ...] = ()  #: stages, by number as text (`1`), whose quality gates must hold before it starts
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    duration: Duration
    priority: str  #: immediate, critical, high, medium
    type: StageType | None = None  #: the stage of the bug pipeline that it carries out
    provider: Provider | None = None  #: who carries it out; None: whoever the installation has
    model: str = ""  #: the provider's model; its own choice where empty
    repository: str = ""  #: the one that it works in, where it is done once for each
    reviews: tuple[str, ...] = ()  #: step names; the steps that it judges and sends back
    passes: int = Field(default=0, ge=0)  #: times that it judges at most before `at_limit` holds; 0: the run's limit
    at_limit: AtLimit = AtLimit.ASK
    optional: bool = False  #: its failure holds nobody up
    areas: dict[Area, str] = Field(default_factory=dict)  #: agents of areas that answer for none of those in `agent`


class Stage(_Frozen):
    """One of the seed's phases: a window of time with steps and quality gates."""

    number: int
    title: str
    window: str  #: the seed's words: "0-30 minutes"
    ends_after: Duration  #: when it should be over, counted from declaring
    steps: tuple[StepDefinition, ...]
    gates: tuple[str, ...] = ()  #: names of its quality gates; they hold before steps of later stages build on it


class WorkflowDefinition(_Frozen):
    """A whole workflow; a run keeps a frozen copy of it."""

    name: str
    title: str
    severity: Severity
    stages: tuple[Stage, ...]
    begins: Begin = Begin.AT_ONCE
    pipeline: BugfixPipeline | None = None  #: what a bug's workflow was compiled from
    areas: tuple[AffectedArea, ...] = ()  #: the areas that choose an agent, in the order in which their paths are tried
    base: str = ""  #: digest of the definition that this one grew out of; empty where it did not grow

    def steps(self) -> tuple[StepDefinition, ...]:
        """Return all steps, in the order of the file."""
        return tuple(step for stage in self.stages for step in stage.steps)

    def step(self, name: str) -> StepDefinition:
        """Return the step called `name`; raises KeyError where there is none."""
        for step in self.steps():
            if step.name == name:
                return step
        raise KeyError(name)

    def stage_of(self, name: str) -> Stage:
        """Return the stage that holds the step `name`; raises KeyError where there is none."""
        for stage in self.stages:
            if any(step.name == name for step in stage.steps):
                return stage
        raise KeyError(name)

    def digest(self) -> str:
        """Return the sha256 of the definition's canonical JSON."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class EscalationTrigger(_Frozen):
    """A time-based escalation: unless `until` happened within `after`, tell `escalate_to`."""

    name: str  #: the seed's key: critical_bug_not_resolved_60_minutes
    severity: Severity
    until: str  #: the milestone that stops it: acknowledged, triaged, started, resolved
    after: Duration
    escalate_to: str  #: an audience: cto
    action: str  #: the seed's words: escalate_to_cto


class ImpactTrigger(_Frozen):
    """An escalation by what is found: `revenue_impact_exceeds_threshold` -> business_stakeholders."""

    name: str
    escalate_to: str
    action: str


class MatrixRow(_Frozen):
    """One promise of the communication matrix: these audiences hear within this time."""

    within: Duration  #: 0s for `immediate`
    label: str  #: the seed's key: immediate, within_30_min
    audiences: tuple[str, ...]


class RegularUpdates(_Frozen):
    """`regular_updates` of the seed."""

    frequency: dict[Severity, Duration]  #: absent: no regular updates
    channels: tuple[str, ...]  #: slack_incident_channel, email_stakeholders
    format: str
    draft_ahead: Duration = timedelta(minutes=5)  #: how long before it is due the draft appears
    overdue_after: Duration = timedelta(minutes=5)  #: how long after it was due the facts are sent and the miss told
    summaries: dict[Severity, Duration] = Field(default_factory=dict)  #: to those told before; absent: none


class Acknowledgement(_Frozen):
    """Paging: how long each level has before the next is paged."""

    severity: Severity
    levels: tuple[str, ...]  #: audiences in order
    every: Duration


#: Whom an approval may escalate to besides audiences: the incident's deputy, and whoever is next in the paging order.
ESCALATION_WORDS = ("deputy", "paging")


class ApprovalPolicy(_Frozen):
    """How long an approval of one kind is good for, and who hears when nobody decides."""

    valid: Duration
    remind_after: Duration  #: the commander; deputy and approvers after twice that
    remind_before: Duration  #: before it expires: everybody who may decide, once
    escalate_after: dict[Severity, Duration] = Field(default_factory=dict)  #: absent: it does not escalate
    escalate_to: tuple[str, ...] = ()  #: audiences and ESCALATION_WORDS, in order


class Kpi(_Frozen):
    """A target: `initial_response: target < 15_minutes`."""

    name: str
    group: str  #: response_time, quality_metrics, business_impact
    target: str  #: the seed's words
    limit: float  #: seconds for durations, a share 0 to 1 for percentages, else the plain number
    unit: str = Field(pattern="^(seconds|share|score)$")
    direction: str = Field(pattern="^(below|above)$")


class ImprovementMetric(_Frozen):
    """Something looked at over time: `similar_issues_prevented: track_monthly`."""

    name: str
    group: str  #: prevention, team_performance
    tracked: str = Field(pattern="^(per_incident|monthly|quarterly)$")


class Gate(_Frozen):
    """What a quality gate means, for those who read or attest it."""

    name: str  #: the seed's key: stakeholders_notified
    asks: str  #: the question that a person who attests it answers with yes


class Audience(_Frozen):
    """Who is told of an incident, by their part in the organisation."""

    name: str  #: the seed's word: engineering_manager
    means: str


class StepInput(_Frozen):
    """Where an input comes from that is not an earlier step's output by the same name."""

    name: str
    source: str = Field(pattern="^(record|service|step)$")  #: Sitrep's record, the service's tools, an earlier step
    output: str = ""  #: for `step`: the output that it is
    means: str


class Policies(_Frozen):
    """All policies."""

    severity_levels: dict[Severity, SeverityLevel]
    time_based: tuple[EscalationTrigger, ...]
    impact_based: tuple[ImpactTrigger, ...]
    complexity_based: tuple[ImpactTrigger, ...]
    paging: tuple[Acknowledgement, ...]
    communication_matrix: dict[Severity, tuple[MatrixRow, ...]]
    regular_updates: RegularUpdates
    kpis: tuple[Kpi, ...]
    improvement_metrics: tuple[ImprovementMetric, ...] = ()
    quality_gates: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)  #: set -> phase -> gates
    gates: dict[str, Gate] = Field(default_factory=dict)
    audiences: dict[str, Audience] = Field(default_factory=dict)
    step_inputs: dict[str, StepInput] = Field(default_factory=dict)
    approvals: dict[ApprovalKind, ApprovalPolicy] = Field(default_factory=dict)
    bugfix_pipeline: BugfixPipeline | None = None  #: None where its file could not be read
    affected_areas: tuple[AffectedArea, ...] = ()


class Library(_Frozen):
    """Everything that was loaded from templates/ and the configuration folder."""

    policies: Policies
    workflows: dict[str, WorkflowDefinition]  #: by name: emergency_response …
    prompts: dict[str, str]  #: prompt file name -> its text
