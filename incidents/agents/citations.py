"""Checks that what an agent says is backed by evidence; strikes out what is not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from incidents.agents.outputs import Claim, Component, Hypothesis, Output, Recommendation, Verdict
from incidents.tools.evidence import Evidence, EvidenceKind

AnyOutput = TypeVar("AnyOutput", bound=Output)

#: Only these kinds come from carrying something out; "confirmed" needs one of them.
EXECUTED = frozenset({EvidenceKind.TEST, EvidenceKind.DEPLOY, EvidenceKind.HEALTH})

#: How texts name commits and places in files.
COMMIT = re.compile(r"`([0-9a-f]{7,40})`")
PLACE = re.compile(r"\b([\w./-]*\w\.\w{1,5}):(\d+)\b")
_HASH_IN_TEXT = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass
class Review:
    """What the check found; `struck` and `weakened` are texts for people."""

    known: Mapping[str, Evidence]
    seen: str | None = None  #: everything the agent was shown; None: mentions are not checked
    struck: list[str] = field(default_factory=list)
    weakened: list[str] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        """Return one line for people on what was struck out or weakened, or none."""
        lines = []
        if self.struck:
            lines.append(f"{_count(self.struck, 'statement')} struck out for want of evidence.")
        if self.weakened:
            lines.append(f"{_count(self.weakened, 'statement')} weakened: nothing was executed.")
        return tuple(lines)


def check(output: AnyOutput, evidence: Sequence[Evidence], *, seen: str | None = None) -> tuple[AnyOutput, Review]:
    """Return `output` with only backed statements, and what was struck out or weakened.

    A statement stays when it cites at least one id of `evidence`; unknown ids are dropped from it. With `seen`, every
    commit and `file:line` that it names must also occur in what the agent was shown.
    """
    review = Review({item.id: item for item in evidence}, seen)
    return _model(output, review), review


def _model(model: AnyOutput, review: Review) -> AnyOutput:
    changes: dict[str, Any] = {}
    for name, value in model:
        if name == "evidence":
            changes[name] = _known_ids(value, review)
        elif isinstance(value, Output):
            changes[name] = _model(value, review)
        elif isinstance(value, list):
            changes[name] = _items(value, review)
    return model.model_copy(update=changes)


def _items(items: list[Any], review: Review) -> list[Any]:
    kept = []
    for item in items:
        if not isinstance(item, Output):
            kept.append(item)
        elif _is_backed(item, review):
            kept.append(_weaken(_model(item, review), review))
        else:
            review.struck.append(_text_of(item))
    return kept


def _known_ids(cited: str | list[str], review: Review) -> str | list[str]:
    if isinstance(cited, str):
        return cited if cited in review.known else ""
    return [item for item in cited if item in review.known]


def _is_backed(item: Output, review: Review) -> bool:
    if not isinstance(item, Claim | Component | Recommendation):
        return True
    return any(cited in review.known for cited in item.evidence) and _names_only_what_was_seen(_text_of(item), review)


def _weaken(item: Output, review: Review) -> Output:
    if isinstance(item, Hypothesis) and item.state != "open" and not item.evidence:
        review.weakened.append(item.statement)
        return item.model_copy(update={"state": "open"})
    if isinstance(item, Claim) and item.verdict is Verdict.CONFIRMED and not _was_executed(item, review):
        review.weakened.append(item.text)
        return item.model_copy(update={"verdict": Verdict.LIKELY})
    return item


def _was_executed(claim: Claim, review: Review) -> bool:
    return any(review.known[cited].kind in EXECUTED for cited in claim.evidence)


def _names_only_what_was_seen(text: str, review: Review) -> bool:
    if review.seen is None:
        return True
    hashes = _HASH_IN_TEXT.findall(review.seen)
    for commit in COMMIT.findall(text):
        if not any(known.startswith(commit) or commit.startswith(known) for known in hashes):
            return False
    return all(place_was_seen(path, line, review.seen) for path, line in PLACE.findall(text))


def place_was_seen(path: str, line: str, seen: str) -> bool:
    """Tell whether `seen` names the line of the file, in one of the ways in which lines are named."""
    # A traceback writes `File "app/pricing.py", line 88`, JSON escapes its quotes, others write `pricing.py:88`.
    return re.search(rf"{re.escape(path)}(?::|\\?\", line ){line}\b", seen) is not None


def _text_of(item: Output) -> str:
    match item:
        case Claim():
            return item.text
        case Recommendation():
            return f"{item.title} {item.why}"
        case Component():
            return item.name
        case _:
            return type(item).__name__


def _count(items: Sequence[str], noun: str) -> str:
    return f"{len(items)} {noun}{'s were' if len(items) != 1 else ' was'}"
