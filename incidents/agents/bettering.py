"""Joins what the playbook executed with what an agent answered: facts stay, words may be better."""

import dataclasses

from incidents.agents import citations, masking, overlay, prompts
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.outputs import Output


def typed(draft: StepResult) -> Output:
    """Return the draft's output as one of the typed ones; raises TypeError where it is none."""
    if not isinstance(draft.output, Output):
        raise TypeError(f"{type(draft.output).__name__} is not one of the typed outputs")
    return draft.output


def better(request: StepRequest, draft: StepResult, answer: Output, *, runner: str) -> StepResult:
    """Return `draft` in the words of `answer`, less what no evidence backs."""
    was = typed(draft)
    laid = masking.masked(overlay.lay(was, answer))
    checked, review = citations.check(laid, draft.evidence, seen=prompts.shown(request, draft))
    return dataclasses.replace(
        draft, output=overlay.refill(was, checked), runner=runner, notes=(*draft.notes, *review.notes())
    )
