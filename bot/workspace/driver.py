"""A person who uses the workspace through its front door alone: HTTP and a websocket, as the page does.

async with Person(workspace.url, "U0AVA") as ava:
    await ava.command("/incident", "checkout returns 500s", channel="general")
    view = await ava.wait_for_view()
    await ava.submit(view, {"title": "Checkout returns 500s", "service": "checkout"})
"""

import asyncio
import contextlib
import json
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bot.workspace import trust
from bot.workspace.contents import element_state
from bot.workspace.contents.model import Json
from bot.workspace.person import choosing
from bot.workspace.person.screen import Screen, Test, first
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.tokens import PERSON_PREFIX

PATIENCE_SECONDS = 30.0  #: how long a wait lasts at most unless told: a machine that is busy with tests may be slow

#: As many at once as one likes (httpx would hold back all but a hundred), and a connection is left before the workspace
#: closes it, after 5 s of idling: a request that meets the close is lost.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.0)


class Person:
    """One signed-in person; channels are named by id or by name, views and messages are what the waits return."""

    def __init__(self, url: str, user_id: str) -> None:
        self.user_id = user_id
        self.screen = Screen()
        self.user_ids: dict[str, str] = {}
        self.app_ids: dict[str, str] = {}
        token = PERSON_PREFIX + user_id
        self._socket_url = f"{url.rstrip('/').replace('http', 'ws', 1)}/client/ws?token={token}"
        headers = {"authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers=headers,
            timeout=30,
            limits=_LIMITS,
            trust_env=False,
            verify=trust.authorities(),
        )
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._inputs: dict[str, Json] = {}

    async def __aenter__(self) -> Self:
        await self.sign_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sign_out()

    async def sign_in(self) -> None:
        """Open the page: listen for what happens, then load what there is."""
        self._socket = await connect(self._socket_url, max_size=None, proxy=None)
        self._reader = asyncio.create_task(self._read(self._socket))
        boot = await self._ask("GET", "boot")
        self.screen.channels = {channel["id"]: channel for channel in boot["channels"]} | self.screen.channels
        self.screen.views = self.screen.views or boot["views"]
        self.user_ids = {user["name"]: user["id"] for user in boot["users"]}
        self.app_ids = {app["name"]: app["id"] for app in boot["apps"]}
        self.screen.connected |= {app["id"] for app in boot["apps"] if app["connected"]}

    async def sign_out(self) -> None:
        """Close the page."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket is not None:
            await self._socket.close()
        await self._http.aclose()

    async def command(self, name: str, text: str = "", channel: str = "general") -> Json | None:
        """Type a slash command and return the ack's payload.

        Raises:
            SlackError: operation_timeout, app_not_connected or dispatch_failed, as the page shows them.
        """
        body = {"channel": self.channel_id(channel), "command": name, "text": text}
        ack: Json | None = (await self._ask("POST", "command", body))["ack"]
        return ack

    async def post(self, channel: str, text: str, thread_ts: str | None = None) -> Json:
        """Write a message and return it."""
        answer = await self.api("chat.postMessage", channel=self.channel_id(channel), text=text, thread_ts=thread_ts)
        message: Json = answer["message"]
        return message

    async def react(self, channel: str, ts: str, name: str) -> None:
        """Put an emoji on a message."""
        await self.api("reactions.add", channel=self.channel_id(channel), timestamp=ts, name=name)

    async def click(self, channel: str, message: Json | str, what: str, value: Any = None) -> None:
        """Press the button, or choose the value, that has this action id or this label on a message.

        Raises:
            SlackError: when there is no such element, or the app did not answer.
        """
        channel_id, ts = self.channel_id(channel), message if isinstance(message, str) else message["ts"]
        if self.screen.message(channel_id, ts) is None:
            await self._load(channel_id, ts)
        row = self.screen.message(channel_id, ts)
        if row is None:
            raise SlackError("message_not_found", ts=ts)
        container = {"type": "message", "channel": channel_id, "ts": ts, "is_ephemeral": ts in self.screen.ephemerals}
        await self._act(container, ts, choosing.find(_layout(row), what), value)

    async def click_in_view(self, view: Json, what: str, value: Any = None) -> None:
        """Press a button, or choose a value, in a modal or a home."""
        element = choosing.find(self._current(view)["blocks"], what)
        await self._act({"type": "view", "view_id": view["id"]}, view["id"], element, value)

    async def options(self, view: Json, what: str, typed: str = "") -> list[Json]:
        """Type into an external select and return the options that the app offers, groups flattened."""
        element = choosing.find(self._current(view)["blocks"], what)
        return await self._options({"type": "view", "view_id": view["id"]}, element, typed)

    async def fill(self, view: Json, values: dict[str, Any]) -> None:
        """Fill in inputs, named by block id, action id or label; options are named by value or by text."""
        held = self._inputs.setdefault(view["id"], {})
        for what, value in values.items():
            element = choosing.find(self._current(view)["blocks"], what)
            element = await self._with_options({"type": "view", "view_id": view["id"]}, element, value)
            held.setdefault(element["block_id"], {})[element["action_id"]] = choosing.entry(element, value)

    async def submit(self, view: Json, values: dict[str, Any] | None = None) -> Json:
        """Fill in and send a modal; the answer holds `response_action`, `errors` and `view` as the page gets them."""
        await self.fill(view, values or {})
        state = {"values": self._inputs.get(view["id"], {})}
        return await self._ask("POST", "view_submit", {"view_id": view["id"], "state": state})

    async def close(self, view: Json, *, whole_stack: bool = False) -> None:
        """Close a modal."""
        await self._ask("POST", "view_close", {"view_id": view["id"], "is_cleared": whole_stack})

    async def shortcut(self, callback_id: str, channel: str | None = None, ts: str | None = None) -> None:
        """Run a global shortcut, or with a message a message shortcut."""
        where = {"channel": self.channel_id(channel), "ts": ts} if channel else {}
        kind = "message" if channel else "global"
        await self._ask("POST", "shortcut", {"callback_id": callback_id, "type": kind, **where})

    async def open_home(self, app: str) -> Json | None:
        """Open an app's home, by the app's name, and return what it shows at that moment."""
        view: Json | None = (await self._ask("POST", "home", {"app_id": self.app_ids[app]}))["view"]
        return view

    async def open_dm(self, user_id: str) -> str:
        """Open the conversation with somebody and return its id."""
        channel: Json = (await self._ask("POST", "dm", {"user": user_id}))["channel"]
        self.screen.channels[channel["id"]] = channel
        return str(channel["id"])

    async def leave(self, channel: str) -> None:
        """Leave a channel."""
        await self.api("conversations.leave", channel=self.channel_id(channel))

    async def deactivate(self, user_id: str) -> None:
        """Deactivate somebody's account, as an administrator."""
        await self._ask("POST", "deactivate", {"user": user_id})

    async def api(self, method: str, **arguments: Any) -> Json:
        """Call the Web API as this person.

        Raises:
            SlackError: with Slack's name for the refusal.
        """
        sent = {name: value for name, value in arguments.items() if value is not None}
        return _checked(await self._http.post(f"/api/{method}", json=sent))

    def channel_id(self, channel: str) -> str:
        """Return a channel's id from its id or its name.

        Raises:
            SlackError: channel_not_found.
        """
        row = self._channel(channel)
        if row is None:
            raise SlackError("channel_not_found", channel=channel)
        return str(row["id"])

    async def messages(self, channel: str) -> list[Json]:
        """Return a channel's latest messages, oldest first, without replies."""
        answer = await self.api("conversations.history", channel=self.channel_id(channel), limit=999)
        return list(reversed(answer["messages"]))

    async def replies(self, channel: str, ts: str) -> list[Json]:
        """Return a thread, its first message included."""
        answer = await self.api("conversations.replies", channel=self.channel_id(channel), ts=ts)
        messages: list[Json] = answer["messages"]
        return messages

    async def ephemerals(self, channel: str) -> list[Json]:
        """Return the messages that only this person sees in a channel."""
        answer = await self._ask("GET", f"ephemerals?channel={self.channel_id(channel)}")
        messages: list[Json] = answer["messages"]
        return messages

    async def wait_for_channel(self, test: Test, timeout: float = PATIENCE_SECONDS) -> Json:
        """Wait for a channel that fits and return it."""
        return await self.screen.wait(lambda: first(self.screen.channels.values(), test), timeout, "a channel")

    async def wait_for_message(self, channel: str, test: Test, timeout: float = PATIENCE_SECONDS) -> Json:
        """Wait for a message or a reply that fits, among those that are there and that come, and return it."""
        row = await self.screen.wait(lambda: self._channel(channel), timeout, f"channel {channel}")
        await self._load(row["id"])
        known = self.screen.known
        return await self.screen.wait(lambda: first(known(row["id"]), test), timeout, f"a message in {channel}")

    async def wait_for_ephemeral(self, test: Test, timeout: float = PATIENCE_SECONDS) -> Json:
        """Wait for a message that only this person sees and return it."""
        return await self.screen.wait(lambda: first(self.screen.ephemerals.values(), test), timeout, "an ephemeral")

    async def wait_for_view(self, test: Test | None = None, timeout: float = PATIENCE_SECONDS) -> Json:
        """Wait until the top modal fits, or until there is one, and return it."""
        return await self.screen.wait(lambda: first(self.screen.views[-1:], test or bool), timeout, "a modal")

    async def wait_until_no_view(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until no modal is open."""
        await self.screen.wait(lambda: None if self.screen.views else {"open": 0}, timeout, "the modals to close")

    async def wait_for_home(self, app: str, test: Test | None = None, timeout: float = PATIENCE_SECONDS) -> Json:
        """Wait until an app's home fits, or is published, and return it."""
        homes, app_id = self.screen.homes, self.app_ids[app]
        return await self.screen.wait(lambda: first([homes.get(app_id, {})], test or bool), timeout, "a home")

    async def wait_for_app(self, app: str, timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until an app is connected."""
        app_id = self.app_ids[app]
        await self.screen.wait(lambda: {"id": app_id} if app_id in self.screen.connected else None, timeout, app)

    async def wait_until_app_left(self, app: str, timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until no connection of an app is left."""
        app_id = self.app_ids[app]
        gone = f"{app} to leave"
        await self.screen.wait(lambda: None if app_id in self.screen.connected else {"id": app_id}, timeout, gone)

    def _channel(self, channel: str) -> Json | None:
        rows, name = self.screen.channels, channel.removeprefix("#")
        return rows.get(channel) or first(rows.values(), lambda row: row.get("name") == name)

    def _current(self, view: Json) -> Json:
        shown = [*self.screen.views, *self.screen.homes.values()]
        return first(shown, lambda row: row["id"] == view["id"]) or view

    async def _load(self, channel_id: str, ts: str | None = None) -> None:
        if ts is not None:
            self.screen.keep(channel_id, await self.replies(channel_id, ts))
            return
        self.screen.keep(channel_id, await self.messages(channel_id))
        for row in list(self.screen.known(channel_id)):
            if row.get("reply_count"):
                self.screen.keep(channel_id, await self.replies(channel_id, row["ts"]))

    async def _act(self, container: Json, inputs: str, element: Json, value: Any) -> None:
        held = self._inputs.setdefault(inputs, {})
        element = await self._with_options(container, element, value)
        if element["type"] in element_state.FIELDS:
            held.setdefault(element["block_id"], {})[element["action_id"]] = choosing.entry(element, value)
        action = choosing.action(element, value)
        await self._ask("POST", "action", {"container": container, "action": action, "state": {"values": held}})

    async def _with_options(self, container: Json, element: Json, value: Any) -> Json:
        """Return an external select with the options that the app offers for the wanted values."""
        if element["type"] not in ("external_select", "multi_external_select"):
            return element
        wanted = value if isinstance(value, list) else [value]
        typed = [str(one) for one in wanted if one is not None and not isinstance(one, dict)]
        offered = [option for text in typed for option in await self._options(container, element, text)]
        return {**element, "options": offered or (await self._options(container, element, "") if typed else [])}

    async def _options(self, container: Json, element: Json, typed: str) -> list[Json]:
        ids = {"block_id": element["block_id"], "action_id": element["action_id"], "value": typed}
        answer = await self._ask("POST", "options", {"container": container, **ids})
        groups = answer.get("option_groups") or [{"options": answer.get("options", [])}]
        return [option for group in groups for option in group["options"]]

    async def _ask(self, verb: str, path: str, body: Json | None = None) -> Json:
        return _checked(await self._http.request(verb, f"/client/{path}", json=body))

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                await self.screen.apply(json.loads(text))


def _layout(row: Json) -> list[Json]:
    nested = [block for attachment in row.get("attachments", []) for block in attachment.get("blocks") or ()]
    return [*row.get("blocks", []), *nested]


def _checked(response: httpx.Response) -> Json:
    body: Json = response.json()
    if not body.get("ok"):
        fields = {name: value for name, value in body.items() if name not in ("ok", "error")}
        raise SlackError(str(body.get("error")), **fields)
    return body
