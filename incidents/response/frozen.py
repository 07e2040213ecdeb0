"""The frozen definition that a run keeps, and where in it an output comes from."""

from incidents import records, store
from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.response import plan

#: Frozen definitions by their digest: the whole installation runs a handful, and each step asks for its own many times.
_definitions: dict[str, WorkflowDefinition] = {}
_MOST_DEFINITIONS = 64


def definition_of(run: records.Run) -> WorkflowDefinition:
    """Return the frozen definition that the run keeps."""
    known = _definitions.get(run.digest)
    if known is None:
        # A newer version may have frozen it, with fields that this one has never heard of, while both serve.
        known = WorkflowDefinition.model_validate(run.definition, extra="ignore")
        if len(_definitions) >= _MOST_DEFINITIONS:
            _definitions.clear()
        _definitions[run.digest] = known
    return known


def upstream(run: records.Run, step: str) -> tuple[StepDefinition, ...]:
    """Return the steps that `step` builds on, directly or not, in the order of the definition."""
    definition = definition_of(run)
    return tuple(each for each in definition.steps() if step in plan.downstream(definition, each.name))


def source_of(run: records.Run, output: str, *, before: str = "") -> str:
    """Return the name of the run's step that brings `output`, or an empty string.

    Where several do, the last of those that the step `before` builds on.
    """
    built_on = [step.name for step in upstream(run, before) if output in step.outputs]
    if built_on:
        return built_on[-1]
    return next((step.name for step in definition_of(run).steps() if output in step.outputs), "")


def keep(tx: store.Tx, run: records.Run, definition: WorkflowDefinition) -> None:
    """Let the run go on under `definition`."""
    run.definition, run.digest = definition.model_dump(mode="json"), definition.digest()
    tx.session.add(run)
