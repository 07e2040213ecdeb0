"""Workflows in a terminal: which there are, and one whole with its steps and what decides its end."""

from collections.abc import Iterator
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from bot.cli.workflows import choosing, reckoning
from incidents import durations
from incidents.definitions import Begin, Library, Stage, StepDefinition, WorkflowDefinition
from incidents.response import plan
from incidents.stages import AtLimit

CRITICAL = "bold red"  # the steps that decide when it is over
_MARK = "●"
_COLUMNS = 8  # of every table; a ninth says what reviews do


def listing(library: Library) -> Table:
    """Return a table of all workflows."""
    table = Table("Workflow", "Answers", "Phases", "Steps", "Decisions", "At most", box=None, pad_edge=False)
    answers: dict[str, list[str]] = {}
    for severity, level in library.policies.severity_levels.items():
        answers.setdefault(level.workflow, []).append(severity.value)
    for name, definition in choosing.everything(library).items():
        if definition.pipeline is not None:
            answers[name] = ["bugs"]
        decisions = sum(step.approval is not None for step in definition.steps())
        table.add_row(
            name,
            ", ".join(answers.get(name, [])) or "-",
            str(len(definition.stages)),
            str(len(definition.steps())),
            str(decisions),
            durations.spoken(reckoning.of(definition).whole),
        )
    return table


def shown(definition: WorkflowDefinition) -> Iterator[Text | Table]:
    """Yield what describes one workflow: a head, a table for each phase, and the critical path."""
    reckoned = reckoning.of(definition)
    yield Text(definition.title, "bold").append(f"  {definition.name}, {answered(definition)}", "dim")
    for stage in definition.stages:
        yield _heading(stage, reckoned.longest[stage.number])
        yield _steps(definition, stage, reckoned)
    yield Text()
    path = " → ".join(reckoned.critical)
    yield Text("Critical path ", "bold").append(path, CRITICAL).append(f", {durations.spoken(reckoned.whole)}")
    yield Text("Budgets in sequence; what people take to decide is not counted.", "dim")


def answered(definition: WorkflowDefinition) -> str:
    """Return what the workflow is for, and when it begins."""
    if definition.pipeline is not None:
        times = definition.pipeline.max_iterations
        return f"bugs of any severity, at most {times} reviews done again, then people decide"
    begins = ", begins on the next business day" if definition.begins is Begin.NEXT_BUSINESS_DAY else ""
    return f"{definition.severity}{begins}"


def _heading(stage: Stage, longest: timedelta) -> Text:
    heading = Text(f"\nPhase {stage.number}  {stage.title}", "bold").append("  ")
    heading.append(f"{stage.window}, " if stage.window else "", "dim")
    heading.append(f"budgets of {durations.spoken(longest)} in sequence", "dim")
    if stage.gates:
        heading.append("\nGates  ", "cyan").append(", ".join(words(gate) for gate in stage.gates), "dim")
    return heading


def words(name: str) -> str:
    """Return a name of the files as people read it: `root_cause_identified` as `root cause identified`."""
    return name.replace("_", " ")


def _steps(definition: WorkflowDefinition, stage: Stage, reckoned: reckoning.Reckoned) -> Table:
    table = Table(
        " ", "Step", "What", "Agent", "Budget", "After", "Beside", "Before it starts", box=None, pad_edge=False
    )
    if any(map(afterwards, stage.steps)):
        table.add_column("And then")
    for step in stage.steps:
        critical = step.name in reckoned.critical
        table.add_row(
            Text(_MARK if critical else " ", CRITICAL),
            Text(step.name, CRITICAL if critical else "bold"),
            step.title,
            who(step),
            durations.spoken(step.duration),
            ", ".join(_awaited(step)) or "-",
            ", ".join(step.parallel_with) or "-",
            _held(definition, step),
            *([afterwards(step)] if len(table.columns) > _COLUMNS else []),
        )
    return table


def who(step: StepDefinition) -> str:
    """Return who does the step: its agent, or those that the affected area chooses from, and by what means."""
    agents = " or ".join(dict.fromkeys((*step.agent, *step.areas.values())))
    means = " ".join(filter(None, (step.provider.value if step.provider else "", step.model)))
    return f"{agents}{', by the affected area' if len(step.agent) > 1 else ''}{f', with {means}' if means else ''}"


def afterwards(step: StepDefinition) -> str:
    """Return what becomes of a step that judges others, or that may fail."""
    if step.optional:
        return "holds nobody up"
    if not step.reviews:
        return ""
    limit = f"at most {step.passes} times, then {_AT_LIMIT[step.at_limit]}" if step.passes else "within the run's limit"
    return f"sends {', '.join(step.reviews)} back, {limit}"


_AT_LIMIT = {AtLimit.ASK: "people decide", AtLimit.GO_ON: "it goes on"}


def _awaited(step: StepDefinition) -> list[str]:
    return [
        f"first results of {word.removesuffix(plan.PRELIMINARY)}" if word.endswith(plan.PRELIMINARY) else word
        for word in step.depends_on
    ]


def _held(definition: WorkflowDefinition, step: StepDefinition) -> Text:
    held = Text()
    if step.approval is not None:
        held.append(f"{words(step.approval.value)} approved", "yellow")
    if stages := closing(definition, step):
        held.append(", " if held else "").append(gates_of(stages), "cyan")
    return held or Text("-")


def closing(definition: WorkflowDefinition, step: StepDefinition) -> tuple[int, ...]:
    """Return the phases whose gates hold `step` up; a phase without gates holds nobody."""
    having = {stage.number for stage in definition.stages if stage.gates}
    return tuple(number for number in plan.gates_before(definition, step) if number in having)


def gates_of(stages: tuple[int, ...]) -> str:
    """Return which phases' gates are meant, for people: `gates of phases 2, 3`."""
    return f"gates of phase{'s' if len(stages) > 1 else ''} {', '.join(map(str, stages))}"
