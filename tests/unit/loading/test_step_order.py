"""Any acyclic workflow loads, and every cycle is named."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents import loading
from incidents.agents.outputs import MODELS
from incidents.configuration import documents, workflow_checks, workflows
from incidents.configuration.mistakes import Mistakes
from incidents.configuration.reader import Reader
from incidents.errors import ConfigurationError

OUTPUTS = {name: tuple(model.model_fields) for name, model in MODELS.items()}


def text_of(dependencies: list[set[int]]) -> str:
    """Return a workflow of one phase whose step number n waits for the steps `dependencies[n]`."""
    steps = "".join(
        f"        Step 1.{number}:\n"
        "          title: A step\n"
        "          agent: reviewer\n"
        "          prompt: critical-incident-triage.md\n"
        f"          depends_on: [{', '.join(f'Step 1.{other}' for other in sorted(waits))}]\n"
        "          inputs: []\n"
        "          outputs: []\n"
        "          duration: 1m\n"
        "          priority: high\n"
        "          thread: stabilize\n"
        for number, waits in enumerate(dependencies)
    )
    return (
        "ours:\n  title: Ours\n  severity: low\n  phases:\n    Phase 1:\n      title: Only\n      window: 0-1h\n"
        f"      steps:\n{steps}"
    )


def check(dependencies: list[set[int]]) -> None:
    reader = Reader(Mistakes())
    file = documents.read("ours.yml", text_of(dependencies).encode(), reader.mistakes)
    assert file is not None
    loaded = workflows.read(reader, "ours", file, {})
    assert loaded is not None
    workflow_checks.check(reader, loaded, output_fields=OUTPUTS, inputs={}, decided_from={})
    reader.mistakes.raise_if_any()


@st.composite
def acyclic(draw: st.DrawFn) -> list[set[int]]:
    count = draw(st.integers(1, 7))
    return [draw(st.sets(st.integers(0, number - 1))) if number else set() for number in range(count)]


@given(acyclic())
def test_steps_that_wait_only_for_earlier_ones_load(dependencies: list[set[int]]) -> None:
    check(dependencies)


@given(acyclic(), st.data())
def test_a_step_that_closes_a_circle_is_refused(dependencies: list[set[int]], data: st.DataObject) -> None:
    number = len(dependencies)
    circle = data.draw(st.lists(st.integers(0, number - 1), min_size=1, unique=True))
    for step, other in pairwise([*circle, circle[0]]):
        dependencies[step].add(other)
    with pytest.raises(ConfigurationError, match="wait for each other"):
        check(dependencies)


def test_an_input_must_come_from_a_step_that_was_waited_for() -> None:
    # Step 2.1 of the shipped workflow uses what step 1.3 found; without the dependency nobody brings it.
    root = loading.templates_root() / "workflows" / "emergency_response.yml"
    text = root.read_text(encoding="utf-8").replace("depends_on: [Phase 1 Complete]", "depends_on: [Step 1.1]")
    reader = Reader(Mistakes())
    file = documents.read("emergency_response.yml", text.encode(), reader.mistakes)
    assert file is not None
    loaded = workflows.read(reader, "emergency_response", file, None)
    assert loaded is not None
    policies = loading.load(loading.templates_root(), None)[0].policies
    workflow_checks.check(reader, loaded, output_fields=OUTPUTS, inputs=policies.step_inputs, decided_from={})
    assert {mistake.what for mistake in reader.mistakes.found} >= {
        "root_cause_analysis is the output preliminary_root_cause, and no step that 2.1 waits for brings it",
        "no step that 2.2 waits for brings preliminary_root_cause, and step_inputs.yml does not provide it",
    }
