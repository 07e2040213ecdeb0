"""Takes a bug through the compiled pipeline with a runner, handing on outputs as the engine does."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from incidents.agents.base import ApprovedSubject, IncidentFacts, Runner, StepRequest, StepResult
from incidents.agents.outputs import MODELS, Output
from incidents.catalog import Service
from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.response import pipeline
from incidents.stages import BugfixPipeline, PipelineStage, StageType
from tests.integration.agents.steps import facts
from tests.jotter import Jotter

AnyOutput = TypeVar("AnyOutput", bound=Output)

REPORT = """Old carts cannot be priced since release 2.
Steps to reproduce: call `total({})`
Expected: a price in EUR. Actual: it raises KeyError.
Environment: production
Versions: release 2
Error output: KeyError: 'currency'"""


def stages(*types: StageType) -> BugfixPipeline:
    """Return a pipeline of these stages; of one of each without any."""
    every = types or (StageType.RCA, StageType.PLAN_REVIEW, StageType.IMPLEMENTATION, StageType.CODE_REVIEW)
    return BugfixPipeline(stages=tuple(PipelineStage(type=each, timeout=timedelta(minutes=5)) for each in every))


@dataclass
class Bug:
    """One bug being worked on."""

    runner: Runner
    service: Service
    workdir: Path
    pipeline: BugfixPipeline = field(default_factory=stages)
    incident: IncidentFacts = field(
        default_factory=lambda: facts(title="Old carts cannot be priced", severity="medium", known=REPORT)
    )
    leaves_out: tuple[str, ...] = ()  #: prompts of steps that are not carried out on the way: nothing depends on them
    earlier: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, StepResult] = field(default_factory=dict)

    @property
    def workflow(self) -> WorkflowDefinition:
        """Return the whole workflow, grown by the service's repositories."""
        names = [each.name for each in self.service.codebases()]
        return pipeline.grow(pipeline.compile_(self.pipeline), names)

    def steps(self, prompt: str) -> tuple[StepDefinition, ...]:
        """Return the steps of `prompt`, without `bug-` and `.md`."""
        return pipeline.steps_with(self.workflow, f"bug-{prompt}.md")

    async def run(self, prompt: str, **changes: Any) -> Any:
        """Carry out the first step of `prompt` and return its output."""
        return await self.run_step(self.steps(prompt)[0], **changes)

    async def run_step(self, step: StepDefinition, **changes: Any) -> Any:
        """Carry out one step, keep and return its output."""
        result = await self.runner.run(self.request(step, **changes))
        self.earlier[step.name] = result.outputs()
        self.results[step.name] = result
        return MODELS[step.prompt.removesuffix(".md")].model_validate(result.outputs())

    async def until(self, prompt: str) -> Any:
        """Carry out every step up to the first of `prompt`, people approving what is asked; return its output."""
        for step in self.workflow.steps():
            if step.prompt in self.leaves_out:
                continue
            output = await self.run_step(step, approved=self.approval(step))
            if step.prompt == f"bug-{prompt}.md":
                return output
        raise AssertionError(f"there is no step {prompt}")

    def result(self, prompt: str) -> StepResult:
        """Return what the first step of `prompt` brought."""
        return self.results[self.steps(prompt)[0].name]

    def approval(self, step: StepDefinition) -> ApprovedSubject | None:
        """Return what a person approves who agrees with what is recommended."""
        if step.approval is None:
            return None
        if step.approval == "choose_fix":
            cause = next(each["preliminary_root_cause"] for each in self.earlier.values() if "user_story" in each)
            return self.choose(next(each["number"] for each in cause["fix_options"] if each["recommended"]))
        if step.approval == "merge":
            offered = next(each for each in self.earlier.values() if "release_note" in each)
            return self.approve(offered["head"])
        return ApprovedSubject(step.approval, {}, "digest", "ana")

    def choose(self, number: int) -> ApprovedSubject:
        """Choose a fix option."""
        cause = next(each["preliminary_root_cause"] for each in self.earlier.values() if "user_story" in each)
        option = next(each for each in cause["fix_options"] if each["number"] == number)
        return ApprovedSubject("choose_fix", option, "digest", "ana")

    def approve(self, head: str) -> ApprovedSubject:
        """Approve the merge of `head`."""
        return ApprovedSubject("merge", {"repository": self.service.key, "head": head}, "digest", "bo")

    def request(self, step: StepDefinition, **changes: Any) -> StepRequest:
        """Return the request for a step."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        asked: dict[str, Any] = {
            "incident": self.incident,
            "step": step,
            "attempt": 1,
            "inputs": {name: value for each in self.earlier.values() for name, value in each.items()},
            "service": self.service,
            "workdir": str(self.workdir),
            "deadline": timedelta(minutes=5),
            "journal": Jotter(self.workdir.parent / "kept"),
            "earlier": dict(self.earlier),
            "workflow": self.workflow,
        }
        return StepRequest(**{**asked, **changes})
