"""A form whose words are not stored yet: the form as it was sent, a line above it that says how it stands.

While that is shown nothing is lost: what was typed stands in its fields, and sending it again stores it once.
"""

from collections.abc import Mapping
from typing import Any

from bot.ids import Form
from bot.views import mrkdwn, parts
from bot.views.message import Json

#: Element -> where its value is in what a form sends, and what fills it when it is drawn.
#: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
_FILLED = {
    "plain_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "datepicker": ("selected_date", "initial_date"),
}
#: What a view that came back has and one that is sent may have.
_KEPT = ("type", "callback_id", "title", "submit", "close", "private_metadata", "clear_on_close", "notify_on_close")

_SAYS = "unstored"  # block id of the line above the form

States = Mapping[tuple[str, str], Mapping[str, Any]]  #: (block, element) -> what it holds


def waiting(sent: Json, key: str) -> Json:
    """Return the form as it was sent, while the database keeps it waiting; sent once more it has the same `key`."""
    button = mrkdwn.said(_text(sent, "submit") or "Send", 30)
    words = (
        ":hourglass_flowing_sand: *Not stored yet.* The database takes longer than usual, and Sitrep keeps trying.\n"
        "Leave this open until it says that it is stored. "
        f"Pressing “{button}” again stores it no second time; changed words are a new one."
    )
    return _again(sent, key, words)


def failed(sent: Json, key: str, faults: Mapping[str, str]) -> Json:
    """Return the form as it was sent, with what went wrong: of each field one sentence."""
    return _again(sent, key, f":warning: *Not stored.* {_told(sent, faults)}")


def still(sent: Json, drawn: Json) -> Json:
    """Return `drawn`, what the form `sent` becomes by a press in it, with the line and the key that `sent` has."""
    says = [block for block in sent["blocks"] if block.get("block_id") == _SAYS]
    if not says:
        return drawn
    return {**drawn, "external_id": sent["external_id"], "blocks": [*says, *drawn["blocks"]][: parts.MAX_VIEW_BLOCKS]}


def stored(sent: Json, *, clears: bool = False) -> Json:
    """Return what the form becomes, and with `clears` takes what lies below; nobody but the person can close it."""
    said = parts.section("✅ Stored. You can close this.")
    return {**parts.modal(Form.SHOWN, _text(sent, "title") or "Sitrep", [said]), "clear_on_close": clears}


def late(sent: Json) -> str:
    """Return what somebody reads whose form was stored and may not say so."""
    return f"✅ *{mrkdwn.said(_text(sent, 'title'), 60)}* was stored, whatever its form still says."


def closed(sent: Json, faults: Mapping[str, str]) -> str:
    """Return what somebody reads who closed the form before it failed."""
    return f"*{mrkdwn.said(_text(sent, 'title'), 60)}* was not stored. {_told(sent, faults)}"


def typed(sent: Json) -> str:
    """Return the words that were typed into the form, to read: each field's below its label."""
    states = _states(sent)
    said = [
        f"{_text(block, 'label')}: {words}"
        for block in sent["blocks"]
        if block.get("type") == "input"
        and (words := states.get((block["block_id"], block["element"]["action_id"]), {}).get("value"))
    ]
    return "\n".join(said)


def _told(sent: Json, faults: Mapping[str, str]) -> str:
    labels = {block.get("block_id"): _text(block, "label") for block in sent["blocks"]}
    several = len(faults) > 1
    lines = [f"{labels.get(field) or field}: {words}" if several else words for field, words in faults.items()]
    return mrkdwn.paragraphs("\n".join(lines), 2500)


def _text(part: Json, name: str) -> str:
    return str((part.get(name) or {}).get("text") or "")


def _again(sent: Json, key: str, words: str) -> Json:
    states = _states(sent)
    says = parts.section(words, block_id=_SAYS).to_dict()
    blocks = [_filled(block, states) for block in sent["blocks"] if block.get("block_id") != _SAYS]
    kept = {name: sent[name] for name in _KEPT if sent.get(name)}
    return {**kept, "external_id": key, "blocks": [says, *blocks][: parts.MAX_VIEW_BLOCKS]}


def _states(sent: Json) -> States:
    values = (sent.get("state") or {}).get("values") or {}
    return {(block_id, name): state for block_id, states in values.items() for name, state in states.items()}


def _filled(block: Json, states: States) -> Json:
    """Return a block with what was filled into it; one that was emptied is empty."""
    changed: Json = {}
    for place in ("element", "accessory"):
        if isinstance(block.get(place), dict):
            changed[place] = _with_value(block["block_id"], block[place], states)
    if block.get("type") == "actions":
        changed["elements"] = [_with_value(block["block_id"], each, states) for each in block["elements"]]
    return {**block, **changed}


def _with_value(block_id: str, element: Json, states: States) -> Json:
    names = _FILLED.get(element["type"])
    state = states.get((block_id, element.get("action_id", "")))
    if names is None or state is None:
        return element
    in_state, at_first = names
    rest = {name: each for name, each in element.items() if name != at_first}
    value = state.get(in_state)
    return {**rest, at_first: value} if value else rest
