"""The roads that notices travel, and what each action needs of Slack."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.delivery import pace
from bot.delivery.messages import Messages
from bot.delivery.papers import Papers
from bot.delivery.rooms import Rooms
from bot.delivery.trip import Place, Trip
from bot.delivery.web import Json
from bot.views.message import Message
from incidents.notices import Action

#: The calls that an action makes as a rule; a pause of one of them makes its rows wait.
METHODS: dict[Action, tuple[str, ...]] = {
    Action.CREATE_CHANNEL: ("conversations.create",),
    Action.INVITE: ("conversations.invite",),
    Action.SET_TOPIC: ("conversations.setTopic",),
    Action.BOOKMARK: ("bookmarks.add",),
    Action.POST: (pace.POST,),
    Action.EDIT: ("chat.update",),
    Action.PIN: ("pins.add",),
    Action.EPHEMERAL: ("chat.postEphemeral",),
    Action.DIRECT: (pace.OPEN, pace.POST),
    Action.HOME: ("views.publish",),
    Action.CANVAS: ("conversations.canvases.create", "canvases.edit"),
    Action.FILE: ("files.getUploadURLExternal", "files.completeUploadExternal"),
    Action.ARCHIVE: ("conversations.archive",),
    Action.RENAME: ("conversations.rename",),
    Action.MAIL: (),
    Action.PAGE: (),
    Action.HOOK: (),
}

#: Draws the surface of the row that is on its way.
Drawing = Callable[[], Awaitable[Message]]


class Road(Protocol):
    """Carries notices to one kind of place."""

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        """Send what `draw` returns, where there is something to draw; returns what is kept in the row.

        Raises:
            Undelivered: it did not arrive, or that is unclear.
            NoLongerWanted: it is better left unsent.
        """
        ...


class SlackRoad:
    """Carries notices to Slack."""

    def __init__(self, messages: Messages, rooms: Rooms, papers: Papers) -> None:
        self._messages = messages
        self._drawn: dict[str, Callable[[Trip, Message], Awaitable[Json]]] = {
            Action.POST: messages.post,
            Action.EDIT: messages.edit,
            Action.DIRECT: messages.direct,
            Action.EPHEMERAL: messages.ephemeral,
            Action.HOME: messages.home,
            Action.CANVAS: papers.canvas,
            Action.FILE: papers.file,
        }
        self._plain: dict[str, Callable[[Trip], Awaitable[Json]]] = {
            Action.CREATE_CHANNEL: rooms.create,
            Action.INVITE: rooms.invite,
            Action.SET_TOPIC: rooms.set_topic,
            Action.BOOKMARK: rooms.bookmark,
            Action.RENAME: rooms.rename,
            Action.ARCHIVE: rooms.archive,
            Action.PIN: messages.pin,
        }

    def calls(self, action: Action, place: Place) -> tuple[str, ...]:
        """Return the methods that will be called."""
        if action is Action.DIRECT and self._messages.is_open(place.person):
            return (pace.POST,)
        return METHODS[action]

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        """Send it by the calls that its action means."""
        plain = self._plain.get(trip.row.action)
        if plain is not None:
            return await plain(trip)
        return await self._drawn[trip.row.action](trip, await draw())
