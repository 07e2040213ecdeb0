"""Opening, stacking, changing and closing views."""

import json
from typing import Final

from bot.workspace.contents import element_state, shapes
from bot.workspace.contents.ids import secret
from bot.workspace.contents.model import App, Json, View
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError

# Slack, "Modals": a stack of up to three views, 250 kB each.
STACK: Final = 3
VIEW_BYTES: Final = 250_000


def open_root(core: Core, app: App, user_id: str, layout: Json) -> View:
    """Open a modal; it takes the place of whatever the person had open."""
    row = _new(core, app, user_id, layout)
    for view_id in core.team.stacks.pop(user_id, []):
        core.team.views.pop(view_id, None)
    core.team.stacks[user_id] = [row.id]
    core.hub.publish({"type": "view_opened", "view": shapes.view(core, row)}, [user_id])
    return row


def push(core: Core, app: App, user_id: str, layout: Json) -> View:
    """Put a modal on top of the person's stack.

    Raises:
        SlackError: not_found without an open modal, push_limit_reached at three.
    """
    stack = core.team.stacks.get(user_id)
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= STACK:
        raise SlackError("push_limit_reached")
    row = _new(core, app, user_id, layout)
    row.root_id, row.previous_id = stack[0], stack[-1]
    stack.append(row.id)
    core.hub.publish({"type": "view_pushed", "view": shapes.view(core, row)}, [user_id])
    return row


def update(core: Core, row: View, layout: Json) -> None:
    """Replace a view's content; what was filled in stays where the same elements stay."""
    _check(core, row.app_id, layout, row)
    row.layout = layout
    row.values = element_state.carried_over(row.values, layout["blocks"])
    row.hash = _new_hash(core)
    _show(core, row)


def publish(core: Core, app: App, user_id: str, layout: Json) -> View:
    """Set a person's App Home."""
    row = core.team.homes.get((app.id, user_id))
    if row is not None:
        update(core, row, layout)
        return row
    row = _new(core, app, user_id, layout)
    core.team.homes[app.id, user_id] = row
    _show(core, row)
    return row


def close(core: Core, row: View) -> None:
    """Take the person's top modal away; the one below it shows again."""
    stack = core.team.stacks.get(row.user_id, [])
    if row.id in stack:
        stack.remove(row.id)
    if not stack:
        core.team.stacks.pop(row.user_id, None)
    core.team.views.pop(row.id, None)
    core.hub.publish({"type": "view_closed", "view_id": row.id}, [row.user_id])


def clear(core: Core, user_id: str) -> list[View]:
    """Take all modals of a person away and return them, the top one first."""
    rows = [core.team.views[view_id] for view_id in reversed(core.team.stacks.get(user_id, []))]
    for row in rows:
        close(core, row)
    return rows


def _show(core: Core, row: View) -> None:
    shape = shapes.view(core, row)
    if row.kind == "home":
        core.hub.publish({"type": "home_updated", "app_id": row.app_id, "view": shape}, [row.user_id])
    else:
        core.hub.publish({"type": "view_updated", "view": shape}, [row.user_id])


def _new(core: Core, app: App, user_id: str, layout: Json) -> View:
    _check(core, app.id, layout, None)
    view_id = core.team.ids.new("V")
    values = element_state.initial(layout["blocks"])
    row = View(view_id, app.id, user_id, layout["type"], layout, _new_hash(core), root_id=view_id, values=values)
    core.team.views[view_id] = row
    return row


def _check(core: Core, app_id: str, layout: Json, row: View | None) -> None:
    if len(json.dumps(layout)) > VIEW_BYTES:
        raise SlackError("view_too_large")
    external_id = layout.get("external_id")
    if external_id and any(
        other.external_id == external_id and other.app_id == app_id and other is not row
        for other in core.team.views.values()
    ):
        raise SlackError("duplicate_external_id")


def _new_hash(core: Core) -> str:
    return f"{core.team.epoch()}.{secret(8)}"
