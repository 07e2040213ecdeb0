"""Asks a runner for the emergency workflow's steps, handing on outputs as the engine does."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from incidents.agents.base import ApprovedSubject, IncidentFacts, Runner, StepRequest, StepResult
from incidents.agents.outputs import MODELS, FixOption, Output
from incidents.catalog import Service
from incidents.definitions import ApprovalKind, Phase, StepDefinition
from incidents.response.decisions import DECISIONS, Wanted
from tests.jotter import Jotter

AnyOutput = TypeVar("AnyOutput", bound=Output)

#: The emergency workflow's steps and their prompts, which stand first.
_STEPS = ("1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "4.1", "4.2", "4.3")
PROMPTS = dict(zip(_STEPS, MODELS, strict=False))


def facts(**changes: Any) -> IncidentFacts:
    """Return an incident as people reported it."""
    told: dict[str, Any] = {
        "key": "inc-7",
        "title": "Checkout returns 500s",
        "severity": "critical",
        "declared_at": datetime.now(UTC),
        "known": "Many orders fail with a 500 since a few minutes. No data loss so far.",
        "facts": {"component": "checkout"},
        "reporter": "dee",
    }
    return IncidentFacts(**{**told, **changes})


@dataclass
class Response:
    """One incident being worked on; outputs of finished steps are inputs of later ones."""

    runner: Runner
    service: Service | None
    workdir: Path
    incident: IncidentFacts = field(default_factory=facts)
    outputs: dict[str, Any] = field(default_factory=dict)
    results: dict[str, StepResult] = field(default_factory=dict)

    async def step(self, name: str, **changes: Any) -> StepResult:
        """Carry out the step and keep its outputs."""
        result = await self.runner.run(self.request(name, **changes))
        self.outputs |= result.outputs()
        self.results[name] = result
        return result

    def request(self, name: str, **changes: Any) -> StepRequest:
        """Return the request for a step."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        step = StepDefinition(
            name=name,
            title=name,
            agent=("agent",),
            prompt=f"{PROMPTS.get(name, name)}.md",
            phase=Phase.STABILIZE,
            inputs=(),
            outputs=(),
            duration=timedelta(minutes=15),
            priority="immediate",
        )
        asked: dict[str, Any] = {
            "incident": self.incident,
            "step": step,
            "attempt": 1,
            "inputs": dict(self.outputs),
            "service": self.service,
            "workdir": str(self.workdir),
            "deadline": timedelta(minutes=5),
            "journal": Jotter(self.workdir.parent / "kept"),
        }
        return StepRequest(**{**asked, **changes})

    def output(self, name: str, model: type[AnyOutput]) -> AnyOutput:
        """Return a step's output as `model`."""
        found = self.results[name].output
        assert isinstance(found, model)
        return found

    def choose(self, number: int) -> ApprovedSubject:
        """Choose a fix option, as a person does."""
        options = self.outputs["preliminary_root_cause"]["fix_options"]
        chosen = next(option for option in options if option["number"] == number)
        return ApprovedSubject("choose_fix", FixOption.model_validate(chosen).model_dump(mode="json"), "digest", "ana")

    def approve(self, commit: str = "", **subject: Any) -> ApprovedSubject:
        """Approve the deploy of the prepared commit, or of `commit`."""
        prepared = {**self.outputs}
        if commit:
            prepared["emergency_fix_code"] = {**prepared["emergency_fix_code"], "commit": commit}
        wanted = Wanted(step="3.1", outputs=prepared, service=self.service)
        approved = {**DECISIONS[ApprovalKind.DEPLOY].subject(wanted), **subject}
        return ApprovedSubject("deploy", approved, "digest", "bo")
