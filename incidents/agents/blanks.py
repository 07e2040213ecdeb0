"""The fields of a step's outputs that people may fill in by hand. Pure.

They come from the output models alone, so that a new output needs no form of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from incidents import lengths
from incidents.agents import unasked
from incidents.agents.outputs import MODELS, Claim, Output

MAX_LENGTH = lengths.FORM
_SHORT = 150  # characters that are written on one line

#: Lists that people decide on: without them nothing can be chosen or divided.
_DECIDED_ON = frozenset({"fix_options", "options", "tasks"})
_AT_ONCE = 8  # fields; a form with no more than these asks for all of them

#: Fields that name a commit, and a branch, by the last word of their path.
COMMITS = frozenset({"commit", "base", "head"})
BRANCHES = frozenset({"branch", "into"})

_NEWEST = "Left empty, it is the newest of the branch."


@dataclass(frozen=True)
class Blank:
    """One field that a person may fill in."""

    path: str  #: `preliminary_root_cause.summary`
    label: str  #: "Summary"
    part: str  #: the output it belongs to: `preliminary_root_cause`
    hint: str = ""
    choices: tuple[str, ...] = ()  #: where it is one of a few words
    lines: bool = False  #: whether it is written over several lines
    limit: int = MAX_LENGTH
    needed: bool = False  #: once anything of its part is filled in
    untyped: str | None = None  #: what stands there where others of its kind are typed and it is not
    more: bool = False  #: nobody has to know it at three in the morning: asked for on demand


def fields(prompt: str) -> tuple[Blank, ...]:
    """Return the fields of a step's outputs in the order of its model; none where the prompt brings no typed output."""
    model = model_of(prompt)
    if model is None:
        return ()
    every = [
        blank for name, each in model.model_fields.items() for blank in of_field(name, name, each, depth=0, of=model)
    ]
    asked = [blank.path for blank in every if not blank.more] or [blank.path for blank in every if blank.needed]
    few = len(every) <= _AT_ONCE or not asked
    return tuple(replace(blank, more=not (few or blank.path in asked)) for blank in every)


def parts(prompt: str) -> dict[str, type[BaseModel]]:
    """Return the models of a step's outputs by their path; the model of all of them has an empty one."""
    model = model_of(prompt)
    if model is None:
        return {}
    inner = {name: bare(each.annotation)[0] for name, each in model.model_fields.items()}
    return {"": model, **{name: kind for name, kind in inner.items() if is_model(kind)}}


def model_of(prompt: str) -> type[Output] | None:
    """Return the model of the outputs that people may type, or None."""
    return MODELS.get(prompt.removesuffix(".md"))


def of_field(
    path: str, part: str, field: FieldInfo, *, depth: int, of: type[BaseModel] | None = None, rest: bool = False
) -> Iterator[Blank]:
    """Return the blanks of one field of the model `of`; `rest` says that what it belongs to may stay unknown."""
    kind, nullable = bare(field.annotation)
    if path.rsplit(".", 1)[-1] == "evidence" or (depth > 1 and not field.is_required()):
        return
    if depth and is_model(kind) and not field.is_required():  # `specified`: what was read, which nobody types
        return
    if is_model(kind):
        for name, inner in kind.model_fields.items():
            yield from of_field(f"{path}.{name}", part, inner, depth=depth + 1, of=kind, rest=rest or nullable)
        return
    last = path.rpartition(".")[2]
    untyped = unasked.FOUND.get(of, {}).get(last) if of else None
    needed = field.is_required() and not nullable and get_origin(kind) is not list and untyped is None
    words = path.split(".")[1:] or path.split(".")
    limit = _limit(kind, field)
    yield Blank(
        path=path,
        label=" · ".join(word.replace("_", " ") for word in words).capitalize(),
        part=part,
        hint=_hint(kind, field) if unasked.HEADS.get(of) != last else _NEWEST,
        choices=_choices(kind),
        lines=limit > _SHORT,
        limit=limit,
        needed=needed,
        untyped=untyped,
        more=rest or not (needed or last in _DECIDED_ON),
    )


def _hint(kind: Any, field: FieldInfo) -> str:
    described = field.description or ""
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        how = "One a line."
        if is_model(item) and item is not Claim:
            names = ", ".join(name for name, each in item.model_fields.items() if _is_asked(name, each))
            how = f"Each as lines of `name: value` with {names}; a blank line between two."
        return f"{described}. {how}".removeprefix(". ")
    if kind is datetime:
        return f"{described} As 2026-11-21T14:02Z.".strip()
    return described


def _is_asked(name: str, field: FieldInfo) -> bool:
    return field.is_required() and name not in ("evidence", "number")


def _limit(kind: Any, field: FieldInfo) -> int:
    if get_origin(kind) is list or "diff" in (field.description or ""):
        return MAX_LENGTH
    # What says nothing of its length is a name: a branch, a commit, a path.
    return min(next((each.max_length for each in field.metadata if hasattr(each, "max_length")), _SHORT), MAX_LENGTH)


def _choices(kind: Any) -> tuple[str, ...]:
    if kind is bool:
        return ("yes", "no")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(each.value) for each in kind)
    return ()


def bare(annotation: Any) -> tuple[Any, bool]:
    """Return the type without `None`, and whether it may be None."""
    if get_origin(annotation) in (Union, UnionType):
        others = [each for each in get_args(annotation) if each is not NoneType]
        return others[0], len(others) < len(get_args(annotation))
    return annotation, False


def is_model(kind: Any) -> bool:
    """Tell whether a type is a model with fields of its own."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)
