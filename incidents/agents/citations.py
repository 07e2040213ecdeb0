"""Checks that what an agent says is backed by evidence; strikes out what is not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, TypeVar, get_args

from incidents.agents.diagnoses import KnownFact
from incidents.agents.outputs import Claim, Component, Hypothesis, Output, Recommendation, Verdict
from incidents.tools.evidence import Evidence, EvidenceKind

AnyOutput = TypeVar("AnyOutput", bound=Output)

#: Only these kinds come from carrying something out; "confirmed" needs one of them.
EXECUTED = frozenset({EvidenceKind.TEST, EvidenceKind.DEPLOY, EvidenceKind.HEALTH})

#: How texts name commits and places in files.
COMMIT = re.compile(r"`([0-9a-f]{7,40})`")
#: Of a path longer than any field holds, its end: each beginning is tried, and one from which the end could be any
#: number of characters away costs a second where a text is little but dots. More than nine digits count no lines.
PLACE = re.compile(r"\b([\w./-]{0,300}\w\.\w{1,5}):(\d{1,9}+)\d*+\b")
#: Fields that hold a place apart.
_PLACE_FIELDS = (("file", "line"), ("root_file", "root_line"))
_UNSEEN = "[?]"  # no longer than what it stands for: texts have limits
_HASH_IN_TEXT = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass
class Review:
    """What the check found; `struck` and `weakened` are texts for people."""

    known: Mapping[str, Evidence]
    seen: str | None = None  #: everything the agent was shown; None: mentions are not checked
    struck: list[str] = field(default_factory=list)
    weakened: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  #: commits and places that were named and never shown

    def notes(self) -> tuple[str, ...]:
        """Return one line for people on what was struck out or weakened, or none."""
        lines = []
        if self.struck:
            lines.append(f"{_count(self.struck, 'statement')} struck out for want of evidence.")
        if self.weakened:
            lines.append(f"{_count(self.weakened, 'statement')} weakened: nothing was executed.")
        if self.unseen:
            them = "it" if len(self.unseen) == 1 else "them"
            lines.append(f"{_count(self.unseen, 'commit or place', 'commits or places')} left out: nobody saw {them}.")
        return tuple(lines)


def check(output: AnyOutput, evidence: Sequence[Evidence], *, seen: str | None = None) -> tuple[AnyOutput, Review]:
    """Return `output` with only backed statements, and what was struck out or weakened.

    A statement stays when it cites at least one id of `evidence`; unknown ids are dropped from it. With `seen`, every
    commit and `file:line` that it names must also occur in what the agent was shown; in other texts, and in the fields
    for them, what does not is left out.
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
        elif type(value) is str:
            changes[name] = _without_unseen(value, review)
    return model.model_copy(update=changes | _unseen_places(model, review))


def _unseen_places(model: Output, review: Review) -> dict[str, Any]:
    """Return the fields of `model` that point at a commit, a file or a line that the agent was never shown, emptied."""
    if review.seen is None:
        return {}
    empty: dict[str, Any] = {}
    commit = getattr(model, "commit", None)
    if isinstance(commit, str) and _HASH_IN_TEXT.fullmatch(commit) and not _commit_was_seen(commit, review.seen):
        empty["commit"] = None if NoneType in get_args(type(model).model_fields["commit"].annotation) else ""
    for file, line in _PLACE_FIELDS:
        path, at = getattr(model, file, None), getattr(model, line, None)
        if isinstance(path, str) and path not in review.seen:
            empty |= {file: None, line: None}
        elif isinstance(path, str) and at is not None and not _line_was_seen(path, at, review.seen):
            empty[line] = None
    review.unseen += list(empty)
    return empty


def _line_was_seen(path: str, line: int, seen: str) -> bool:
    # The draft's own fields stand apart in what was shown: a line that occurs nowhere is one that was made up.
    return place_was_seen(path, str(line), seen) or re.search(rf"(?<!\d){line}(?!\d)", seen) is not None


def _without_unseen(text: str, review: Review) -> str:
    """Return `text` with every commit and `file:line` struck out that the agent was never shown."""
    if review.seen is None:
        return text
    seen = review.seen

    def commit(found: re.Match[str]) -> str:
        return found[0] if _commit_was_seen(found[1], seen) else _left_out(found[0], review)

    def place(found: re.Match[str]) -> str:
        return found[0] if place_was_seen(found[1], found[2], seen) else _left_out(found[0], review)

    return PLACE.sub(place, COMMIT.sub(commit, text))


def _left_out(named: str, review: Review) -> str:
    review.unseen.append(named)
    return _UNSEEN


def _items(items: list[Any], review: Review) -> list[Any]:
    kept = []
    for item in items:
        if not isinstance(item, Output):
            kept.append(_without_unseen(item, review) if type(item) is str else item)
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
    if isinstance(item, KnownFact):
        return any(cited in review.known for cited in item.evidence)
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
    if not all(_commit_was_seen(commit, review.seen) for commit in COMMIT.findall(text)):
        return False
    return all(place_was_seen(path, line, review.seen) for path, line in PLACE.findall(text))


def _commit_was_seen(commit: str, seen: str) -> bool:
    return any(known.startswith(commit) or commit.startswith(known) for known in _HASH_IN_TEXT.findall(seen))


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


def _count(items: Sequence[str], noun: str, nouns: str = "") -> str:
    return f"{len(items)} {(nouns or f'{noun}s') + ' were' if len(items) != 1 else noun + ' was'}"
