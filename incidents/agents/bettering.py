"""Joins what the playbook executed with what an agent answered: facts stay, words may be better."""

import dataclasses

from incidents.agents import citations, masking, overlay, prompts
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.outputs import Output
from incidents.agents.toolset import Toolset


def typed(draft: StepResult) -> Output:
    """Return the draft's output as one of the typed ones; raises TypeError where it is none."""
    if not isinstance(draft.output, Output):
        raise TypeError(f"{type(draft.output).__name__} is not one of the typed outputs")
    return draft.output


def better(
    request: StepRequest, draft: StepResult, answer: Output, *, runner: str, looked_up: Toolset | None = None
) -> StepResult:
    """Return `draft` in the words of `answer`, less what no evidence backs.

    `looked_up` is what the agent read besides the draft's evidence; what it names is then looked up in the repository
    (`verifying`) rather than compared with what it was shown.
    """
    was = typed(draft)
    read = tuple(looked_up.evidence.values()) if looked_up else ()
    seen = None if looked_up else prompts.shown(request, draft)
    # Checked first: what follows from a statement (no fact is missing any more) must not outlive it.
    checked, review = citations.check(masking.masked(answer), (*draft.evidence, *read), seen=seen)
    output = overlay.refill(was, overlay.lay(was, checked))
    # Of dozens of files that an agent leafed through, those are kept which carry something that it says.
    said = output.model_dump_json()
    cited = tuple(item for item in read if f'"{item.id}"' in said)
    return dataclasses.replace(
        draft,
        output=output,
        evidence=(*draft.evidence, *cited),
        runner=runner,
        notes=(*draft.notes, *review.notes()),
    )
