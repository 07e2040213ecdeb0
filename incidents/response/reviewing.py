"""What follows from a review, or from an implementation that is not complete. Pure.

Source: the review machinery document, result handling: approved goes on, needs_changes sends back and reviews again at
the same stage, rejected and needs_clarification ask people; an implementation is complete, partial or failed. Limits:
the step's own passes (three of a reflection, two retries of a code review), and the run's `max_iterations` over all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from incidents.agents.planning import ImplementationState
from incidents.agents.reviews import ReviewVerdict
from incidents.definitions import StepDefinition
from incidents.response.questions import About
from incidents.stages import AtLimit, Provider, StageType


class Course(StrEnum):
    """How a run goes on after a step brought its result."""

    GO_ON = "go_on"
    AGAIN = "again"  #: the judged step, and then the review, are done again
    ASK = "ask"  #: people decide


@dataclass(frozen=True)
class Count:
    """How often things were done so far."""

    passes: int  #: reviews by this step, or attempts of this implementation, since people last decided
    iterations: int  #: reviews done again in the whole run since people last decided
    limit: int  #: of those


@dataclass(frozen=True)
class Ruling:
    """What follows."""

    course: Course
    words: str = ""  #: what must be done better, or what people are asked about
    about: About | None = None  #: what people are asked, for `ask`
    insisting: bool = False  #: goes on although faults were found


GOES_ON = Ruling(Course.GO_ON)


def of_review(step: StepDefinition, output: Mapping[str, Any], count: Count, *, by: str = "") -> Ruling:
    """Return what follows from the review that `step` brought; one that says nothing readable asks people.

    `by` is who reviewed in place of the external agent that was to; empty where nobody had to step in.
    """
    critique = str(output.get("critique") or "").strip()
    try:
        verdict = ReviewVerdict(str(output.get("verdict")))
    except ValueError:
        return Ruling(Course.ASK, "The review says neither yes nor no.", About.CLARIFICATION)
    match verdict:
        case ReviewVerdict.APPROVED if by:
            return Ruling(Course.ASK, "", About.REVIEWER_AWAY)
        case ReviewVerdict.APPROVED:
            return GOES_ON
        case ReviewVerdict.NEEDS_CLARIFICATION:
            return Ruling(Course.ASK, critique, About.CLARIFICATION)
        case ReviewVerdict.REJECTED if step.type is StageType.PLAN_REVIEW:
            return Ruling(Course.ASK, critique, About.PLAN_REJECTED)
        case ReviewVerdict.REJECTED if step.type is StageType.CODE_REVIEW and step.provider is Provider.COMMAND:
            return Ruling(Course.ASK, critique, About.CODE_REJECTED)
        case _:  # rejected by a model's reviewer: rework, as with needs_changes
            return _again(step, critique, count)


def _again(step: StepDefinition, critique: str, count: Count) -> Ruling:
    if step.passes and count.passes >= step.passes:
        if step.at_limit is AtLimit.GO_ON:
            return Ruling(Course.GO_ON, critique, insisting=True)
        return Ruling(Course.ASK, critique, About.PASSES)
    if count.iterations >= count.limit:
        return Ruling(Course.ASK, critique, About.ITERATIONS)
    return Ruling(Course.AGAIN, critique)


def of_implementation(output: Mapping[str, Any], count: Count) -> Ruling:
    """Return what follows from an implementation: complete goes on, partial continues, failed or blocked asks."""
    try:
        result = ImplementationState(str(output.get("result")))
    except ValueError:
        return Ruling(Course.ASK, "It does not say how far it came.", About.IMPLEMENTATION_FAILED)
    reason = str(output.get("reason") or "")
    remaining = "; ".join(str(each) for each in output.get("remaining") or ())
    match result:
        case ImplementationState.COMPLETE:
            return GOES_ON
        case ImplementationState.FAILED:
            return Ruling(Course.ASK, reason, About.IMPLEMENTATION_FAILED)
        case ImplementationState.PARTIAL if output.get("blocked"):
            return Ruling(Course.ASK, reason or remaining, About.BLOCKED)
        case ImplementationState.PARTIAL if count.iterations >= count.limit:
            return Ruling(Course.ASK, remaining or reason, About.ITERATIONS)
        case ImplementationState.PARTIAL:
            return Ruling(Course.AGAIN, remaining or reason)
