"""users.*: who is in the workspace."""

from bot.workspace.contents import shapes
from bot.workspace.contents.model import Json, User
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api import paging
from bot.workspace.web_api.registry import Call, method


@method("users.info", scopes=("users:read",), required=("user",))
def info(call: Call) -> Json:
    """Return one user."""
    return {"user": _shape(call, _user(call))}


@method("users.list", scopes=("users:read",))
def list_all(call: Call) -> Json:
    """Return every user, Slackbot and bots included."""
    rows, more = paging.page(call, list(call.core.team.users.values()), default=1000)
    return {"members": [_shape(call, user) for user in rows], "cache_ts": call.core.team.epoch(), **more}


@method("users.lookupByEmail", scopes=("users:read.email",), required=("email",))
def lookup_by_email(call: Call) -> Json:
    """Return who has this address."""
    wanted = call.args.text("email").strip().lower()
    for user in call.core.team.users.values():
        if user.email.lower() == wanted and not user.deleted:
            return {"user": _shape(call, user)}
    raise SlackError("users_not_found")


@method("users.profile.get", scopes=("users.profile:read",))
def profile(call: Call) -> Json:
    """Return a user's profile."""
    return {"profile": _shape(call, _user(call))["profile"]}


@method("users.getPresence", scopes=("users:read",))
def presence(call: Call) -> Json:
    """Return whether somebody has the page open."""
    user = _user(call)
    return {"presence": "active" if user.is_bot or call.core.hub.present([user.id]) else "away"}


def _user(call: Call) -> User:
    user = call.core.team.users.get(call.args.text("user") or call.user_id)
    if user is None:
        raise SlackError("user_not_found")
    return user


def _shape(call: Call, user: User) -> Json:
    shape = shapes.user(call.core, user)
    scopes = call.identity.scopes
    if scopes is not None and "users:read.email" not in scopes:
        shape["profile"].pop("email", None)
    return shape
