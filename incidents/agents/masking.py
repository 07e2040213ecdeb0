"""Masks secrets in what an agent says, for it quotes logs, diffs and people."""

import dataclasses
from typing import Any, TypeVar

from incidents.agents.base import StepResult
from incidents.agents.outputs import Output
from incidents.errors import SitrepError
from incidents.tools import redaction

AnyOutput = TypeVar("AnyOutput", bound=Output)
AnyError = TypeVar("AnyError", bound=SitrepError)


def masked(output: AnyOutput) -> AnyOutput:
    """Return `output` with everything that looks like a credential masked in all its texts."""
    return output.model_copy(update={name: _masked(value) for name, value in output})


def result(brought: StepResult) -> StepResult:
    """Return what an agent brought as it may be kept and shown, whoever the agent is."""
    output = brought.output
    return dataclasses.replace(
        brought,
        output=masked(output) if isinstance(output, Output) else output,
        summary=redaction.redact(brought.summary),
        notes=tuple(map(redaction.redact, brought.notes)),
    )


def error(fault: AnyError) -> AnyError:
    """Return `fault` with its words masked: they quote what commands and servers said."""
    fault.message, fault.remedy = redaction.redact(fault.message), redaction.redact(fault.remedy)
    return fault


def _masked(value: Any) -> Any:
    if isinstance(value, Output):
        return masked(value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    # Members of closed sets are strings too, but no texts.
    return redaction.redact(value) if type(value) is str else value
