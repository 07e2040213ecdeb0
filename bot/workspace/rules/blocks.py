"""Whether Slack would take blocks, and how it keeps them."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from bot.workspace.contents.ids import short_id
from bot.workspace.contents.model import Json
from bot.workspace.rules import block_schema
from bot.workspace.rules.errors import InvalidBlocks, SlackError

# Slack, "Reference: blocks": 50 in a message, 100 in a modal or a home.
MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
# Undocumented; met in practice as msg_blocks_too_long.
MESSAGE_CHARACTERS: Final = 13_000
# Slack, "chat.postMessage": markdown_text and all markdown blocks of one message together.
MARKDOWN_CHARACTERS: Final = 12_000

_INTERACTIVE: Final = frozenset(
    {
        "button", "checkboxes", "radio_buttons", "overflow", "datepicker", "timepicker", "datetimepicker",
        "static_select", "external_select", "users_select", "conversations_select", "channels_select",
        "multi_static_select", "multi_external_select", "multi_users_select", "multi_conversations_select",
        "multi_channels_select", "plain_text_input", "rich_text_input", "number_input", "email_text_input",
        "url_text_input", "file_input", "workflow_button", "feedback_buttons", "icon_button",
    }
)  # fmt: skip


def message_blocks(blocks: object) -> list[Json]:
    """Return a message's blocks as Slack stores them.

    Raises:
        SlackError: invalid_blocks_format, invalid_blocks or msg_blocks_too_long.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    faults = list(_faults(blocks, "/blocks", MESSAGE_BLOCKS))
    if faults:
        raise InvalidBlocks(faults)
    if sum(map(len, _texts(blocks))) > MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_CHARACTERS:
        raise SlackError("msg_too_long")
    return with_ids(blocks)


def view_layout(view: object) -> Json:
    """Return a modal's or a home's definition as Slack stores it.

    Raises:
        SlackError: invalid_arguments with the places of the faults.
    """
    if not isinstance(view, dict):
        raise InvalidBlocks(["must provide an object [json-pointer:/view]"], code="invalid_arguments")
    view = {key: value for key, value in view.items() if value is not None}
    kind = view.get("type")
    if kind not in ("modal", "home"):
        raise InvalidBlocks([f"unsupported type: {kind} [json-pointer:/view/type]"], code="invalid_arguments")
    shell = {**view, "blocks": [{"type": "divider"}]}
    faults = block_schema.faults("ModalView" if kind == "modal" else "HomeView", shell, "/view")
    faults += _faults(view.get("blocks"), "/view/blocks", VIEW_BLOCKS)
    if kind == "modal" and "submit" not in view and any(block.get("type") == "input" for block in _dicts(view)):
        faults.append("missing required field: submit [json-pointer:/view]")
    if faults:
        raise InvalidBlocks(faults, code="invalid_arguments")
    return {**view, "blocks": with_ids(view["blocks"])}


def with_ids(blocks: list[Json]) -> list[Json]:
    """Return a copy in which every block and every interactive element has an id."""
    stored: list[Json] = []
    for block in blocks:
        copy = _stored(block)
        copy.setdefault("block_id", short_id())
        stored.append(copy)
    return stored


def elements(blocks: Iterable[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield every interactive element with the block that holds it."""
    for block in blocks:
        held = [block.get("element"), block.get("accessory"), *_listed(block.get("elements"))]
        held += _listed(block.get("actions"))
        yield from ((block, element) for element in held if _is_interactive(element))
        yield from elements([child for child in _listed(block.get("child_blocks")) if isinstance(child, dict)])


def _is_interactive(element: object) -> bool:
    return isinstance(element, dict) and element.get("type") in _INTERACTIVE


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(view: Json) -> Iterator[Json]:
    return (block for block in _listed(view.get("blocks")) if isinstance(block, dict))


def _faults(blocks: object, pointer: str, limit: int) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield f"must provide an array [json-pointer:{pointer}]"
        return
    if len(blocks) > limit:
        yield f"no more than {limit} items allowed [json-pointer:{pointer}]"
        return
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        yield from _block_faults(block, f"{pointer}/{number}", seen)


def _block_faults(block: object, pointer: str, seen: set[str]) -> Iterator[str]:
    if not isinstance(block, dict):
        yield f"must provide an object [json-pointer:{pointer}]"
        return
    kind = block.get("type")
    if not isinstance(kind, str) or not block_schema.has_definition(kind):
        yield f"unsupported type: {kind} [json-pointer:{pointer}/type]"
        return
    yield from block_schema.faults(block_schema.block_definition(kind), block, pointer)
    if kind == "section" and not (block.get("text") or block.get("fields")):
        yield f"missing required field: text [json-pointer:{pointer}]"
    block_id = block.get("block_id")
    if isinstance(block_id, str) and block_id in seen:
        yield f"`block_id` {block_id!r} already exists [json-pointer:{pointer}/block_id]"
    elif isinstance(block_id, str):
        seen.add(block_id)
    yield from _repeated_actions(block, pointer)


def _repeated_actions(block: Json, pointer: str) -> Iterator[str]:
    seen: set[str] = set()
    for number, element in enumerate(_listed(block.get("elements"))):
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str) and action_id in seen:
            yield f"`action_id` {action_id!r} already exists [json-pointer:{pointer}/elements/{number}/action_id]"
        elif isinstance(action_id, str):
            seen.add(action_id)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key == "text" and isinstance(entry, str):
                yield entry
            else:
                yield from _texts(entry)


def _stored(value: Any) -> Any:
    if isinstance(value, list):
        return [_stored(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _stored(entry) if isinstance(entry, dict | list) else entry for key, entry in value.items()}
    kind = copy.get("type")
    if kind == "plain_text":
        copy.setdefault("emoji", True)
    elif kind == "mrkdwn":
        copy.setdefault("verbatim", False)
    elif kind in _INTERACTIVE:
        copy.setdefault("action_id", short_id())
    return copy
