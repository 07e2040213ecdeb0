"""When a run will be over, by the budgets of its steps, and which of them decide that. Pure.

People's decisions have no budget and are not counted: what waits for one is assumed to go on now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incidents.definitions import Phase, StepDefinition, WorkflowDefinition
from incidents.response import plan
from incidents.response.plan import FINISHED, StepState


@dataclass(frozen=True)
class Stand:
    """How far one step is."""

    state: StepState
    started_at: datetime | None = None  #: UTC; of the newest attempt
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Span:
    """From when to when a step runs, or ran; UTC."""

    start: datetime
    end: datetime
    after: str = ""  #: the unfinished step whose end it waits for last; empty where it waits for none
    over: timedelta = timedelta(0)  #: how far a step that runs is over its budget


@dataclass(frozen=True)
class Forecast:
    """When each unfinished step is expected to end, and which steps the end depends on."""

    spans: Mapping[str, Span] = field(default_factory=dict)  #: of the unfinished steps
    critical: tuple[str, ...] = ()  #: the unfinished steps that decide when the last one ends, in their order
    ends_at: datetime | None = None  #: UTC; None where nothing is left to do


def forecast(
    definition: WorkflowDefinition,
    stands: Mapping[str, Stand],
    now: datetime,
    *,
    begins_at: datetime | None = None,
    until: Iterable[str] | None = None,
) -> Forecast:
    """Return when the unfinished steps end if each takes its budget from when it can start.

    A step that runs ends by its budget, or now where that is used up. `begins_at` is when the run may begin at all;
    `until` names the steps whose end is asked for, by default all of them.
    """
    spans: dict[str, Span] = {}
    first = max(now, begins_at) if begins_at else now
    for step in _in_order(definition):
        if stands.get(step.name, _UNKNOWN).state not in FINISHED:
            spans[step.name] = _span(definition, step, stands.get(step.name, _UNKNOWN), spans, now, first)
    wanted = {name: spans[name] for name in (until if until is not None else spans) if name in spans}
    if not wanted:
        return Forecast(spans)
    last = max(wanted, key=lambda name: wanted[name].end)
    return Forecast(spans, _chain(spans, last), wanted[last].end)


def restores(definition: WorkflowDefinition) -> tuple[str, ...]:
    """Return the steps after which users are served again: all that come before the analysis."""
    return tuple(step.name for step in definition.steps() if step.phase is not Phase.POSTMORTEM)


_UNKNOWN = Stand(StepState.QUEUED)


def _span(
    definition: WorkflowDefinition,
    step: StepDefinition,
    stand: Stand,
    spans: Mapping[str, Span],
    now: datetime,
    first: datetime,
) -> Span:
    if stand.state is StepState.RUNNING and stand.started_at is not None:
        due = stand.started_at + step.duration
        return Span(stand.started_at, max(due, now), over=max(now - due, timedelta(0)))
    partly = plan.enough_early(definition, step)
    # First results come while the step goes on; when is not known, so that it starts is all that can be counted.
    waits = {
        name: spans[name].start if name in partly else spans[name].end
        for name in plan.dependencies(definition, step)
        if name in spans
    }
    latest = max(waits, key=lambda name: waits[name], default="")
    start = max(first, waits[latest]) if latest else first
    return Span(start, start + step.duration, after=latest)


def _chain(spans: Mapping[str, Span], last: str) -> tuple[str, ...]:
    chain = [last]
    while spans[chain[0]].after:
        chain.insert(0, spans[chain[0]].after)
    return tuple(chain)


def _in_order(definition: WorkflowDefinition) -> list[StepDefinition]:
    """Return the steps so that each stands behind all that it depends on."""
    left, placed, ordered = list(definition.steps()), set[str](), list[StepDefinition]()
    while left:
        ready = [step for step in left if placed.issuperset(plan.dependencies(definition, step))]
        # A definition with a circle is refused when it is loaded; one that slipped through must not hang a card.
        for step in ready or left:
            ordered.append(step)
            placed.add(step.name)
        left = [step for step in left if step.name not in placed]
    return ordered
