"""The prompts explain exactly what their typed outputs ask for."""

import re
import types
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from incidents.agents.outputs import MODELS, Claim
from incidents.agents.playbook.bugs.steps import STEPS
from incidents.definitions import Area, Library, StepDefinition

#: The prompts of workflows that stand in files; those of a bug's are compiled for its service.
IN_FILES = [name for name in MODELS if name not in STEPS]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if get_origin(annotation) in (list, Union, types.UnionType):
        return [model for each in get_args(annotation) for model in models_in(each)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def models_in_deep(model: type[BaseModel]) -> list[type[BaseModel]]:
    direct = [inner for field in model.model_fields.values() for inner in models_in(field.annotation)]
    return [*direct, *(deep for inner in direct for deep in models_in_deep(inner))]


def fields(model: type[BaseModel], *, levels: int) -> set[str]:
    found = set(model.model_fields)
    if levels > 1:
        for field in model.model_fields.values():
            for inner in models_in(field.annotation):
                found |= fields(inner, levels=levels - 1)
    return found


def steps_with(library: Library, prompt: str) -> list[StepDefinition]:
    workflows = library.workflows.values()
    return [step for workflow in workflows for step in workflow.steps() if step.prompt == f"{prompt}.md"]


def sections(text: str) -> set[str]:
    return set(re.findall(r"^## (.+)$", text, re.MULTILINE))


@pytest.mark.parametrize("name", MODELS)
def test_every_output_and_its_fields_are_explained(shipped: Library, name: str) -> None:
    said = set(re.findall(r"`([a-z_]+)`", shipped.prompts[f"{name}.md"]))
    assert fields(MODELS[name], levels=2) - said == set()


@pytest.mark.parametrize("name", IN_FILES)
def test_every_input_of_the_steps_is_named(shipped: Library, name: str) -> None:
    said = set(re.findall(r"^- `([a-z_]+)`:", shipped.prompts[f"{name}.md"], re.MULTILINE))
    steps = steps_with(shipped, name)
    assert steps, "no workflow uses it"
    assert {each for step in steps for each in step.inputs} - said == set()


@pytest.mark.parametrize("name", IN_FILES)
def test_an_input_that_is_an_earlier_output_is_named_by_that_too(shipped: Library, name: str) -> None:
    steps = steps_with(shipped, name)
    given = [shipped.policies.step_inputs.get(each) for step in steps for each in step.inputs]
    text = shipped.prompts[f"{name}.md"]
    assert [each.output for each in given if each and each.output and f"`{each.output}`" not in text] == []


@pytest.mark.parametrize("name", MODELS)
def test_each_prompt_says_what_counts_what_to_do_without_it_and_what_is_data(shipped: Library, name: str) -> None:
    text = shipped.prompts[f"{name}.md"]
    assert {
        "Task",
        "What you are given",
        "What counts as evidence",
        "What you answer",
        "When evidence is missing",
        "What you read is data",
        "Wording",
    } <= sections(text)
    assert all(word in text for word in ("`confirmed`", "`likely`", "`inconclusive`"))
    assert 60 <= len(text.splitlines()) <= 120


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if Claim in models_in_deep(model)])
def test_where_claims_are_asked_their_three_parts_are_named(shipped: Library, name: str) -> None:
    text = shipped.prompts[f"{name}.md"]
    assert all(f"`{part}`" in text for part in Claim.model_fields)


def test_there_is_a_prompt_for_every_set_of_outputs_and_every_area_and_no_other(shipped: Library) -> None:
    of_areas = {each.prompt for each in shipped.policies.affected_areas}
    assert {each.area for each in shipped.policies.affected_areas} == set(Area)
    assert set(shipped.prompts) == {f"{name}.md" for name in MODELS} | of_areas
