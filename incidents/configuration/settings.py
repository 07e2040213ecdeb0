"""Reads sitrep.yml into catalog.Settings: pydantic checks the shape, and its findings are told with line and remedy."""

import types
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from incidents.catalog import Environment, Person, Repository, Service, Settings
from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import advise
from incidents.configuration.reader import Reader, describe

Location = tuple[int | str, ...]

_FILLED_IN = {"services", "people"}  # whose items take their `key` from the mapping, and may not write it


def read(reader: Reader, file: Entry, *, folder: Path) -> tuple[Settings, Entry]:
    """Return the settings that `file` says, and the file without what could not be read, for further checks.

    Relative paths start at `folder`.
    """
    file = _without_keys(reader, file)
    while True:
        try:
            settings = Settings.model_validate(plain(file))
            break
        except ValidationError as error:
            for detail in error.errors():
                _note(reader, file, detail)
            # Every field has a default, so what remains can still be checked: one run finds all mistakes.
            file = _without(file, [_locate(file, detail["loc"]) for detail in error.errors()])
    services = {key: _service(key, service, folder) for key, service in settings.services.items()}
    people = {key: person.model_copy(update={"key": key}) for key, person in settings.people.items()}
    return settings.model_copy(update={"services": services, "people": people}), file


def _without_keys(reader: Reader, file: Entry) -> Entry:
    """Return the file without the `key` that items of a catalogue take from their name and may not write."""
    found = []
    top = file.value if isinstance(file.value, dict) else {}
    for section in (top[name].value for name in _FILLED_IN if name in top):
        for item in section.values() if isinstance(section, dict) else ():
            if isinstance(item.value, dict) and "key" in item.value:
                reader.mistake(item.value["key"], "is not a known key", "Remove it; the name above is the key")
                found.append(item.value["key"])
    return _without(file, found)


def _without(entry: Entry, left_out: Collection[Entry]) -> Entry:
    """Return `entry` without those of its entries that are `left_out`; at the top, everything goes."""
    if _is_one_of(entry, left_out):
        return replace(entry, value={})
    if isinstance(entry.value, dict):
        kept = {name: item for name, item in entry.value.items() if not _is_one_of(item, left_out)}
        return replace(entry, value={name: _without(item, left_out) for name, item in kept.items()})
    if isinstance(entry.value, list):
        items = [item for item in entry.value if not _is_one_of(item, left_out)]
        return replace(entry, value=[_without(item, left_out) for item in items])
    return entry


def _is_one_of(entry: Entry, others: Collection[Entry]) -> bool:
    # By identity: two entries that look alike (in a list, with an alias) are still two.
    return any(entry is other for other in others)


def plain(entry: Entry) -> Any:
    """Return the entry's value without its places."""
    if isinstance(entry.value, dict):
        return {name: plain(value) for name, value in entry.value.items()}
    if isinstance(entry.value, list):
        return [plain(item) for item in entry.value]
    return entry.value


def _service(key: str, service: Service, folder: Path) -> Service:
    def absolute(path: str) -> str:
        return str((folder / Path(path).expanduser()).resolve()) if path else ""

    return service.model_copy(
        update={
            "key": key,
            "title": service.title or key,
            "repository": absolute(service.repository),
            "logs": tuple(absolute(path) for path in service.logs),
            "deploys": absolute(service.deploys),
            "repositories": {
                name: each.model_copy(update={"name": name, "path": absolute(each.path)})
                for name, each in service.repositories.items()
            },
        }
    )


def _note(reader: Reader, file: Entry, detail: ErrorDetails) -> None:
    entry = _locate(file, detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _fields_at(Settings, detail["loc"][:-1])
        reader.mistake(entry, "is not a known key", advise(str(detail["loc"][-1]), known))
        return
    what, remedy = _worded(detail, entry)
    reader.mistake(entry, what, remedy)


def _worded(detail: ErrorDetails, entry: Entry) -> tuple[str, str]:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "string_type":
            remedy = "Put it in quotes" if isinstance(entry.value, int | float) else "Write a text"
            return f"should be a text, and is {describe(entry)}", remedy
        case "tuple_type":
            return f"should be a list, and is {describe(entry)}", _as_list(entry)
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"should hold names and values, and holds {describe(entry)}", "Write `name: value` lines under it"
        case "string_pattern_mismatch":
            choices = str(context.get("pattern", "")).strip("^$()").replace("|", ", ")
            return f"{describe(entry)} is not known here", f"Use one of {choices}"
        case "value_error":
            said = str(context.get("error", detail["msg"]))
            what, _, remedy = said.partition("; ")
            return what, remedy[:1].upper() + remedy[1:] or "Correct it"
        case _:
            return f"{describe(entry)} does not fit: {detail['msg'][:1].lower()}{detail['msg'][1:]}", "Correct it"


def _as_list(entry: Entry) -> str:
    if isinstance(entry.value, str) and entry.value:
        parts = ", ".join(f'"{part}"' for part in entry.value.split())
        return f"Write [{parts}]"
    return "Write [one, two], or lines that begin with -"


def _locate(entry: Entry, location: Location) -> Entry:
    for part in location:
        if isinstance(entry.value, dict) and str(part) in entry.value:
            entry = entry.value[str(part)]
        elif isinstance(entry.value, list) and isinstance(part, int) and part < len(entry.value):
            entry = entry.value[part]
    return entry


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the field names that may stand at `location`, for a suggestion."""
    annotation: Any = model
    for part in location:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = _model_of(annotation.model_fields[str(part)].annotation)
        else:
            annotation = _model_of(get_args(annotation)[1] if get_origin(annotation) is dict else annotation)
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return []
    filled = {Service: ("key",), Person: ("key",), Repository: ("name",)}.get(annotation, ())
    return [name for name in annotation.model_fields if name not in filled]


def _model_of(annotation: Any) -> Any:
    """Return what an optional holds, else `annotation` itself."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(each for each in get_args(annotation) if each is not types.NoneType)
    return annotation


def environments(service: Service) -> dict[str, Environment]:
    """Return the service's environments by the key that they stand under."""
    found = {"production": service.production}
    return found | {"staging": service.staging} if service.staging else found
