"""The protocol between the engine and whoever carries out a step."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from incidents import areas
from incidents.agents.journal import Journal
from incidents.catalog import Service
from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.errors import StepFailed
from incidents.knowledge.solutions import Solution
from incidents.tools.evidence import Evidence

#: Characters of an agent's answer, or bytes of a command's; the longest typed output has some 20,000.
MAX_ANSWER = 1_000_000


@dataclass(frozen=True)
class IncidentFacts:
    """What an agent is told of the incident; untrusted text included, so never put into a system prompt."""

    key: str  #: `inc-7`
    title: str
    severity: str
    declared_at: datetime  #: UTC
    known: str  #: what the reporter wrote, verbatim
    facts: Mapping[str, str]  #: the triage facts that are known, by name
    reporter: str  #: person id
    timeline: tuple[str, ...] = ()  #: the record so far, one line an event, oldest first
    told: tuple[str, ...] = ()  #: who was told what and when, one line a notice
    measures: Mapping[str, str] = field(default_factory=dict)  #: KPI name -> "2 min, target 15 min, met"
    drill: bool = False  #: an exercise: nothing that is outward is done


@dataclass(frozen=True)
class ApprovedSubject:
    """The exact thing that a person approved: what an acting step may do, and nothing else."""

    kind: str  #: `deploy`, `mitigate`, `merge` or `choose_fix`
    #: For a deploy {"commit", "environment", "command", "folder"}; for a mitigation {"means", "command", "folder"}; for
    #: a fix the option.
    subject: Mapping[str, JsonValue]
    digest: str  #: sha256 over the subject; the engine compared it before the step started
    decided_by: str  #: person id


@dataclass(frozen=True)
class StepRequest:
    """One step to carry out."""

    incident: IncidentFacts
    step: StepDefinition
    attempt: int  #: 1 for the first
    inputs: Mapping[str, JsonValue]  #: outputs of earlier steps by output name, and the step's named inputs where known
    service: Service | None
    workdir: str  #: an existing folder that this incident's steps may fill (worktrees); survives retries
    deadline: timedelta  #: wall-clock budget left
    journal: Journal  #: what this step began that cannot be undone
    approved: ApprovedSubject | None = None
    provider: str = ""  #: who is to carry it out; empty for the installation's first
    feedback: str = ""  #: what a person wrote when sending the previous version back
    solutions: tuple[Solution, ...] = ()  #: what earlier incidents left behind, the newest first; untrusted text
    hand_on: "HandOn | None" = None  #: takes first results, where another step waits for them (`4.1/preliminary`)
    earlier: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)  #: newest outputs by step name
    context: str = ""  #: what the steps just before hand on, at most 500 characters; untrusted text
    workflow: WorkflowDefinition | None = None  #: the frozen definition that the step belongs to
    chosen: areas.Choice | None = None  #: who does it by the affected area, where the step names several agents


class Usage(BaseModel):
    """What a model call cost."""

    model_config = ConfigDict(frozen=True)

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True)
class StepResult:
    """What a step brought: typed outputs, the evidence they cite, one line for people."""

    output: BaseModel  #: the step's model of incidents.agents.outputs; its fields are the seed's output names
    summary: str  #: one line for the phase head, plain text with `code` marks, at most 200 characters
    evidence: tuple[Evidence, ...]
    runner: str  #: `playbook` or `claude`
    usage: tuple[Usage, ...] = ()
    notes: tuple[str, ...] = ()  #: what people must know, e.g. that the playbook stepped in

    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name, as JSON values."""
        return self.output.model_dump(mode="json")


class FailedAtACost(StepFailed):
    """A step that failed after models were paid for."""

    def __init__(self, message: str, *, remedy: str, usage: tuple[Usage, ...]) -> None:
        super().__init__(message, remedy=remedy)
        self.usage = usage


#: Takes the first results of a step that goes on; they may still change.
HandOn = Callable[[StepResult], Awaitable[None]]


class Runner(Protocol):
    """Carries out steps."""

    name: str

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request` and return its result.

        Raises:
            StepFailed: when it cannot be done; says why and what a person can do.
            ModelUnavailable: when the model is the reason (the fallback runner catches this).
        """
        ...
