"""How long a workflow takes by its budgets, and which steps decide that. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from incidents.definitions import WorkflowDefinition
from incidents.response.forecast import forecast

_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)  # any moment: only what passes from it on is told


@dataclass(frozen=True)
class Reckoned:
    """What the budgets of the steps come to."""

    critical: tuple[str, ...]  #: the steps that decide when it is over, in their order
    whole: timedelta  #: from the first step's start to the last one's end
    longest: Mapping[int, timedelta]  #: of each phase, from its first step's start to its last one's end, by number


def of(definition: WorkflowDefinition) -> Reckoned:
    """Return what the budgets come to when each step takes all of its own and nobody is waited for."""
    found = forecast(definition, {}, _BEGIN)
    longest = {}
    for stage in definition.stages:
        spans = [found.spans[step.name] for step in stage.steps]
        ends = max((span.end for span in spans), default=_BEGIN)
        longest[stage.number] = ends - min((span.start for span in spans), default=_BEGIN)
    return Reckoned(found.critical, (found.ends_at or _BEGIN) - _BEGIN, longest)
