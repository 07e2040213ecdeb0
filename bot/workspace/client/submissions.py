"""Submitting and closing modals."""

from typing import Any

from bot.workspace.apps.parcels import Kind
from bot.workspace.client import payloads, places
from bot.workspace.client.requests import Visit
from bot.workspace.contents import element_state, modals, shapes
from bot.workspace.contents.model import App, Json, View
from bot.workspace.core import Core
from bot.workspace.rules import blocks, input_checks
from bot.workspace.rules.errors import DispatchFailed, SlackError


async def submit(visit: Visit) -> Json:
    """Send a modal to its app and do what the ack says: errors, update, push, clear, or close."""
    core = visit.core
    view = places.own_view(visit, visit.text("view_id"))
    app = core.team.apps[view.app_id]
    state = visit.body.get("state") or {}
    view.values = element_state.merged(view.values, state.get("values"), view.layout["blocks"])
    complaints = input_checks.complaints(view)
    if complaints:
        return {"response_action": "errors", "errors": complaints}
    payload = {
        **payloads.common(core, app, visit.person, "view_submission"),
        "trigger_id": core.triggers.issue(app.id, visit.person.id),
        "view": shapes.view(core, view),
        "response_urls": _response_urls(core, app, view),
    }
    ack = await core.delivery.ask(app, Kind.INTERACTIVE, payload) or {}
    return _react(core, app, view, ack)


def _react(core: Core, app: App, view: View, ack: Json) -> Json:
    try:
        match ack.get("response_action"):
            case "errors":
                return {"response_action": "errors", "errors": _errors(view, ack.get("errors"))}
            case "update":
                modals.update(core, view, blocks.view_layout(ack.get("view")))
                return {"response_action": "update", "view": shapes.view(core, view)}
            case "push":
                pushed = modals.push(core, app, view.user_id, blocks.view_layout(ack.get("view")))
                return {"response_action": "push", "view": shapes.view(core, pushed)}
            case "clear":
                modals.clear(core, view.user_id)
                return {"response_action": "clear"}
            case _:
                modals.close(core, view)
                return {"response_action": None}
    except SlackError as fault:
        # Slack tells the person only that this did not work; the detail is for whoever writes the app.
        raise DispatchFailed(f"the ack of the submission cannot be used: {fault.body()}") from fault


def _errors(view: View, errors: Any) -> dict[str, str]:
    known = {block["block_id"] for block in view.layout["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not known.issuperset(errors):
        raise SlackError("invalid_response_errors")
    return {block_id: str(text) for block_id, text in errors.items()}


def _response_urls(core: Core, app: App, view: View) -> list[Json]:
    urls = []
    for block, element in blocks.elements(view.layout["blocks"]):
        if not element.get("response_url_enabled"):
            continue
        entry = view.values.get(block["block_id"], {}).get(element["action_id"], {})
        channel_id = entry.get("selected_conversation") or entry.get("selected_channel")
        if channel_id in core.team.channels:
            token = core.responses.issue(app.id, view.user_id, channel_id)
            ids = {"block_id": block["block_id"], "action_id": element["action_id"], "channel_id": channel_id}
            urls.append({**ids, "response_url": f"{core.base_url}/hooks/{token}"})
    return urls


async def close(visit: Visit) -> Json:
    """Close a modal, or with `is_cleared` the whole stack; apps that asked for it are told."""
    core = visit.core
    top = places.own_view(visit, visit.text("view_id"))
    is_cleared = bool(visit.body.get("is_cleared"))
    if is_cleared:
        closed = modals.clear(core, visit.person.id)
    else:
        modals.close(core, top)
        closed = [top]
    for view in closed:
        if view.layout.get("notify_on_close"):
            app = core.team.apps[view.app_id]
            payload = payloads.common(core, app, visit.person, "view_closed")
            payload |= {"view": shapes.view(core, view), "is_cleared": is_cleared}
            core.delivery.tell(app, Kind.INTERACTIVE, payload)
    return {}
