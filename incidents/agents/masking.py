"""Masks secrets in what an agent says, for it quotes logs, diffs and people."""

from typing import Any, TypeVar

from incidents.agents.outputs import Output
from incidents.tools import redaction

AnyOutput = TypeVar("AnyOutput", bound=Output)


def masked(output: AnyOutput) -> AnyOutput:
    """Return `output` with everything that looks like a credential masked in all its texts."""
    return output.model_copy(update={name: _masked(value) for name, value in output})


def _masked(value: Any) -> Any:
    if isinstance(value, Output):
        return masked(value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    # Members of closed sets are strings too, but no texts.
    return redaction.redact(value) if type(value) is str else value
