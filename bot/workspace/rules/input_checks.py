"""What Slack's own client checks before a modal is sent."""

import re

from bot.workspace.contents import element_state
from bot.workspace.contents.model import Json, View

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://\S+")


def complaints(view: View) -> dict[str, str]:
    """Return what is wrong per block id; empty when the modal may be sent."""
    found: dict[str, str] = {}
    for block in view.layout["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        field, _ = element_state.FIELDS.get(element["type"], ("", ""))
        value = view.values.get(block["block_id"], {}).get(element["action_id"], {}).get(field)
        complaint = _complaint(element, value, is_optional=bool(block.get("optional")))
        if complaint:
            found[block["block_id"]] = complaint
    return found


def _complaint(element: Json, value: object, *, is_optional: bool) -> str | None:
    if value is None or value in ("", []):
        return None if is_optional else "Please complete this required field."
    match element["type"]:
        case "plain_text_input":
            return _length(element, str(value))
        case "email_text_input":
            return None if _EMAIL.fullmatch(str(value)) else "Enter a valid email address."
        case "url_text_input":
            return None if _URL.fullmatch(str(value)) else "Enter a valid URL."
        case "number_input":
            return _number(element, str(value))
        case _:
            return None


def _length(element: Json, value: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(value) < least:
        return f"Enter at least {least} characters."
    return f"Enter at most {most} characters." if len(value) > most else None


def _number(element: Json, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Enter a number of at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Enter a number of at most {element['max_value']}."
    return None
