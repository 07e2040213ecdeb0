"""views.*: modals and the App Home."""

from bot.workspace.contents import modals, shapes
from bot.workspace.contents.model import App, Json, View
from bot.workspace.rules import blocks
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.tokens import TokenKind
from bot.workspace.web_api.registry import Call, method

_BOTS = frozenset({TokenKind.BOT})


@method("views.open", required=("view",), kinds=_BOTS)
def open_view(call: Call) -> Json:
    """Open a modal for the person whose trigger id it is."""
    layout = _modal(call)
    trigger = call.core.triggers.redeem(_trigger_id(call), _app(call).id)
    row = modals.open_root(call.core, _app(call), trigger.user_id, layout)
    return {"view": shapes.view(call.core, row)}


@method("views.push", required=("view",), kinds=_BOTS)
def push_view(call: Call) -> Json:
    """Put a modal on top of the one in which the trigger id arose."""
    layout = _modal(call)
    trigger = call.core.triggers.redeem(_trigger_id(call), _app(call).id)
    row = modals.push(call.core, _app(call), trigger.user_id, layout)
    return {"view": shapes.view(call.core, row)}


@method("views.update", required=("view",), kinds=_BOTS)
def update_view(call: Call) -> Json:
    """Replace a modal's or a home's content; with `hash` only if nothing else changed it."""
    row = _existing(call)
    layout = blocks.view_layout(call.args.document("view"))
    if call.args.text("hash") and call.args.text("hash") != row.hash:
        raise SlackError("hash_conflict")
    if layout["type"] != row.kind:
        raise SlackError("view_type_mismatch")
    modals.update(call.core, row, layout)
    return {"view": shapes.view(call.core, row)}


@method("views.publish", required=("user_id", "view"), kinds=_BOTS)
def publish_view(call: Call) -> Json:
    """Set what a person's App Home shows."""
    app = _app(call)
    user_id = call.args.text("user_id")
    if user_id not in call.core.team.users:
        raise SlackError("user_not_found")
    if not app.manifest.home_tab:
        raise SlackError("not_enabled")
    layout = blocks.view_layout(call.args.document("view"))
    if layout["type"] != "home":
        raise SlackError("view_type_mismatch")
    row = call.core.team.homes.get((app.id, user_id))
    if row and call.args.text("hash") and call.args.text("hash") != row.hash:
        raise SlackError("hash_conflict")
    return {"view": shapes.view(call.core, modals.publish(call.core, app, user_id, layout))}


def _app(call: Call) -> App:
    if call.app is None:
        raise SlackError("not_allowed_token_type")
    return call.app


def _modal(call: Call) -> Json:
    layout = blocks.view_layout(call.args.document("view"))
    if layout["type"] != "modal":
        raise SlackError("view_type_mismatch")
    return layout


def _trigger_id(call: Call) -> str:
    return call.args.text("trigger_id") or call.args.required("interactivity_pointer")


def _existing(call: Call) -> View:
    app, view_id, external_id = _app(call), call.args.text("view_id"), call.args.text("external_id")
    row = call.core.team.views.get(view_id)
    if row is None and external_id:
        row = next((view for view in call.core.team.views.values() if view.external_id == external_id), None)
    if row is None or row.app_id != app.id:
        raise SlackError("not_found")
    return row
