"""What arrived: in the workspace, at the mail server, at the pager, at the webhook."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bot.workspace.contents.model import Channel, ChannelKind, Message
from bot.workspace.core import Core
from tests.torture import town
from tests.torture.outside import Letter, Posted, Ring


@dataclass
class Received:
    """What arrived: (place, key) -> when, each time."""

    arrivals: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    canvases: dict[str, str] = field(default_factory=dict)  #: incident's key -> what the canvas of its room says

    def add(self, place: str, key: str, at: float) -> None:
        self.arrivals.setdefault((place, key), []).append(at)

    def has(self, place: str, key: str) -> bool:
        return (place, key) in self.arrivals


def gather(core: Core, letters: Iterable[Letter], rings: Iterable[Ring], posted: Iterable[Posted] = ()) -> Received:
    """Return everything that the workspace, the mail server, the pager and the webhook took, by place and key."""
    received = in_slack(core, town.PEOPLE.values())
    for letter in letters:
        received.add(f"mail:{letter.to.partition('@')[0]}", letter.message_id, letter.at)
    for ring in rings:
        received.add("pager", f"{ring.dedup_key}:{ring.action}", ring.at)
    for each in posted:
        received.add(f"webhook:{each.to}", each.key, each.at)
    return received


def in_slack(core: Core, people: Collection[str]) -> Received:
    """Return everything that the workspace took, by place and key; `people` are the Slack ids of who reads there."""
    received = Received()
    for channel in core.team.channels.values():
        place = _place(channel, people)
        for message in channel.messages.values():
            if key := _key(message):
                received.add(place, key, float(message.ts))
            for file in message.files:
                name = core.team.files[file].name
                received.add(place, f"{name.removesuffix('-post-mortem.md')}:postmortem:file", float(message.ts))
        if place.startswith("room:"):
            _furnished(core, received, place, channel)
    return received


def rooms(core: Core) -> dict[str, Channel]:
    """Return the incidents' rooms by the incidents' keys; a second room of one incident is a fault of its own."""
    placed = {_place(channel, ()): channel for channel in core.team.channels.values()}
    return {place.removeprefix("room:"): channel for place, channel in placed.items() if place.startswith("room:")}


def card(room: Channel, key: str) -> str:
    """Return what the card of the incident `key` says in its room, or an empty string."""
    keyed = (message for message in room.messages.values() if _key(message) == f"{key}:card")
    return next((message.text for message in keyed), "")


def _key(message: Message) -> str:
    payload: dict[str, str] = (message.metadata or {}).get("event_payload") or {}
    return payload.get("key", "")


def _place(channel: Channel, people: Collection[str]) -> str:
    if channel.kind is ChannelKind.IM:
        person = next((member for member in channel.members if member in people), "nobody")
        return f"dm:{person}"
    parts = channel.name.split("-")
    return f"room:{'-'.join(parts[:2])}" if parts[0] == "inc" else f"channel:{channel.name}"


def _furnished(core: Core, received: Received, place: str, channel: Channel) -> None:
    incident = place.removeprefix("room:")
    received.add(place, f"{incident}:room", channel.created)
    if channel.topic.value:
        received.add(place, f"{incident}:topic", channel.topic.last_set)
    for ts in channel.pins:
        received.add(place, f"{_key(channel.messages[ts])}:pin", float(ts))
    for bookmark in channel.bookmarks.values():
        received.add(place, f"{incident}:bookmark:{bookmark['title']}", channel.created)
    for member in channel.members:
        received.add(place, f"{incident}:member:{member}", channel.created)
    if channel.canvas_id:
        canvases = [each for each in core.team.canvases.values() if each.channel_id == channel.id]
        for canvas in canvases:
            received.add(place, f"{incident}:postmortem:canvas", canvas.created)
            received.canvases[incident] = canvas.markdown
