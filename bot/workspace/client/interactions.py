"""Commands, clicks, shortcuts and options: what people do, brought to the app that must answer."""

import re

from bot.workspace.apps import answering
from bot.workspace.apps.parcels import Kind
from bot.workspace.client import payloads, places
from bot.workspace.client.places import Place
from bot.workspace.client.requests import Visit
from bot.workspace.contents import element_state
from bot.workspace.contents.model import App, Channel, Json, Message
from bot.workspace.core import Core
from bot.workspace.rules.errors import DispatchFailed, SlackError
from bot.workspace.rules.manifest import Command, ShortcutKind

_ID_MENTION = re.compile(r"<([@#])([A-Z0-9]+)(?:\|[^>]*)?>")
_HANDLE = re.compile(r"(?<!\S)([@#])([\w.-]+)")


async def command(visit: Visit) -> Json:
    """Run a slash command and show what the ack says."""
    core, name = visit.core, visit.text("command")
    channel = core.team.visible_channel(visit.text("channel"), visit.person.id)
    if visit.text("thread_ts"):
        raise SlackError("not_supported_in_threads")
    app, found = _command(core, name)
    token = core.responses.issue(app.id, visit.person.id, channel.id)
    payload = payloads.command(
        core,
        app,
        visit.person,
        channel,
        command=name,
        text=_command_text(core, found, visit.text("text")),
        response_url=_response_url(core, token),
        trigger_id=core.triggers.issue(app.id, visit.person.id),
    )
    ack = await core.delivery.ask(app, Kind.COMMAND, payload)
    if ack and (ack.get("text") or ack.get("blocks") or ack.get("attachments")):
        try:
            answering.apply(core, core.responses.peek(token), ack)
        except SlackError as fault:
            raise DispatchFailed(f"the ack of {name} cannot be shown: {fault.body()}") from fault
    return {"ack": ack}


def _command(core: Core, name: str) -> tuple[App, Command]:
    for app in core.team.apps.values():
        for found in app.manifest.commands:
            if found.name == name:
                return app, found
    raise SlackError("unknown_command")


def _command_text(core: Core, found: Command, text: str) -> str:
    """Return the text as the app wants it: mentions as ids, or as people typed them."""
    team = core.team
    if not found.should_escape:
        users, channels = team.users, team.channels

        def typed(match: "re.Match[str]") -> str:
            row = users.get(match[2]) if match[1] == "@" else channels.get(match[2])
            return f"{match[1]}{row.name}" if row else match[0]

        return _ID_MENTION.sub(typed, text)

    def escaped(match: "re.Match[str]") -> str:
        row = team.person_named(match[2]) if match[1] == "@" else team.channels_by_name.get(match[2])
        return f"<{match[1]}{row.id}|{row.name}>" if row else match[0]

    return _HANDLE.sub(escaped, text)


async def action(visit: Visit) -> Json:
    """Press a button or choose something; the app's ack says nothing but that it has arrived."""
    core, place = visit.core, places.find(visit)
    sent = visit.body.get("action") or {}
    pressed = _pressed(core, place, sent)
    values: Json = dict((visit.body.get("state") or {}).get("values") or {})
    _take_over(values, pressed)
    payload = {
        **payloads.common(core, place.app, visit.person, "block_actions"),
        "trigger_id": core.triggers.issue(place.app.id, visit.person.id),
        **place.payload(core, values),
        "actions": [pressed],
    }
    if place.message is not None and place.channel is not None:
        payload["response_url"] = _message_url(core, place.app, visit, place.channel, place.message)
    await core.delivery.ask(place.app, Kind.INTERACTIVE, payload)
    return {}


def _pressed(core: Core, place: Place, sent: Json) -> Json:
    """Return the action as Slack sends it: what the element says itself wins over what the page says."""
    element = place.element(str(sent.get("block_id")), str(sent.get("action_id"))) or {}
    kept = {name: element[name] for name in ("type", "text", "value", "style", "placeholder") if name in element}
    pressed = {name: value for name, value in sent.items() if value is not None} | kept
    if pressed.get("type") in element_state.FIELDS and "value" in sent:
        pressed["value"] = sent["value"]
    if "type" not in pressed:
        raise SlackError("action_not_found")
    return {**pressed, "action_ts": core.team.timestamps.next()}


def _take_over(values: Json, pressed: Json) -> None:
    """Put what was just chosen into the state that goes with it."""
    field, _ = element_state.FIELDS.get(pressed["type"], ("", ""))
    if field and field in pressed:
        entry = {"type": pressed["type"], field: pressed[field]}
        values[pressed["block_id"]] = {**values.get(pressed["block_id"], {}), pressed["action_id"]: entry}


async def options(visit: Visit) -> Json:
    """Load the options of an external select."""
    core, place = visit.core, places.find(visit)
    block_id, action_id = visit.text("block_id"), visit.text("action_id")
    where = place.payload(core, (visit.body.get("state") or {}).get("values"))
    payload = {
        **payloads.common(core, place.app, visit.person, "block_suggestion"),
        **where,
        "action_id": action_id,
        "block_id": block_id,
        "value": visit.text("value"),
    }
    ack = await core.delivery.ask(place.app, Kind.INTERACTIVE, payload) or {}
    if "option_groups" in ack:
        return {"option_groups": ack["option_groups"]}
    return {"options": ack.get("options") or []}


async def shortcut(visit: Visit) -> Json:
    """Run a global shortcut, or one on a message."""
    core, callback_id = visit.core, visit.text("callback_id")
    kind = ShortcutKind.MESSAGE if visit.text("type") == ShortcutKind.MESSAGE else ShortcutKind.GLOBAL
    app = _shortcut_app(core, kind, callback_id)
    payload = {
        **payloads.shortcut(core, app, visit.person, kind),
        "callback_id": callback_id,
        "trigger_id": core.triggers.issue(app.id, visit.person.id),
        "action_ts": core.team.timestamps.next(),
    }
    if kind is ShortcutKind.MESSAGE:
        channel = core.team.visible_channel(visit.text("channel"), visit.person.id)
        message = places.find_message(visit, channel, visit.text("ts"))
        where = payloads.in_message(core, channel, message, {})
        payload |= {"channel": where["channel"], "message": where.get("message"), "message_ts": message.ts}
        payload["response_url"] = _message_url(core, app, visit, channel, message)
    await core.delivery.ask(app, Kind.INTERACTIVE, payload)
    return {}


def _shortcut_app(core: Core, kind: ShortcutKind, callback_id: str) -> App:
    for app in core.team.apps.values():
        if any(entry.kind is kind and entry.callback_id == callback_id for entry in app.manifest.shortcuts):
            return app
    raise SlackError("shortcut_not_found")


def _message_url(core: Core, app: App, visit: Visit, channel: Channel, message: Message) -> str:
    token = core.responses.issue(
        app.id,
        visit.person.id,
        channel.id,
        message_ts=message.ts,
        ephemeral=message.ephemeral_to is not None,
        thread_ts=message.thread_ts,
    )
    return _response_url(core, token)


def _response_url(core: Core, token: str) -> str:
    return f"{core.base_url}/hooks/{token}"
