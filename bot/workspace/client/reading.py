"""What a page shows: the workspace, views, ephemeral messages, the App Home."""

from bot.workspace.apps import events
from bot.workspace.client import places
from bot.workspace.client.requests import Visit
from bot.workspace.contents import canvases, channels, shapes
from bot.workspace.contents.model import App, Json
from bot.workspace.contents.state import SLACKBOT
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError


async def boot(visit: Visit) -> Json:
    """Return everything that a page needs at first."""
    core, person = visit.core, visit.person
    team, apps = core.team, list(core.team.apps.values())
    return {
        "team": {"id": team.id, "name": team.name, "domain": team.domain},
        "self": shapes.user(core, person),
        "users": [shapes.user(core, user) for user in team.users.values() if user.id != SLACKBOT],
        "usergroups": [shapes.usergroup(core, group, with_users=True) for group in team.usergroups.values()],
        "apps": [_app(core, app) for app in apps],
        "commands": [
            {"command": c.name, "description": c.description, "usage_hint": c.usage_hint, "app_id": app.id}
            for app in apps
            for c in app.manifest.commands
        ],
        "shortcuts": [
            {"callback_id": s.callback_id, "name": s.name, "type": s.kind, "app_id": app.id}
            for app in apps
            for s in app.manifest.shortcuts
        ],
        "channels": [channels.for_page(core, row, person.id) for row in team.channels_seen_by(person.id)],
        "views": [shapes.view(core, team.views[view_id]) for view_id in team.stacks.get(person.id, [])],
    }


def _app(core: Core, app: App) -> Json:
    return {
        "id": app.id,
        "name": app.name,
        "bot_user_id": app.user_id,
        "bot_id": app.bot_id,
        "icon": f"{core.base_url}/avatars/{app.user_id}.svg",
        "home_tab": app.manifest.home_tab,
        "read_only_messages": app.manifest.read_only_messages,
        "connected": app.request_url is not None or core.delivery.sockets.is_connected(app.id),
    }


async def view(visit: Visit) -> Json:
    """Return a view that the person has open."""
    return {"view": shapes.view(visit.core, places.own_view(visit, visit.text("view_id")))}


async def ephemerals(visit: Visit) -> Json:
    """Return the ephemeral messages that the person sees in a channel."""
    rows = visit.core.ephemerals.of(visit.person.id, visit.text("channel"))
    return {"messages": [{**shapes.message(visit.core, row), "is_ephemeral": True} for row in rows]}


async def home(visit: Visit) -> Json:
    """Open an app's home and return what it shows; the app is told and may publish anew."""
    core, app = visit.core, visit.app()
    row = core.team.homes.get((app.id, visit.person.id))
    shape = shapes.view(core, row) if row else None
    _tell_opened(visit, app, "home", {"view": shape} if shape else {})
    return {"view": shape}


async def dm(visit: Visit) -> Json:
    """Open the conversation with somebody; an app is told that its messages are looked at."""
    core, other = visit.core, visit.text("user")
    if other not in core.team.users:
        raise SlackError("user_not_found")
    channel, _ = channels.open_direct(core, frozenset({visit.person.id, other}))
    app = core.team.apps.get(core.team.users[other].app_id or "")
    if app is not None:
        _tell_opened(visit, app, "messages", {})
    return {"channel": channels.for_page(core, channel, visit.person.id)}


def _tell_opened(visit: Visit, app: App, tab: str, extra: Json) -> None:
    core = visit.core
    channel, _ = channels.open_direct(core, frozenset({visit.person.id, app.user_id}))
    opened = {"type": "app_home_opened", "user": visit.person.id, "channel": channel.id, "tab": tab}
    events.emit_to(core, app, {**opened, "event_ts": core.team.timestamps.next(), **extra})


async def read(visit: Visit) -> Json:
    """Note up to where the person has read a channel."""
    core = visit.core
    channel = core.team.visible_channel(visit.text("channel"), visit.person.id)
    channels.mark_read(core, channel, visit.person.id, visit.text("ts"))
    return {"channel": channels.for_page(core, channel, visit.person.id)}


async def canvas(visit: Visit) -> Json:
    """Return a canvas's title and text."""
    row = visit.core.team.canvases.get(visit.text("id"))
    if row is None or not canvases.may_read(visit.core, row, visit.person.id):
        raise SlackError("canvas_not_found")
    return {"title": row.title, "markdown": row.markdown, "channel": row.channel_id}
