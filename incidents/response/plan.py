"""Which steps may run next, and what the others wait for. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from incidents.definitions import ApprovalKind, StepDefinition, WorkflowDefinition
from incidents.response.decisions import DECISIONS

PRELIMINARY = "/preliminary"  #: stands behind the name of a step whose first results are enough
_WHOLE_STAGE = re.compile(r"Phase (\d+)", re.IGNORECASE)


class StepState(StrEnum):
    """Where a step stands."""

    QUEUED = "queued"  #: its dependencies or gates are not there yet
    READY = "ready"  #: may be claimed
    RUNNING = "running"  #: an agent is at work; the row has an owner and a lease
    WAITING = "waiting"  #: a person must decide first
    DONE = "done"
    FAILED = "failed"  #: retry, or take it over
    SKIPPED = "skipped"  #: the workflow as re-planned does not need it
    TAKEN_OVER = "taken_over"  #: a person did it by hand
    STOPPED = "stopped"


#: A step in one of these holds nobody up.
FINISHED = frozenset({StepState.DONE, StepState.SKIPPED, StepState.TAKEN_OVER})


@dataclass(frozen=True)
class Waits:
    """Why a step cannot start yet."""

    steps: tuple[str, ...] = ()
    gates: tuple[int, ...] = ()  #: stages whose quality gates do not hold
    approval: ApprovalKind | None = None


def dependencies(definition: WorkflowDefinition, step: StepDefinition) -> tuple[str, ...]:
    """Return the names of all steps that must be finished before `step`; `Phase N` means all of that stage."""
    return _named(definition, step.depends_on)


def enough_early(definition: WorkflowDefinition, step: StepDefinition) -> frozenset[str]:
    """Return the names of the steps whose first results are enough for `step`.

    Whoever waits for a whole stage as well waits for all of its steps, also of those whose first results it uses.
    """
    early = [word for word in step.depends_on if word.endswith(PRELIMINARY)]
    whole = [word for word in step.depends_on if not word.endswith(PRELIMINARY)]
    return frozenset(_named(definition, early)) - {*_named(definition, whole)}


def _named(definition: WorkflowDefinition, words: Iterable[str]) -> tuple[str, ...]:
    names: list[str] = []
    for word in words:
        stage = _WHOLE_STAGE.match(word)
        if stage:
            names += [each.name for each in definition.stages[int(stage[1]) - 1].steps]
        else:
            names.append(word.split("/")[0])
    return tuple(dict.fromkeys(names))


def unmet(
    definition: WorkflowDefinition,
    step: StepDefinition,
    states: Mapping[str, StepState],
    preliminary: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Return the steps that `step` still waits for; `4.1/preliminary` waits for the first results of 4.1 only.

    `preliminary` names the steps that run and have brought first results.
    """
    partly = enough_early(definition, step)
    return tuple(
        name
        for name in dependencies(definition, step)
        if states.get(name) not in FINISHED and not (name in partly and name in preliminary)
    )


def is_awaited_early(definition: WorkflowDefinition, name: str) -> bool:
    """Tell whether a step waits for the first results of the step `name`."""
    return any(name in enough_early(definition, step) for step in definition.steps())


def gates_before(definition: WorkflowDefinition, step: StepDefinition) -> tuple[int, ...]:
    """Return the stages whose quality gates must hold before `step`.

    These are the earlier stages it builds on and those it names; a deploy also needs its own stage's (staging,
    rollback, monitoring), which would come too late afterwards.
    """
    own = definition.stage_of(step.name).number
    earlier = {definition.stage_of(name).number for name in dependencies(definition, step)}
    named = {int(word) for word in step.gates}
    if step.approval is not None and DECISIONS[step.approval].irreversible:
        named.add(own)
    return tuple(sorted({number for number in earlier if number < own} | named))


def waits(
    definition: WorkflowDefinition,
    step: StepDefinition,
    states: Mapping[str, StepState],
    gates: Mapping[int, bool],
    approved: frozenset[str],
    preliminary: frozenset[str] = frozenset(),
) -> Waits:
    """Return what `step` waits for; empty means it may start.

    `gates` says for each stage number whether all its gates hold; `approved` names the steps whose approval was given,
    `preliminary` those that run and have brought first results.
    """
    steps = unmet(definition, step, states, preliminary)
    if steps:
        return Waits(steps=steps)
    closed = tuple(number for number in gates_before(definition, step) if not gates.get(number, True))
    undecided = step.approval if step.name not in approved else None
    if closed and undecided is not None and DECISIONS[undecided].irreversible:
        # A deploy is asked about when all that speaks for it is there; a fix can be chosen while gates are attested.
        return Waits(gates=closed)
    return Waits(gates=closed, approval=undecided)


def ready(
    definition: WorkflowDefinition,
    states: Mapping[str, StepState],
    gates: Mapping[int, bool],
    approved: frozenset[str],
    preliminary: frozenset[str] = frozenset(),
    asked: frozenset[str] = frozenset(),
) -> tuple[tuple[str, ...], dict[str, Waits]]:
    """Return the steps that may start now, and what each other unstarted step waits for.

    `asked` names the steps that wait for people's answer to a question.
    """
    may_start: list[str] = []
    held: dict[str, Waits] = {}
    for step in definition.steps():
        if states.get(step.name) not in (StepState.QUEUED, StepState.WAITING) or step.name in asked:
            continue
        wait = waits(definition, step, states, gates, approved, preliminary)
        if wait == Waits():
            may_start.append(step.name)
        else:
            held[step.name] = wait
    return tuple(may_start), held


def downstream(definition: WorkflowDefinition, name: str) -> tuple[str, ...]:
    """Return every step that builds on `name`, directly or not, in the order of the definition."""
    reached = {name}
    for step in definition.steps():
        if reached & set(dependencies(definition, step)):
            reached.add(step.name)
    return tuple(step.name for step in definition.steps() if step.name in reached and step.name != name)


def stage_finished(definition: WorkflowDefinition, number: int, states: Mapping[str, StepState]) -> bool:
    """Return whether every step of the stage is finished."""
    stage = next(stage for stage in definition.stages if stage.number == number)
    return all(states.get(step.name) in FINISHED for step in stage.steps)
