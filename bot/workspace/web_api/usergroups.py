"""usergroups.*: groups that are mentioned as one."""

from bot.workspace.contents import shapes
from bot.workspace.contents.model import Json, Usergroup
from bot.workspace.rules.errors import SlackError
from bot.workspace.web_api.registry import Call, method


@method("usergroups.list", scopes=("usergroups:read",))
def list_all(call: Call) -> Json:
    """Return the groups."""
    with_users, with_disabled = call.args.flag("include_users"), call.args.flag("include_disabled")
    rows = [group for group in call.core.team.usergroups.values() if with_disabled or not group.disabled]
    return {"usergroups": [shapes.usergroup(call.core, group, with_users=with_users) for group in rows]}


@method("usergroups.users.list", scopes=("usergroups:read",), required=("usergroup",))
def users(call: Call) -> Json:
    """Return the ids of a group's people."""
    return {"users": list(_group(call).users)}


@method("usergroups.users.update", scopes=("usergroups:write",), required=("usergroup", "users"))
def update_users(call: Call) -> Json:
    """Replace a group's people."""
    group, user_ids = _group(call), call.args.names("users")
    if not user_ids:
        raise SlackError("no_users_provided")
    if any(user_id not in call.core.team.users for user_id in user_ids):
        raise SlackError("invalid_users")
    group.users, group.updated = user_ids, call.core.team.epoch()
    return {"usergroup": shapes.usergroup(call.core, group, with_users=True)}


@method("usergroups.create", scopes=("usergroups:write",), required=("name",))
def create(call: Call) -> Json:
    """Make a group."""
    team, name = call.core.team, call.args.text("name")
    handle = call.args.text("handle") or name.lower().replace(" ", "-")
    if any(handle == group.handle for group in team.usergroups.values()) or team.person_named(handle):
        raise SlackError("handle_already_exists")
    if any(name == group.name for group in team.usergroups.values()):
        raise SlackError("name_already_exists")
    group = Usergroup(team.ids.new("S"), handle, name, team.epoch(), call.user_id, updated=team.epoch())
    group.description = call.args.text("description")
    team.usergroups[group.id] = group
    return {"usergroup": shapes.usergroup(call.core, group)}


def _group(call: Call) -> Usergroup:
    group = call.core.team.usergroups.get(call.args.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return group
