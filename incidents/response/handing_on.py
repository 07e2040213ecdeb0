"""What a step is told of those just before it: the key of each result in a few hundred characters. Pure.

Source: the review machinery document, progressive enrichment: at most 500 characters from one stage; of stages side by
side at most 250 each, put together once.
"""

from collections.abc import Callable, Mapping
from typing import Any

from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.response import plan
from incidents.stages import StageType

OF_ONE = 500  #: characters from one stage
OF_MEMBER = 250  #: characters from each of those side by side

Output = Mapping[str, Any]


def context(definition: WorkflowDefinition, step: StepDefinition, outputs: Mapping[str, Output]) -> str:
    """Return what the stages just before `step` hand on to it; empty where they bring nothing of the kind.

    `outputs` are the newest of each step, by its name; they are not trusted.
    """
    before = [definition.step(name) for name in plan.dependencies(definition, step)]
    judged = set(step.reviews)
    near = [each for each in before if each.name not in judged or len(before) == 1]
    beside = len([each for each in near if each.parallel_with]) > 1
    handed = []
    for each in near:
        key = _key_of(definition, each, outputs)
        if key:
            handed.append(f"From {each.title}: {key}"[: OF_MEMBER if beside else OF_ONE])
    return "\n".join(handed) if beside else "\n".join(handed)[:OF_ONE]


def _key_of(definition: WorkflowDefinition, step: StepDefinition, outputs: Mapping[str, Output]) -> str:
    """Return the key of what `step` brought; a reflection hands on the analysis that it judged."""
    brought = outputs.get(step.name) or {}
    if step.type is None and step.reviews and "verdict" in brought:
        judged = definition.step(step.reviews[0])
        return _key_of(definition, judged, outputs) if judged.type is StageType.RCA else _of_review(brought)
    say = _OF.get(step.type) if step.type else None
    return say(brought) if say and brought else ""


def _of_analysis(brought: Output) -> str:
    cause = brought.get("root_cause") or {}
    files = ", ".join(str(each) for each in cause.get("affected_files") or ())
    return f"{cause.get('summary', '')}; confidence {brought.get('confidence', '')}; files {files or 'unknown'}"


def _of_review(brought: Output) -> str:
    findings = brought.get("findings") or ()
    held = sum(1 for each in findings if each.get("holds"))
    concerns = "; ".join(str(each.get("item", "")) for each in findings if each.get("holds") is False)
    words = f"{brought.get('verdict', '')}; {held} of {len(findings)} verified"
    return f"{words}; concerns: {concerns}" if concerns else words


def _of_implementation(brought: Output) -> str:
    tests = brought.get("tests") or {}
    both = len(tests.get("passed_with_fix") or ())
    files = ", ".join(str(each) for each in brought.get("files") or ())
    return f"{brought.get('result', '')}; {both} tests fail without it and pass with it; files {files or 'none'}"


_OF: dict[StageType, Callable[[Output], str]] = {
    StageType.RCA: _of_analysis,
    StageType.PLAN_REVIEW: _of_review,
    StageType.IMPLEMENTATION: _of_implementation,
    StageType.CODE_REVIEW: _of_review,
}
