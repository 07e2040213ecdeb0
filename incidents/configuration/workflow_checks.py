"""Checks that a workflow's steps can run: known dependencies, no cycle, inputs that come from somewhere."""

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import advise
from incidents.configuration.reader import Reader
from incidents.configuration.workflows import Loaded
from incidents.definitions import ApprovalKind, StepDefinition, StepInput, WorkflowDefinition

#: The output by which a step says that it deployed.
DEPLOYS = "deployment_status"


def prerequisites(workflow: WorkflowDefinition, step: StepDefinition) -> frozenset[str]:
    """Return the names of the steps that `step` waits for directly; `Phase 1` stands for all of its steps."""
    names: set[str] = set()
    for dependency in step.depends_on:
        stage = next((each for each in workflow.stages if dependency == f"Phase {each.number}"), None)
        names |= {each.name for each in stage.steps} if stage else {dependency.removesuffix("/preliminary")}
    return frozenset(names)


def check(
    reader: Reader,
    loaded: Loaded,
    *,
    output_fields: Mapping[str, Collection[str]],
    inputs: Mapping[str, StepInput] | None,
    decided_from: Mapping[ApprovalKind, str],
) -> None:
    """Note every step that cannot run as it stands.

    `output_fields` are the fields that each prompt's answers have, by prompt name without .md. `inputs` are those that
    step_inputs.yml provides, or None where that file could not be read. `decided_from` says of which output the subject
    of an approval is made.
    """
    workflow = loaded.definition
    before = {step.name: prerequisites(workflow, step) for step in workflow.steps()}
    if not (_dependencies_known(reader, loaded) and _no_cycle(reader, loaded, before)) or loaded.has_unread:
        return  # what follows would only repeat it
    ancestors = _ancestors(before)
    for step in workflow.steps():
        keys = loaded.steps[step.name]
        _check_parallel(reader, step, keys.get("parallel_with"), workflow, ancestors)
        _check_outputs(reader, step, keys.get("outputs"), output_fields)
        if inputs is not None:
            _check_inputs(reader, step, keys.get("inputs"), _outputs_of(workflow, ancestors[step.name]), inputs)
        _check_approval(reader, step, keys, _outputs_of(workflow, ancestors[step.name]), decided_from)
    _check_repeated_outputs(reader, loaded)


def _dependencies_known(reader: Reader, loaded: Loaded) -> bool:
    workflow = loaded.definition
    known = {step.name for step in workflow.steps()}
    phases = {f"Phase {stage.number}" for stage in workflow.stages}
    found = True
    for step in workflow.steps():
        entry = loaded.steps[step.name].get("depends_on")
        for dependency in step.depends_on:
            name = dependency.removesuffix("/preliminary")
            if entry is not None and name not in known | phases:
                found = False
                what = f"there is no {name if name.startswith('Phase') else f'step {name}'} in this workflow"
                here = f"Phases here: {', '.join(sorted(phases))}" if name.startswith("Phase") else _steps_here(known)
                reader.mistake(entry, what, here)
    return found


def _steps_here(known: Iterable[str]) -> str:
    return f"Steps here: {', '.join(sorted(known))}"


def _no_cycle(reader: Reader, loaded: Loaded, before: Mapping[str, Collection[str]]) -> bool:
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        circle: list[str] = list(reversed(error.args[1]))
        what = f"these steps wait for each other: {' → '.join(circle)}"
        entry = loaded.steps[circle[0]].get("depends_on", loaded.places[circle[0]])
        reader.mistake(entry, what, "Remove one of the dependencies")
        return False
    return True


def _ancestors(before: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(before).static_order():
        direct = before[name]
        found[name] = frozenset(direct).union(*(found[each] for each in direct))
    return found


def _check_parallel(
    reader: Reader,
    step: StepDefinition,
    entry: Entry | None,
    workflow: WorkflowDefinition,
    ancestors: Mapping[str, Collection[str]],
) -> None:
    if entry is None:
        return
    steps = {each.name: each for each in workflow.steps()}
    for name in step.parallel_with:
        other = steps.get(name)
        if other is None:
            reader.mistake(entry, f"there is no step {name} in this workflow", _steps_here(steps))
        elif name in ancestors[step.name] and f"{name}/preliminary" not in step.depends_on:
            what = f"step {step.name} cannot run parallel with {name}, which it waits for"
            reader.mistake(entry, what, f"Remove Step {name} here or under depends_on")
        elif step.name not in other.parallel_with:
            what = f"step {name} does not say that it is parallel with {step.name}"
            reader.mistake(entry, what, f"Add Step {step.name} to parallel_with of step {name}, or remove it here")


def _check_outputs(
    reader: Reader, step: StepDefinition, entry: Entry | None, output_fields: Mapping[str, Collection[str]]
) -> None:
    fields = output_fields.get(step.prompt.removesuffix(".md"))
    if fields is None:
        return  # an unknown prompt is noted already
    for name, item in reader.words(entry):
        if name not in fields:
            reader.mistake(item, f"{step.prompt} brings no output {name}", advise(name, fields))


def _check_inputs(
    reader: Reader,
    step: StepDefinition,
    entry: Entry | None,
    outputs: Collection[str],
    provided: Mapping[str, StepInput],
) -> None:
    for name, item in reader.words(entry):
        given = provided.get(name)
        wanted = given.output if given and given.source == "step" else name
        if wanted in outputs or (given and given.source != "step"):
            continue
        if given:
            what = f"{name} is the output {wanted}, and no step that {step.name} waits for brings it"
            reader.mistake(item, what, "Add the step that brings it to depends_on")
        else:
            what = f"no step that {step.name} waits for brings {name}, and step_inputs.yml does not provide it"
            remedy = advise(name, [*outputs, *provided], otherwise="add the step that brings it to depends_on")
            reader.mistake(item, what, remedy)


def _check_approval(
    reader: Reader,
    step: StepDefinition,
    keys: Mapping[str, Entry],
    outputs: Collection[str],
    decided_from: Mapping[ApprovalKind, str],
) -> None:
    """Note an approval that nobody could give, and a deploy that nobody is asked about: each would wait for ever."""
    if step.approval is None:
        if DEPLOYS in step.outputs and "approval" not in keys:
            what = f"step {step.name} deploys, and no agent deploys what nobody approved"
            reader.mistake(keys["outputs"], what, f"Add approval: {ApprovalKind.DEPLOY.value}")
        return
    if step.approval is ApprovalKind.MITIGATE and "approval" in keys:
        what = "mitigate is asked when people choose how users are relieved, never by a workflow"
        reader.mistake(keys["approval"], what, "Remove the approval, or name another one")
    wanted = decided_from.get(step.approval, "")
    if wanted and wanted not in outputs and "approval" in keys:
        what = f"{step.approval.value} is decided from {wanted}, and no step that {step.name} waits for brings it"
        reader.mistake(keys["approval"], what, "Add the step that brings it to depends_on, or remove the approval")


def _outputs_of(workflow: WorkflowDefinition, steps: Collection[str]) -> frozenset[str]:
    return frozenset(name for step in workflow.steps() if step.name in steps for name in step.outputs)


def _check_repeated_outputs(reader: Reader, loaded: Loaded) -> None:
    owner: dict[str, str] = {}
    for step in loaded.definition.steps():
        for name, item in reader.words(loaded.steps[step.name].get("outputs")):
            if name in owner:
                what = f"{name} is brought by step {owner[name]} already"
                reader.mistake(item, what, "Let one step bring each output")
            owner.setdefault(name, step.name)
