"""What one step of the playbook works with, and what it has seen so far."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from incidents import areas
from incidents.agents.base import StepRequest
from incidents.agents.outputs import Claim, Verdict
from incidents.catalog import Sandbox, Service
from incidents.clock import Clock
from incidents.definitions import AffectedArea
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import evidence
from incidents.tools.evidence import Evidence, EvidenceKind
from incidents.tools.github import GitHub

Model = TypeVar("Model", bound=BaseModel)

MAX_CLAIM = 600  # Claim.text

#: Recorded outputs that code took from an execution, and of which kind that was; all others are what an agent said.
_EXECUTIONS = {
    "minimal_test_suite": EvidenceKind.TEST,
    "fix_validation_results": EvidenceKind.TEST,
    "regression_test_results": EvidenceKind.TEST,
    "deployment_status": EvidenceKind.DEPLOY,
    "system_health_metrics": EvidenceKind.HEALTH,
}


@dataclass(frozen=True)
class Settings:
    """How the playbook works, whatever the step."""

    clock: Clock
    sandbox: Sandbox
    github: GitHub | None = None  #: where a token is set
    poll: timedelta = timedelta(seconds=15)  #: how often checks are asked for
    writer: str = ""  #: who writes fixes besides people, as people call it


@dataclass
class Case:
    """One step at work; collects the evidence that its claims cite."""

    request: StepRequest
    settings: Settings
    seen: dict[str, Evidence] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _records: dict[str, str] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)

    @property
    def clock(self) -> Clock:
        """Return the clock that evidence is dated by."""
        return self.settings.clock

    @property
    def now(self) -> datetime:
        """Return the current time in UTC."""
        return self.settings.clock.now()

    @property
    def left(self) -> timedelta:
        """Return what is left of the step's wall-clock budget."""
        return self.request.deadline - timedelta(seconds=time.monotonic() - self._begun)

    def folder(self, name: str) -> Path:
        """Return the folder `name` of this incident's work; git runs elsewhere, so its path is absolute."""
        return Path(self.request.workdir).resolve() / name

    @property
    def areas(self) -> tuple[AffectedArea, ...]:
        """Return the areas that the workflow knows."""
        return self.request.workflow.areas if self.request.workflow else ()

    @property
    def service(self) -> Service:
        """Return the service.

        Raises:
            StepFailed: when the incident names none of the catalogue.
        """
        if self.request.service is None:
            raise StepFailed(
                "The incident names no service of the catalogue, so there is nothing to read or to change.",
                remedy="Name the service with `/incident update`, or take the step over by hand.",
            )
        return self.request.service

    def see(self, *items: Evidence) -> list[str]:
        """Keep `items` and return their ids, to be cited."""
        for item in items:
            self.seen[item.id] = item
        return [item.id for item in items]

    def claim(self, text: str, cited: Iterable[str], verdict: Verdict = Verdict.LIKELY) -> Claim:
        """Return a claim that cites evidence of this case."""
        return Claim(text=evidence.shorten(text, MAX_CLAIM), verdict=verdict, evidence=list(dict.fromkeys(cited)))

    def missing(self, fault: ToolFailed) -> None:
        """Note a source that could not be read; people see it under the step."""
        self.note(str(fault))

    def note(self, text: str) -> None:
        """Note something that people must know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def said(self) -> str:
        """Return everything people wrote about the incident."""
        incident = self.request.incident
        return areas.report(incident.title, incident.known, incident.facts)

    def reported(self) -> str:
        """Return the id of the evidence that holds what people reported."""
        incident = self.request.incident
        return self._keep("report", EvidenceKind.PERSON, f"report by {incident.reporter}", self.said(), incident.title)

    def earlier(self, name: str, model: type[Model]) -> Model | None:
        """Return the output `name` of an earlier step; None where there is none that can be read."""
        value = self.request.inputs.get(name)
        if value is None:
            return None
        try:
            return model.model_validate(value)
        except ValidationError:
            self.note(f"The earlier output `{name}` has another form than this step reads; it was left out.")
            return None

    def earlier_list(self, name: str, model: type[Model]) -> tuple[Model, ...]:
        """Return the output `name` of an earlier step that is a list; empty where there is none that can be read."""
        try:
            items = TypeAdapter(list[Any]).validate_python(self.request.inputs.get(name) or [])
            return tuple(model.model_validate(item) for item in items)
        except ValidationError:
            self.note(f"The earlier output `{name}` has another form than this step reads; it was left out.")
            return ()

    def record(self, name: str) -> str:
        """Return the id of the evidence that holds the earlier output `name`."""
        content = readable(self.request.inputs.get(name))
        summary = f"{name.replace('_', ' ')}, as recorded"
        kind = _EXECUTIONS.get(name, EvidenceKind.RECORD)
        return self._keep(name, kind, f"record of {self.request.incident.key}: {name}", content, summary)

    def step_record(self, step: str, *, kind: EvidenceKind = EvidenceKind.RECORD) -> str:
        """Return the id of the evidence that holds what the earlier `step` brought; `kind` says how it was come by."""
        content = readable(dict(self.request.earlier.get(step, {})))
        source = f"record of {self.request.incident.key}: step {step}"
        return self._keep(f"{step} as {kind}", kind, source, content, f"what step {step} brought, as recorded")

    def lines(self, name: str, lines: Iterable[str]) -> str:
        """Return the id of the evidence that holds these lines of the incident's record (timeline, notices)."""
        text = "\n".join(lines)
        count = len(text.splitlines())
        summary = f"{name}, {count} line{'' if count == 1 else 's'}"
        return self._keep(name, EvidenceKind.RECORD, f"record of {self.request.incident.key}: {name}", text, summary)

    def _keep(self, name: str, kind: EvidenceKind, source: str, content: str, summary: str) -> str:
        if name not in self._records:
            item = evidence.capture(kind, source, content, summary=summary, captured_at=self.now)
            self._records[name] = self.see(item)[0]
        return self._records[name]


def readable(value: JsonValue, indent: int = 0) -> str:
    """Return a JSON value as indented text that people read more easily than JSON."""
    pad = "  " * indent
    if isinstance(value, Mapping):
        return "\n".join(
            _entry(f"{pad}{name}:", item, indent) for name, item in value.items() if item not in (None, [])
        )
    if isinstance(value, list):
        return "\n".join(_entry(f"{pad}-", item, indent) for item in value)
    return f"{pad}{value}"


def _entry(lead: str, value: JsonValue, indent: int) -> str:
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict | list) for item in value)):
        return f"{lead}\n{readable(value, indent + 1)}"
    if isinstance(value, list):
        return f"{lead} {', '.join(str(item) for item in value)}"
    return f"{lead} {value if isinstance(value, str) else json.dumps(value)}"
