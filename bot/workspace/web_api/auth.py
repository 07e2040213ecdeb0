"""auth.*, api.test, apps.connections.open, team and bots: who is calling, and where."""

from bot.workspace.contents.model import Json
from bot.workspace.contents.shapes import bot_profile
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.tokens import TokenKind
from bot.workspace.web_api.registry import Call, method


@method("auth.test")
def auth_test(call: Call) -> Json:
    """Return whose token it is."""
    team, user = call.core.team, call.core.team.users[call.user_id]
    who: Json = {"team": team.name, "team_id": team.id, "user": user.name, "user_id": user.id}
    return {
        "url": f"{call.core.base_url}/",
        **who,
        **({"bot_id": user.bot_id} if user.bot_id else {}),
        "is_enterprise_install": False,
    }


@method("apps.connections.open", scopes=("connections:write",), kinds=frozenset({TokenKind.APP}))
def connections_open(call: Call) -> Json:
    """Return the address of a Socket Mode connection, good for one use."""
    app = call.identity.app
    if app is None or app.request_url:
        raise SlackError("socket_mode_not_enabled")
    ticket = call.core.delivery.sockets.ticket(app.id)
    address = call.core.base_url.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={ticket}&app_id={app.id}"}


@method("team.info", scopes=("team:read",))
def team_info(call: Call) -> Json:
    """Return the workspace."""
    team = call.core.team
    icon = {"image_default": True}
    shape: Json = {"id": team.id, "name": team.name, "domain": team.domain, "email_domain": "", "icon": icon}
    return {"team": {**shape, "url": f"{call.core.base_url}/", "is_verified": False, "discoverable": "invite_only"}}


@method("bots.info", scopes=("users:read",), required=("bot",))
def bots_info(call: Call) -> Json:
    """Return a bot."""
    app = call.core.team.app_of_bot(call.args.text("bot"))
    if app is None:
        raise SlackError("bot_not_found")
    profile = bot_profile(call.core, app)
    del profile["team_id"]
    return {"bot": {**profile, "user_id": app.user_id}}


@method("emoji.list", scopes=("emoji:read",))
def emoji_list(call: Call) -> Json:
    """Return the custom emoji: there are none."""
    return {"emoji": {}, "cache_ts": call.core.team.timestamps.next()}
