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
    handed = []
    for stage in _stages_before(definition, step):
        brought = outputs.get(stage.name)
        if stage.type is not None and brought:
            handed.append(f"From {stage.title}: {_OF[stage.type](brought)}")
    share = OF_MEMBER if len(handed) > 1 else OF_ONE
    return "\n".join(each[:share] for each in handed)


def _stages_before(definition: WorkflowDefinition, step: StepDefinition) -> list[StepDefinition]:
    """Return the nearest stages before `step`; what stands between them, and in other repositories, is passed over.

    What a review judges is given to it whole and is not repeated, unless nothing else stands before it.
    """
    found: list[StepDefinition] = []
    left = _before(definition, step)
    left = [name for name in left if name not in step.reviews] or left
    seen: set[str] = set()
    while left:
        name = left.pop(0)
        if name in seen:
            continue
        seen.add(name)
        each = definition.step(name)
        elsewhere = step.repository and each.repository not in ("", step.repository)
        if each.type is not None and not elsewhere:
            found.append(each)
        else:
            left += _before(definition, each)
    return found


def _before(definition: WorkflowDefinition, step: StepDefinition) -> list[str]:
    """Return what `step` waits for: in its own repository, where that holds anything."""
    names = plan.dependencies(definition, step)
    own = [name for name in names if step.repository and definition.step(name).repository == step.repository]
    return own or list(names)


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
