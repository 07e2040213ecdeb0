"""Finding elements as people do, by id or label, and saying what they choose in Slack's words."""

from collections.abc import Callable, Iterator
from typing import Any

from bot.workspace.contents import element_state
from bot.workspace.contents.model import Json
from bot.workspace.rules import blocks
from bot.workspace.rules.errors import SlackError


def find(layout: list[Json], what: str) -> Json:
    """Return the element, with its block's id in it, that has this action id, block id, label or option.

    Raises:
        SlackError: element_not_found, with the ids and labels that there are.
    """
    held = [{**element, "block_id": block.get("block_id", "")} for block, element in blocks.elements(layout)]
    labels: Json = {str(block.get("block_id")): _text(block.get("label")) for block in layout}
    for names in _NAMES:
        for element in held:
            if what in names(element, labels):
                return element
    there = sorted({name for e in held for name in (e["action_id"], e["block_id"], _text(e.get("text"))) if name})
    raise SlackError("element_not_found", wanted=what, there=there)


def entry(element: Json, value: Any) -> Json:
    """Return an element's entry in `state.values`; options are named by value or by text."""
    kind = element["type"]
    field, _ = element_state.FIELDS[kind]
    if field == "selected_option":
        value = option(element, value)
    elif field == "selected_options":
        value = [option(element, one) for one in value]
    elif field == "value" and value is not None:
        value = str(value)
    return {"type": kind, field: value}


def action(element: Json, value: Any) -> Json:
    """Return the action that pressing or choosing sends."""
    ids = {"type": element["type"], "block_id": element["block_id"], "action_id": element["action_id"]}
    if element["type"] == "overflow":
        return {**ids, "selected_option": option(element, value)}
    if element["type"] in element_state.FIELDS:
        return {**entry(element, value), **ids}
    return {**ids, "value": element.get("value")}


def option(element: Json, wanted: Any) -> Json | None:
    """Return the option with this value or text; an option object is returned as it is.

    Raises:
        SlackError: option_not_found, with the texts that there are.
    """
    if wanted is None or isinstance(wanted, dict):
        return wanted
    offered = list(_options(element))
    for one in offered:
        if wanted in (one.get("value"), _text(one["text"])):
            return one
    raise SlackError("option_not_found", wanted=wanted, there=[_text(one["text"]) for one in offered])


def _options(element: Json) -> Iterator[Json]:
    yield from element.get("options") or ()
    for group in element.get("option_groups") or ():
        yield from group["options"]


def _text(text: Any) -> str | None:
    return text.get("text") if isinstance(text, dict) else text


#: What an element goes by, the surest first.
_NAMES: tuple[Callable[[Json, Json], list[str | None]], ...] = (
    lambda element, _: [element["action_id"]],
    lambda element, _: [element["block_id"]],
    lambda element, _: [_text(element.get("text"))],
    lambda element, labels: [labels.get(element["block_id"])],
    lambda element, _: [_text(option["text"]) for option in _options(element)],
)
