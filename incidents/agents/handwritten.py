"""A step's outputs written by a person: which fields they have, and what was typed read into the typed outputs. Pure.

Fields come from the output models alone, so that a new output needs no form of its own. What cites evidence cites what
the person typed, kept as evidence of kind `person`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from incidents import lengths
from incidents.agents import unasked
from incidents.agents.outputs import MODELS, Claim, Output
from incidents.errors import InvalidInputs
from incidents.tools.evidence import Evidence, EvidenceKind, capture

MAX_LENGTH = lengths.FORM
_SHORT = 150  # characters that are written on one line

_ITEM_FIELD = re.compile(r"^\s*[-•]?\s*([a-z_]{2,40})\s*:\s*(.*)$")
#: Lists that people decide on: without them nothing can be chosen or divided.
_DECIDED_ON = frozenset({"fix_options", "options", "tasks"})
_AT_ONCE = 8  # fields; a form with no more than these asks for all of them

_NEWEST = "Left empty, it is the newest of the branch."
_NEEDED = "This is needed once anything of this part is filled in."


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


@dataclass(frozen=True)
class Handwriting:
    """What a person typed, read."""

    outputs: Mapping[str, JsonValue]  #: by output name; those of which nothing was typed are missing
    evidence: Evidence
    whole: Output | None  #: the step's outputs together, where every one was typed


def fields(prompt: str) -> tuple[Blank, ...]:
    """Return the fields of a step's outputs in the order of its model; none where the prompt brings no typed output."""
    model = _model(prompt)
    if model is None:
        return ()
    every = [
        blank for name, each in model.model_fields.items() for blank in _blanks(name, name, each, depth=0, of=model)
    ]
    asked = [blank.path for blank in every if not blank.more] or [blank.path for blank in every if blank.needed]
    few = len(every) <= _AT_ONCE or not asked
    return tuple(replace(blank, more=not (few or blank.path in asked)) for blank in every)


def parts(prompt: str) -> dict[str, type[BaseModel]]:
    """Return the models of a step's outputs by their path; the model of all of them has an empty one."""
    model = _model(prompt)
    if model is None:
        return {}
    inner = {name: _bare(each.annotation)[0] for name, each in model.model_fields.items()}
    return {"": model, **{name: kind for name, kind in inner.items() if _is_model(kind)}}


def read(
    prompt: str,
    typed: Mapping[str, str],
    *,
    actor: str,
    summary: str,
    now: datetime,
    looked_up: Mapping[str, str] | None = None,
) -> Handwriting | None:
    """Return what was typed into the fields, as the outputs that later steps read; None where nothing was.

    `looked_up` is what git says beside it, and in place of it, by the same paths.

    Raises:
        InvalidInputs: something cannot be read; says what, field by field.
    """
    given = {path: text.strip() for path, text in typed.items() if text.strip()}
    model = _model(prompt)
    if model is None or not given:
        return None
    seen_in_git = looked_up or {}
    told = [*sorted(given.items()), *((f"git: {path}", text) for path, text in sorted(seen_in_git.items()))]
    words = "\n".join([summary, *(f"{path}: {text}" for path, text in told)])
    seen = capture(EvidenceKind.PERSON, f"typed by {actor}", words, summary=summary, captured_at=now)
    outputs: dict[str, JsonValue] = {}
    blanks = fields(prompt)
    limits = {blank.path: blank.limit for blank in blanks}
    faults = {path: "This step has no such output." for path in given if path not in limits}
    for path, text in given.items():
        if len(text) > limits.get(path, MAX_LENGTH):
            faults[path] = f"This has {len(text):,} characters; {limits[path]:,} fit."
    given |= seen_in_git
    given |= _untyped(blanks, given, summary, always=_parts_of_one(model) if _is_one(model) else frozenset())
    for name, field in model.model_fields.items():
        part = {path: text for path, text in given.items() if path == name or path.startswith(f"{name}.")}
        if name == "evidence":
            outputs[name] = [seen.id]
        elif part or (_is_one(model) and field.is_required()):
            value = _value(name, field.annotation, part, seen.id)
            outputs[name] = _checked(name, field, value, faults)
    if faults:
        raise InvalidInputs(faults)
    return Handwriting(outputs, seen, _together(model, outputs, next(iter(given))))


def _is_one(model: type[Output]) -> bool:
    """Tell whether a step's outputs are one thing, which later steps read whole or not at all."""
    kinds = {name: _bare(field.annotation)[0] for name, field in model.model_fields.items()}
    lists = [kind for kind in kinds.values() if get_origin(kind) is list]
    return "evidence" in kinds or (not any(_is_model(kind) for kind in kinds.values()) and len(lists) < len(kinds))


def _together(model: type[Output], outputs: Mapping[str, JsonValue], first: str) -> Output | None:
    """Return the outputs as one where none is missing; what they contradict each other in stands at the `first`."""
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    if not (needed if _is_one(model) else model.model_fields.keys()) <= outputs.keys():
        return None
    try:
        return model.model_validate(outputs)
    except ValidationError as error:
        fault = error.errors()[0]
        at = str(fault["loc"][0]) if fault["loc"] else first
        raise InvalidInputs({at: _in_words([], fault["type"], fault["msg"])}) from error


def _model(prompt: str) -> type[Output] | None:
    return MODELS.get(prompt.removesuffix(".md"))


def _parts_of_one(model: type[Output]) -> frozenset[str]:
    """Return the paths, each with its point, of what an output that is one thing cannot be without."""
    kinds = {name: _bare(field.annotation) for name, field in model.model_fields.items()}
    return frozenset(
        {"", *(f"{name}." for name, (kind, nullable) in kinds.items() if _is_model(kind) and not nullable)}
    )


def _untyped(
    blanks: Sequence[Blank], given: Mapping[str, str], summary: str, *, always: frozenset[str]
) -> dict[str, str]:
    """Return what stands in fields that nobody had to type, beside those that somebody did and in parts of `always`."""
    found = {}
    for blank in blanks:
        beside = f"{blank.path.rpartition('.')[0]}.".removeprefix(".")
        if blank.untyped is None or blank.path in given:
            continue
        if beside in always or any(path.startswith(beside) for path in given):
            commit = given.get(f"{beside}commit", "")
            words = blank.untyped.replace("{commit}", commit).replace("{summary}", summary)
            found[blank.path] = words[: blank.limit]
    return found


# From a model to fields


def _blanks(
    path: str, part: str, field: FieldInfo, *, depth: int, of: type[BaseModel] | None = None, rest: bool = False
) -> Iterator[Blank]:
    """Return the blanks of one field of the model `of`; `rest` says that what it belongs to may stay unknown."""
    kind, nullable = _bare(field.annotation)
    if path.rsplit(".", 1)[-1] == "evidence" or (depth > 1 and not field.is_required()):
        return
    if depth and _is_model(kind) and not field.is_required():  # `specified`: what was read, which nobody types
        return
    if _is_model(kind):
        for name, inner in kind.model_fields.items():
            yield from _blanks(f"{path}.{name}", part, inner, depth=depth + 1, of=kind, rest=rest or nullable)
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
        if _is_model(item) and item is not Claim:
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


def _bare(annotation: Any) -> tuple[Any, bool]:
    """Return the type without `None`, and whether it may be None."""
    if get_origin(annotation) in (Union, UnionType):
        others = [each for each in get_args(annotation) if each is not NoneType]
        return others[0], len(others) < len(get_args(annotation))
    return annotation, False


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


# From what was typed to values


def _value(path: str, annotation: Any, typed: Mapping[str, str], ref: str) -> Any:
    kind, nullable = _bare(annotation)
    if _is_model(kind):
        if nullable and not any(each.startswith(f"{path}.") for each in typed):
            return None
        return _of_model(path, kind, typed, ref)
    text = typed.get(path, "")
    if kind is str and path in typed:
        return text
    if get_origin(kind) is list:
        return _items(get_args(kind)[0], text, ref)
    return _one(kind, text)


def _of_model(path: str, model: type[BaseModel], typed: Mapping[str, str], ref: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        where = f"{path}.{name}"
        if name == "evidence":
            found[name] = [ref] if get_origin(_bare(field.annotation)[0]) is list else ref
            continue
        value = _value(where, field.annotation, typed, ref)
        # What has a default keeps it; what may be unknown is unknown.
        if value is not None or (_bare(field.annotation)[1] and field.is_required()):
            found[name] = value
    return found


def _one(kind: Any, text: str) -> Any:
    if not text:
        return None
    if kind is bool:
        return {"yes": True, "no": False}.get(text.lower(), text)
    return text


def _items(kind: Any, text: str, ref: str) -> list[Any]:
    if kind is Claim:
        return [{"text": line, "evidence": [ref]} for line in _lines(text)]
    if not _is_model(kind):
        return [_one(kind, line) for line in _lines(text)]
    return [_item(kind, block, place, ref) for place, block in enumerate(_paragraphs(text), 1)]


def _item(model: type[BaseModel], block: str, place: int, ref: str) -> dict[str, Any]:
    typed: dict[str, str] = {}
    last = next(iter(model.model_fields))
    for line in block.splitlines():
        named = _ITEM_FIELD.match(line)
        if named and named[1] in model.model_fields:
            last = named[1]
            typed[last] = named[2].strip()
        else:
            typed[last] = f"{typed.get(last, '')} {line.strip()}".strip()
    if "number" in model.model_fields:
        typed.setdefault("number", str(place))
    return _of_model("", model, {f".{name}": text for name, text in typed.items()}, ref)


def _lines(text: str) -> list[str]:
    return [line for raw in text.splitlines() if (line := raw.strip().removeprefix("•").removeprefix("- ").strip())]


def _paragraphs(text: str) -> list[str]:
    return [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]


# What is wrong with it


def _checked(name: str, field: FieldInfo, value: Any, faults: dict[str, str]) -> JsonValue:
    kind: Any = field.annotation
    if value is None and not _bare(kind)[1]:
        faults.setdefault(name, _NEEDED)
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        checked: JsonValue = adapter.dump_python(adapter.validate_python(value), mode="json")
    except ValidationError as error:
        known = {blank.path for blank in _blanks(name, name, field, depth=0)}
        for each in error.errors():
            path, rest = _place(name, [str(word) for word in each["loc"]], known)
            faults.setdefault(path, _in_words(rest, each["type"], each["msg"]))
        return None
    return checked


def _place(name: str, location: list[str], known: set[str]) -> tuple[str, list[str]]:
    """Return the field that a fault is about, and where in its items it is."""
    for length in range(len(location), -1, -1):
        path = ".".join([name, *location[:length]])
        if path in known:
            return path, location[length:]
    # A whole part is missing: the first of its fields stands for it.
    inside = ".".join([name, *location])
    return next((path for path in sorted(known) if path.startswith(inside)), name), []


def _in_words(rest: list[str], kind: str, message: str) -> str:
    said = message.removeprefix("Value error, ").split(", unable to")[0].rstrip(".")
    if not rest:
        return _NEEDED if kind == "missing" else f"{said}."
    item = f"item {int(rest[0]) + 1}" if rest[0].isdigit() else rest[0]
    what = f", `{rest[1]}`" if len(rest) > 1 else ""
    return f"In {item}{what}: {'it is missing' if kind == 'missing' else said[:1].lower() + said[1:]}."
