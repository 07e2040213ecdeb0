"""Faults on request and the log of calls: for drills and tests."""

import pydantic

from bot.workspace.apps import events
from bot.workspace.client.requests import Visit
from bot.workspace.contents import channels, shapes
from bot.workspace.contents.model import ChannelKind, Json
from bot.workspace.core import Core
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.faults import SOCKET_FAULTS, Fault, FaultKind


async def request_faults(core: Core, faults: list[Fault]) -> None:
    """Put faults in force; those of Socket Mode strike at once."""
    sockets = core.delivery.sockets
    core.faults.request([fault for fault in faults if fault.kind not in SOCKET_FAULTS])
    for fault in faults:
        if fault.kind is FaultKind.SOCKET_DROP:
            await sockets.drop(core.team.apps)
        elif fault.kind is FaultKind.SOCKET_REFRESH:
            await sockets.refresh(core.team.apps, "refresh_requested")
        elif fault.kind is FaultKind.SOCKET_WARNING:
            await sockets.refresh(core.team.apps, "warning")
        elif fault.kind is FaultKind.SOCKET_SILENT:
            sockets.silence(fault.seconds)


async def post_faults(visit: Visit) -> Json:
    """Put the faults of the body in force."""
    try:
        faults = [Fault.model_validate(entry) for entry in visit.body.get("faults") or []]
    except pydantic.ValidationError as fault:
        messages = [f"{error['loc']}: {error['msg']}" for error in fault.errors()]
        raise SlackError("invalid_faults", response_metadata={"messages": messages}) from fault
    await request_faults(visit.core, faults)
    return await get_faults(visit)


async def get_faults(visit: Visit) -> Json:
    """Return the faults in force."""
    return {"faults": [fault.model_dump(mode="json") for fault in visit.core.faults.wanted()]}


async def delete_faults(visit: Visit) -> Json:
    """Let everything work again."""
    visit.core.faults.clear()
    visit.core.delivery.sockets.silence(0)
    return {"faults": []}


async def deactivate(visit: Visit) -> Json:
    """Deactivate an account, as an administrator does: it leaves every conversation, and apps hear of the change."""
    user = visit.core.team.users.get(visit.text("user"))
    if user is None or user.is_bot:
        raise SlackError("user_not_found")
    user.deleted = True
    for channel in list(visit.core.team.channels.values()):
        if user.id in channel.members and channel.kind in (ChannelKind.PUBLIC, ChannelKind.PRIVATE):
            del channel.members[user.id]
            channels.announce(visit.core, channel)
    ts = visit.core.team.timestamps.next()
    changed = {"type": "user_change", "user": shapes.user(visit.core, user), "cache_ts": visit.core.team.epoch()}
    events.emit(visit.core, {**changed, "event_ts": ts}, None)
    return {}


async def log(visit: Visit) -> Json:
    """Return the latest Web API calls, oldest first."""
    method = visit.text("method")
    entries = visit.core.calls.entries()
    return {"calls": [entry for entry in entries if not method or entry["method"] == method]}
