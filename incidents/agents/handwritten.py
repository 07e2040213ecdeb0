"""A step's outputs written by a person: what was typed into their fields, read into the typed outputs. Pure.

What cites evidence cites what the person typed, kept as evidence of kind `person`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args, get_origin

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from incidents.agents import blanks
from incidents.agents.blanks import Blank
from incidents.agents.outputs import Claim, Output
from incidents.errors import InvalidInputs
from incidents.tools.evidence import Evidence, EvidenceKind, capture

_ITEM_FIELD = re.compile(r"^\s*[-•]?\s*([a-z_]{2,40})\s*:\s*(.*)$")
#: What git takes for a hash, a branch or a tag, and what was so many commits before it: `9f8e7d6`, `fix/cache`,
#: `9f8e7d6^`. An option is none, nor is a range.
_REVISION = re.compile(r"(?!-)(?!.*(?:\.\.|//|@\{))([^\s\0-\x1f\x7f~^:?*\[\\]{1,250})((?:[~^]\d{0,4})*)")
_NEEDED = "This is needed once anything of this part is filled in."


@dataclass(frozen=True)
class Handwriting:
    """What a person typed, read."""

    outputs: Mapping[str, JsonValue]  #: by output name; those of which nothing was typed are missing
    evidence: Evidence
    whole: Output | None  #: the step's outputs together, where every one was typed


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
    model = blanks.model_of(prompt)
    if model is None or not given:
        return None
    seen_in_git = looked_up or {}
    told = [*sorted(given.items()), *((f"git: {path}", text) for path, text in sorted(seen_in_git.items()))]
    words = "\n".join([summary, *(f"{path}: {text}" for path, text in told)])
    seen = capture(EvidenceKind.PERSON, f"typed by {actor}", words, summary=summary, captured_at=now)
    outputs: dict[str, JsonValue] = {}
    known = blanks.fields(prompt)
    limits = {blank.path: blank.limit for blank in known}
    faults = {path: "This step has no such output." for path in given if path not in limits}
    for path, text in given.items():
        if len(text) > limits.get(path, blanks.MAX_LENGTH):
            faults[path] = f"This has {len(text):,} characters; {limits[path]:,} fit."
    faults |= _unnamable(given)
    given |= seen_in_git
    given |= _untyped(known, given, summary, always=_parts_of_one(model) if _is_one(model) else frozenset())
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


def _unnamable(typed: Mapping[str, str]) -> dict[str, str]:
    """Return the faults of fields that name a commit or a branch and hold what can be neither.

    Where there is a clone, git has looked up whether it exists; where there is none, this is all that is asked of it.
    """
    faults = {}
    for path, text in typed.items():
        last, named = path.rpartition(".")[2], _REVISION.fullmatch(text)
        if last in blanks.COMMITS and named is None:
            faults[path] = f"{text[:60]!r} can be no commit: give its hash, or its branch."
        if last in blanks.BRANCHES and (named is None or named[2]):
            faults[path] = f"{text[:60]!r} can be no branch: give its name, as `git branch` shows it."
    return faults


def _is_one(model: type[Output]) -> bool:
    """Tell whether a step's outputs are one thing, which later steps read whole or not at all."""
    kinds = [blanks.bare(field.annotation)[0] for field in model.model_fields.values()]
    plain = [kind for kind in kinds if get_origin(kind) is not list]
    return "evidence" in model.model_fields or (bool(plain) and not any(blanks.is_model(kind) for kind in plain))


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


def _parts_of_one(model: type[Output]) -> frozenset[str]:
    """Return the paths, each with its point, of what an output that is one thing cannot be without."""
    kinds = {name: blanks.bare(field.annotation) for name, field in model.model_fields.items()}
    return frozenset(
        {"", *(f"{name}." for name, (kind, nullable) in kinds.items() if blanks.is_model(kind) and not nullable)}
    )


def _untyped(
    known: Sequence[Blank], given: Mapping[str, str], summary: str, *, always: frozenset[str]
) -> dict[str, str]:
    """Return what stands in fields that nobody had to type, beside those that somebody did and in parts of `always`."""
    found = {}
    for blank in known:
        beside = f"{blank.path.rpartition('.')[0]}.".removeprefix(".")
        if blank.untyped is None or blank.path in given:
            continue
        if beside in always or any(path.startswith(beside) for path in given):
            commit = given.get(f"{beside}commit", "")
            words = blank.untyped.replace("{commit}", commit).replace("{summary}", summary)
            found[blank.path] = words[: blank.limit]
    return found


# From what was typed to values


def _value(path: str, annotation: Any, typed: Mapping[str, str], ref: str) -> Any:
    kind, nullable = blanks.bare(annotation)
    if blanks.is_model(kind):
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
            found[name] = [ref] if get_origin(blanks.bare(field.annotation)[0]) is list else ref
            continue
        value = _value(where, field.annotation, typed, ref)
        # What has a default keeps it; what may be unknown is unknown.
        if value is not None or (blanks.bare(field.annotation)[1] and field.is_required()):
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
    if not blanks.is_model(kind):
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
    if value is None and not blanks.bare(kind)[1]:
        faults.setdefault(name, _NEEDED)
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        checked: JsonValue = adapter.dump_python(adapter.validate_python(value), mode="json")
    except ValidationError as error:
        known = {blank.path for blank in blanks.of_field(name, name, field, depth=0)}
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
