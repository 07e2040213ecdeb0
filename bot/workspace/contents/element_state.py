"""What people have filled in: `state.values` of views and messages."""

from collections.abc import Iterable

from bot.workspace.contents.model import Json
from bot.workspace.rules import blocks

# Where each element keeps its value in `state.values`, and which property of the block fills it at first
# (Slack, "Reference: view_submission payloads").
FIELDS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", ""),
}


def initial(layout: Iterable[Json]) -> Json:
    """Return `state.values` of blocks that nobody has touched."""
    values: Json = {}
    for block, element in blocks.elements(layout):
        if element["type"] not in FIELDS:
            continue
        name, start = FIELDS[element["type"]]
        empty: object = [] if name.startswith("selected_") and name.endswith("s") else None
        value = element.get(start, empty)
        values.setdefault(block["block_id"], {})[element["action_id"]] = {"type": element["type"], name: value}
    return values


def carried_over(values: Json, layout: Iterable[Json]) -> Json:
    """Return the state after an update: what was filled in stays where block, action and type stayed the same."""
    fresh = initial(layout)
    for block_id, actions in fresh.items():
        for action_id, entry in actions.items():
            old = values.get(block_id, {}).get(action_id)
            if old and old.get("type") == entry["type"]:
                actions[action_id] = old
    return fresh


def merged(values: Json, sent: Json | None, layout: Iterable[Json]) -> Json:
    """Return the state with what a person's page sent; entries for elements that are not there are dropped."""
    known = carried_over(values, layout)
    for block_id, actions in (sent or {}).items():
        for action_id, entry in (actions or {}).items():
            if action_id in known.get(block_id, {}) and isinstance(entry, dict):
                known[block_id][action_id] = {**entry, "type": known[block_id][action_id]["type"]}
    return known
