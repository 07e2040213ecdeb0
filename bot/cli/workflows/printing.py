"""Workflows in a terminal: which there are, and one whole with its steps and what decides its end."""

from collections.abc import Iterator
from datetime import timedelta

from rich.table import Table
from rich.text import Text

from bot.cli.workflows import reckoning
from incidents import durations
from incidents.definitions import Begin, Library, Stage, StepDefinition, WorkflowDefinition
from incidents.response import plan

CRITICAL = "bold red"  # the steps that decide when it is over
_MARK = "●"


def listing(library: Library) -> Table:
    """Return a table of all workflows."""
    table = Table("Workflow", "Answers", "Phases", "Steps", "Decisions", "At most", box=None, pad_edge=False)
    answers: dict[str, list[str]] = {}
    for severity, level in library.policies.severity_levels.items():
        answers.setdefault(level.workflow, []).append(severity.value)
    for name, definition in library.workflows.items():
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
    begins = ", begins on the next business day" if definition.begins is Begin.NEXT_BUSINESS_DAY else ""
    yield Text(definition.title, "bold").append(f"  {definition.name}, {definition.severity}{begins}", "dim")
    for stage in definition.stages:
        yield _heading(stage, reckoned.longest[stage.number])
        yield _steps(definition, stage, reckoned)
    yield Text()
    path = " → ".join(reckoned.critical)
    yield Text("Critical path ", "bold").append(path, CRITICAL).append(f", {durations.spoken(reckoned.whole)}")
    yield Text("Budgets in sequence; what people take to decide is not counted.", "dim")


def _heading(stage: Stage, longest: timedelta) -> Text:
    heading = Text(f"\nPhase {stage.number}  {stage.title}", "bold").append(f"  {stage.window}", "dim")
    heading.append(f", budgets of {durations.spoken(longest)} in sequence", "dim")
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
    for step in stage.steps:
        critical = step.name in reckoned.critical
        table.add_row(
            Text(_MARK if critical else " ", CRITICAL),
            Text(step.name, CRITICAL if critical else "bold"),
            step.title,
            " or ".join(step.agent),
            durations.spoken(step.duration),
            ", ".join(_awaited(step)) or "-",
            ", ".join(step.parallel_with) or "-",
            _held(definition, step),
        )
    return table


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
