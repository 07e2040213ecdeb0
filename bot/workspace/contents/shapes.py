"""Rows as Slack's answers show them."""

from bot.workspace.contents import file_shapes
from bot.workspace.contents.model import App, Channel, ChannelKind, Json, Message, Note, User, Usergroup, View
from bot.workspace.core import Core


def user(core: Core, row: User) -> Json:
    """Return a user object."""
    avatar = {f"image_{size}": f"{core.base_url}/avatars/{row.id}.svg" for size in (24, 32, 48, 72, 192, 512)}
    profile: Json = {
        "title": row.title,
        "phone": "",
        "skype": "",
        "real_name": row.real_name,
        "real_name_normalized": row.real_name,
        "display_name": row.name,
        "display_name_normalized": row.name,
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": row.id.lower(),
        "team": core.team.id,
        **avatar,
    }
    first, _, last = row.real_name.partition(" ")
    profile |= {"first_name": first, "last_name": last}
    if row.is_bot:
        profile |= {"api_app_id": row.app_id, "bot_id": row.bot_id, "always_active": True}
    elif row.email:
        profile["email"] = row.email
    return {
        "id": row.id,
        "team_id": core.team.id,
        "name": row.name,
        "deleted": row.deleted,
        "color": "9f69e7",
        "real_name": row.real_name,
        "tz": row.tz,
        "tz_label": row.tz,
        "tz_offset": 0,
        "profile": profile,
        "is_admin": row.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": row.is_bot,
        "is_app_user": False,
        "updated": row.created,
        "is_email_confirmed": not row.is_bot,
        "who_can_share_contact_card": "EVERYONE",
    }


def note(row: Note) -> Json:
    """Return a topic or a purpose."""
    return {"value": row.value, "creator": row.creator, "last_set": row.last_set}


def channel(core: Core, row: Channel, viewer: str) -> Json:
    """Return a conversation object as this user sees it."""
    if row.kind is ChannelKind.IM:
        return _direct(core, row, viewer)
    shape: Json = {
        "id": row.id,
        "name": row.name,
        "name_normalized": row.name,
        "is_channel": row.kind is ChannelKind.PUBLIC,
        "is_group": row.kind is ChannelKind.PRIVATE,
        "is_im": False,
        "is_mpim": row.kind is ChannelKind.MPIM,
        "is_private": row.kind is not ChannelKind.PUBLIC,
        "created": row.created,
        "is_archived": row.is_archived,
        "is_general": row.is_general,
        "unlinked": 0,
        "is_shared": False,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": core.team.id,
        "updated": row.updated,
        "creator": row.creator,
        "is_ext_shared": False,
        "shared_team_ids": [core.team.id],
        "pending_connected_team_ids": [],
        "is_member": viewer in row.members,
        "topic": note(row.topic),
        "purpose": note(row.purpose),
        "previous_names": list(row.previous_names),
    }
    if row.canvas_id:
        shape["properties"] = {
            "canvas": {"file_id": row.canvas_id, "is_empty": False, "quip_thread_id": row.canvas_id.lower()}
        }
    if viewer in row.members:
        shape["last_read"] = row.last_read.get(viewer, "0000000000.000000")
    return shape


def _direct(core: Core, row: Channel, viewer: str) -> Json:
    others = [member for member in row.members if member != viewer] or [viewer]
    return {
        "id": row.id,
        "created": row.created,
        "is_archived": False,
        "is_im": True,
        "is_org_shared": False,
        "context_team_id": core.team.id,
        "updated": row.updated,
        "user": others[0],
        "is_user_deleted": False,
        "is_open": True,
        "priority": 0,
        "last_read": row.last_read.get(viewer, "0000000000.000000"),
    }


def bot_profile(core: Core, app: App) -> Json:
    """Return the profile that rides on a bot's messages."""
    return {
        "id": app.bot_id,
        "deleted": False,
        "name": app.manifest.bot_name,
        "updated": core.team.users[app.user_id].created,
        "app_id": app.id,
        "icons": {f"image_{size}": f"{core.base_url}/avatars/{app.user_id}.svg" for size in (36, 48, 72)},
        "team_id": core.team.id,
    }


def message(core: Core, row: Message, *, with_metadata: bool = False) -> Json:
    """Return a message object; metadata shows only to those who ask for it."""
    shape: Json = {"type": "message", "user": row.user, "text": row.text, "ts": row.ts, "team": core.team.id}
    shape |= _authorship(core, row)
    optional: Json = {
        "subtype": row.subtype,
        "thread_ts": row.thread_ts,
        "blocks": row.blocks,
        "attachments": row.attachments,
        "edited": row.edited,
        "files": [file_shapes.file(core, file_id) for file_id in row.files if file_id in core.team.files],
        "metadata": row.metadata if with_metadata else None,
    }
    shape |= {name: value for name, value in optional.items() if value}
    shape |= row.extra
    if row.reactions:
        shape["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)} for name, users in row.reactions.items()
        ]
    home = core.team.channels.get(row.channel_id)
    if home is not None and row.ephemeral_to is None:
        shape |= _thread(home, row)
        if row.ts in home.pins:
            shape["pinned_to"] = [home.id]
    return shape


def _authorship(core: Core, row: Message) -> Json:
    shape: Json = {}
    app = core.team.apps.get(row.app_id or "")
    if app is not None:
        shape |= {"bot_id": app.bot_id, "app_id": app.id, "bot_profile": bot_profile(core, app)}
    if row.client_msg_id:
        shape["client_msg_id"] = row.client_msg_id
    if row.username:
        shape["username"] = row.username
    if row.icons:
        shape["icons"] = row.icons
    return shape


def _thread(home: Channel, row: Message) -> Json:
    if row.is_reply and row.thread_ts:
        parent = home.messages.get(row.thread_ts)
        return {"parent_user_id": parent.user} if parent else {}
    replies = home.threads.get(row.ts)
    if not replies:
        return {}
    users = list(home.repliers[row.ts])
    return {
        "thread_ts": row.ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "latest_reply": replies[-1],
        "reply_users": users[:5],
        "is_locked": False,
        "subscribed": False,
    }


def view(core: Core, row: View) -> Json:
    """Return a view object with what is filled in at present."""
    layout = row.layout
    return {
        "id": row.id,
        "team_id": core.team.id,
        "type": row.kind,
        "blocks": layout["blocks"],
        "private_metadata": layout.get("private_metadata", ""),
        "callback_id": layout.get("callback_id", ""),
        "state": {"values": row.values},
        "hash": row.hash,
        "title": layout.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "clear_on_close": bool(layout.get("clear_on_close", False)),
        "notify_on_close": bool(layout.get("notify_on_close", False)),
        "close": layout.get("close"),
        "submit": layout.get("submit"),
        "previous_view_id": row.previous_id,
        "root_view_id": row.root_id,
        "app_id": row.app_id,
        "external_id": row.external_id,
        "app_installed_team_id": core.team.id,
        "bot_id": core.team.apps[row.app_id].bot_id,
    }


def usergroup(core: Core, row: Usergroup, *, with_users: bool = False) -> Json:
    """Return a user group."""
    shape: Json = {
        "id": row.id,
        "team_id": core.team.id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": row.name,
        "description": row.description,
        "handle": row.handle,
        "is_external": False,
        "date_create": row.created,
        "date_update": row.updated,
        "date_delete": core.team.epoch() if row.disabled else 0,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": row.creator,
        "updated_by": row.creator,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(row.users),
    }
    return shape | ({"users": list(row.users)} if with_users else {})
