"""What Slack sends, parsed once. Shapes: https://docs.slack.dev/reference/interaction-payloads and …/events."""

import html
import re
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.ids import COMMAND, Act, Field

#: How people read the bot's mention.
MENTION = "@Sitrep"

_LABELLED_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_LABELLED_CHANNEL = re.compile(r"<#[CG][A-Z0-9]+\|([^>]*)>")
_LABELLED_LINK = re.compile(r"<(https?://[^|>]+)(?:\|[^>]*)?>")
_SPECIAL = re.compile(r"<!(?:subteam\^[A-Z0-9]+\|)?@?([a-z]+)[^>]*>")


def plain(text: str) -> str:
    """Return what somebody typed, out of Slack's escaping; mentions of people stay as `<@id>`."""
    text = _LABELLED_CHANNEL.sub(r"#\1", text)
    text = _LABELLED_LINK.sub(r"\1", text)
    text = _SPECIAL.sub(r"@\1", text)
    return html.unescape(_LABELLED_PERSON.sub(r"<@\1>", text)).strip()


def time_of(ts: str) -> datetime:
    """Return the time (UTC) of a message or an event by its `ts`."""
    return datetime.fromtimestamp(float(ts), UTC)


def mentioned(text: str) -> str:
    """Return the first person mentioned in `text`, or an empty string."""
    found = _LABELLED_PERSON.search(text)
    return found[1] if found else ""


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True)


class Place(_Payload):
    """Where somebody is looking: what an answer goes to."""

    user: str
    channel: str = ""
    thread: str = ""  #: ts of the thread's first message
    response_url: str = ""
    trigger: str = ""  #: opens modals for 3 s; empty where Slack gives none
    view_id: str = ""  #: the modal it happened in
    view_kind: str = ""  #: modal or home
    view_callback: str = ""
    view_meta: str = ""  #: what the modal remembers


class Typed(_Payload):
    """Words typed as a command: after `/incident`, or after a mention in a thread."""

    key: str  #: names the payload; a redelivery has the same
    place: Place
    text: str
    ts: str = ""  #: of the message that mentions the bot
    to: str = COMMAND  #: what stood before the words: the command, or the bot's mention

    @property
    def line(self) -> str:
        """Return the line as it was typed."""
        return f"{self.to} {self.text}" if self.text else ""


def shown(state: dict[str, Any]) -> str:
    """Return what stands in a field of a form; empty where nothing does."""
    chosen = state.get("selected_option") or {}
    found = state.get("value") or chosen.get("value") or state.get("selected_user") or state.get("selected_date")
    return str(found or "")


class View(_Payload):
    """A modal as it came back."""

    id: str
    hash: str = ""
    callback: str = ""
    meta: str = ""
    values: dict[str, dict[str, dict[str, Any]]] = {}
    shape: dict[str, Any] = {}  #: as Slack sent it, to be drawn again

    def text(self, field: Field, action: Act = Act.INPUT) -> str:
        """Return what stands in a field: typed words, a date, or a chosen value; empty where nothing does."""
        return shown(self.values.get(field.value, {}).get(action.value, {}))

    def below(self, prefix: str) -> dict[str, str]:
        """Return what stands in the fields whose block ids begin with `prefix`, by what follows it."""
        return {
            name.removeprefix(prefix): shown(state)
            for name, states in self.values.items()
            if name.startswith(prefix)
            for state in states.values()
        }

    def label(self, field: Field, action: Act = Act.INPUT) -> str:
        """Return the label of the chosen option."""
        chosen = self.values.get(field.value, {}).get(action.value, {}).get("selected_option") or {}
        return str(chosen.get("text", {}).get("text", ""))

    def several(self, field: Field, action: Act = Act.INPUT) -> frozenset[str]:
        """Return the values of the boxes that are ticked."""
        ticked = self.values.get(field.value, {}).get(action.value, {}).get("selected_options") or []
        return frozenset(str(each["value"]) for each in ticked)


class Click(_Payload):
    """A button that was pressed, or a choice that was made."""

    key: str
    place: Place
    action: str  #: action id
    value: str  #: of the button or the chosen option
    message: str = ""  #: ts of the message it stands in
    block: str = ""  #: id of the block it stands in
    ephemeral: bool = False  #: whether only this person sees the message
    view: View | None = None


class Submission(_Payload):
    """A modal that was sent."""

    key: str
    place: Place
    view: View


class Shortcut(_Payload):
    """A shortcut; a message shortcut brings its message."""

    key: str
    place: Place
    text: str = ""  #: of the message
    ts: str = ""
    author: str = ""


def typed(body: dict[str, Any]) -> Typed:
    """Return a slash command."""
    place = Place(
        user=body["user_id"],
        channel=body.get("channel_id", ""),
        response_url=body.get("response_url", ""),
        trigger=body.get("trigger_id", ""),
    )
    return Typed(key=f"trigger:{body.get('trigger_id', '')}", place=place, text=plain(body.get("text") or ""))


def click(body: dict[str, Any]) -> Click:
    """Return a block action."""
    action = body["actions"][0]
    message = body.get("message") or {}
    place = place_of(body, thread=message.get("thread_ts") or "")
    chosen = action.get("selected_option") or {}
    return Click(
        key=f"trigger:{body.get('trigger_id', '')}",
        place=place,
        action=action["action_id"],
        value=action.get("value") or chosen.get("value") or "",
        message=message.get("ts", ""),
        block=action.get("block_id", ""),
        ephemeral=bool((body.get("container") or {}).get("is_ephemeral")),
        view=view_of(body["view"]) if body.get("view") else None,
    )


def shortcut(body: dict[str, Any]) -> Shortcut:
    """Return a global or message shortcut."""
    message = body.get("message") or {}
    return Shortcut(
        key=f"trigger:{body.get('trigger_id', '')}",
        place=place_of(body, thread=message.get("thread_ts") or ""),
        text=plain(message.get("text") or ""),
        ts=message.get("ts", ""),
        author=message.get("user") or "",
    )


def place_of(body: dict[str, Any], *, thread: str = "") -> Place:
    """Return where somebody is who pressed, chose or sent."""
    view = body.get("view") or {}
    return Place(
        user=body["user"]["id"],
        channel=(body.get("channel") or {}).get("id", ""),
        thread=thread,
        response_url=body.get("response_url") or "",
        trigger=body.get("trigger_id") or "",
        view_id=view.get("id", ""),
        view_kind=view.get("type", ""),
        view_callback=view.get("callback_id", ""),
        view_meta=view.get("private_metadata") or "",
    )


def view_of(view: dict[str, Any]) -> View:
    """Return a modal as Slack sends it."""
    return View(
        id=view["id"],
        hash=view.get("hash", ""),
        callback=view.get("callback_id", ""),
        meta=view.get("private_metadata") or "",
        values=(view.get("state") or {}).get("values") or {},
        shape=view,
    )


class Posted(_Payload):
    """A message somebody wrote or edited."""

    key: str
    place: Place
    text: str
    ts: str
    as_of: str = ""  #: ts of this wording
    edited: bool = False
    before: str = ""  #: the former wording of an edited message


def posted(body: dict[str, Any]) -> Posted | None:
    """Return a person's new or edited message; None for what bots, joins and deletions bring."""
    event = body["event"]
    edited = event.get("subtype") == "message_changed"
    message = event["message"] if edited else event
    if message.get("bot_id") or not message.get("user"):
        return None
    if not edited and event.get("subtype") not in (None, "file_share", "thread_broadcast"):
        return None
    if edited and event.get("previous_message", {}).get("text") == message.get("text"):
        return None  # Slack calls an unfurled link an edit too
    thread = message.get("thread_ts") or ""
    place = Place(user=message["user"], channel=event["channel"], thread="" if thread == message["ts"] else thread)
    return Posted(
        key=f"event:{body['event_id']}",
        place=place,
        text=plain(message.get("text") or ""),
        ts=message["ts"],
        as_of=str((message.get("edited") or {}).get("ts") or message["ts"]),
        edited=edited,
        before=plain((event.get("previous_message") or {}).get("text") or "") if edited else "",
    )


def mention(body: dict[str, Any]) -> Typed:
    """Return what was said to the bot by mentioning it; the mention itself is taken off."""
    event = body["event"]
    text = re.sub(r"^\s*<@[UW][A-Z0-9]+(?:\|[^>]*)?>[\s:,]*", "", event.get("text") or "")
    place = Place(user=event["user"], channel=event["channel"], thread=event.get("thread_ts") or "")
    return Typed(key=f"event:{body['event_id']}", place=place, text=plain(text), ts=event["ts"], to=MENTION)
