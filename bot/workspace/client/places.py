"""Where a person acts: a message, an ephemeral message or a view, found again from what the page says."""

from dataclasses import dataclass

from bot.workspace.client import payloads
from bot.workspace.client.requests import Visit
from bot.workspace.contents import element_state
from bot.workspace.contents.model import App, Channel, Json, Message, View
from bot.workspace.core import Core
from bot.workspace.rules import blocks
from bot.workspace.rules.errors import SlackError


@dataclass(frozen=True, slots=True)
class Place:
    """What was acted on; either a view, or a message with its channel."""

    app: App
    layout: list[Json]
    view: View | None = None
    channel: Channel | None = None
    message: Message | None = None

    def payload(self, core: Core, sent: Json | None) -> Json:
        """Return the payload's part about the place, with what the page says is filled in."""
        if self.view is not None:
            self.view.values = element_state.merged(self.view.values, sent, self.layout)
            return payloads.in_view(core, self.view)
        if self.channel is None or self.message is None:
            raise SlackError("message_not_found")
        values = element_state.merged({}, sent, self.layout)
        return payloads.in_message(core, self.channel, self.message, values)

    def element(self, block_id: str, action_id: str) -> Json | None:
        """Return the element with these ids, None when the layout has changed since."""
        for block, element in blocks.elements(self.layout):
            if block.get("block_id") == block_id and element["action_id"] == action_id:
                return element
        return None


def find(visit: Visit) -> Place:
    """Return the place that `container` names.

    Raises:
        SlackError: not_found, channel_not_found or message_not_found.
    """
    container = visit.body.get("container") or {}
    if container.get("type") == "view":
        view = own_view(visit, str(container.get("view_id")))
        return Place(visit.core.team.apps[view.app_id], view.layout["blocks"], view=view)
    channel = visit.core.team.visible_channel(str(container.get("channel")), visit.person.id)
    message = find_message(visit, channel, str(container.get("ts")))
    app = visit.core.team.apps.get(message.app_id or "")
    if app is None:
        raise SlackError("app_not_found")
    nested = [block for attachment in message.attachments for block in attachment.get("blocks") or ()]
    return Place(app, [*message.blocks, *nested], channel=channel, message=message)


def find_message(visit: Visit, channel: Channel, ts: str) -> Message:
    """Return a message that the person sees in a channel.

    Raises:
        SlackError: message_not_found.
    """
    message = channel.messages.get(ts) or visit.core.ephemerals.find(visit.person.id, ts)
    if message is None:
        raise SlackError("message_not_found")
    return message


def own_view(visit: Visit, view_id: str) -> View:
    """Return a view that the person has open.

    Raises:
        SlackError: not_found.
    """
    view = visit.core.team.views.get(view_id)
    if view is None or view.user_id != visit.person.id:
        raise SlackError("not_found")
    return view
