"""Messages: posting, editing, pinning, direct and private ones, and the App Home."""

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from bot.delivery.lookout import EVENT_TYPE, Lookout
from bot.delivery.trip import NoLongerWanted, Place, Trip, Undelivered
from bot.delivery.web import Json, Web
from bot.slack_errors import Verdict
from bot.views.message import Message

_MAX_TEXT = 3900  # chat.update refuses text over 4,000 characters
_UNREADABLE = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
_REMEMBERED = 500  # messages whose content is remembered, so that an edit which changes nothing is not sent

log = structlog.get_logger()


@dataclass(frozen=True)
class _Shown:
    digest: str
    edits: int | None  #: how often an edit of the message had been begun by then, by whatever process


class Messages:
    """Sends messages."""

    def __init__(self, web: Web, lookout: Lookout) -> None:
        self._web = web
        self._lookout = lookout
        self._directs: dict[str, str] = {}  # person -> channel of the conversation with them
        self._shown: OrderedDict[tuple[str, str], _Shown] = OrderedDict()

    async def post(self, trip: Trip, message: Message) -> Json:
        """Post into a channel or a thread, once; returns {channel, ts}.

        Raises:
            NoLongerWanted: it was withdrawn, and no earlier try has posted it.
        """
        return await self._post(trip, trip.place, message)

    async def _post(self, trip: Trip, place: Place, message: Message) -> Json:
        if trip.unclear:
            found = await self._lookout.message(trip, place)
            if found is not None:
                return {"channel": place.channel, "ts": found["ts"]}
        if trip.withdrawn:
            raise NoLongerWanted(trip.withdrawn)
        arguments = _content(message) | {
            "channel": place.channel,
            "metadata": _metadata(trip.row.key),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if place.thread_ts:
            arguments["thread_ts"] = place.thread_ts
        trip.require_time()
        answer = await self._readable("chat.postMessage", arguments)
        self._remember(place.channel, answer["ts"], _Shown(_digest(message), edits=0))
        return {"channel": answer["channel"], "ts": answer["ts"]}

    async def edit(self, trip: Trip, message: Message) -> Json:
        """Replace a message's content; one that shows it already is left alone.

        What it shows is known where no edit of it was begun since ours: by another process, or with an unclear end.
        """
        place, shows = trip.place, _Shown(_digest(message), trip.edits)
        before = self._shown.pop((place.channel, place.message_ts), None)
        if shows == before:
            self._edited(trip, shows)
            return {"channel": place.channel, "ts": place.message_ts, "unchanged": True}
        arguments = _content(message) | {
            "channel": place.channel,
            "ts": place.message_ts,
            "metadata": _metadata(trip.row.of_key),
        }
        trip.require_time()  # another process may have edited it since: this would paint over it
        await self._readable("chat.update", arguments)
        self._edited(trip, shows)
        return {"channel": place.channel, "ts": place.message_ts}

    async def pin(self, trip: Trip) -> Json:
        """Pin a message."""
        place = trip.place
        try:
            await self._web.write("pins.add", channel=place.channel, timestamp=place.message_ts)
        except Undelivered as failure:
            if failure.refusal.error != "already_pinned":
                raise
        return {"channel": place.channel, "ts": place.message_ts}

    def is_open(self, person: str) -> bool:
        """Return whether the conversation with `person` is known; else it costs a call to open it."""
        return person in self._directs

    async def direct(self, trip: Trip, message: Message) -> Json:
        """Post to one person, once; returns {channel, ts}."""
        person = trip.place.person
        channel = self._directs.get(person)
        if channel is None:
            answer = await self._web.write("conversations.open", users=person)
            channel = self._directs[person] = str(answer["channel"]["id"])
        return await self._post(trip, Place(channel=channel, person=person), message)

    async def ephemeral(self, trip: Trip, message: Message) -> Json:
        """Show a message to one person, at most once: nobody can look whether an earlier try arrived."""
        if trip.unclear:
            raise NoLongerWanted("it may have been shown already, and would be shown twice")
        place = trip.place
        arguments = _content(message) | {"channel": place.channel, "user": place.person}
        trip.require_time()
        answer = await self._readable("chat.postEphemeral", arguments)
        return {"channel": place.channel, "ts": answer["message_ts"]}

    async def home(self, trip: Trip, message: Message) -> Json:
        """Publish a person's App Home."""
        view = {"type": "home", "blocks": message.blocks}
        trip.require_time()  # as for an edit
        await self._web.write("views.publish", user_id=trip.place.person, view=view)
        return {"person": trip.place.person}

    async def _readable(self, method: str, arguments: Json) -> Json:
        # Blocks that Slack refuses are a fault of ours; the words must arrive all the same.
        try:
            return await self._web.write(method, **arguments)
        except Undelivered as failure:
            if failure.refusal.verdict is not Verdict.REFUSED or failure.refusal.error not in _UNREADABLE:
                raise
            log.warning("Slack refused our blocks; sent the text alone", method=method, error=str(failure.refusal))
            return await self._web.write(method, **{**arguments, "blocks": []})

    def _edited(self, trip: Trip, shows: _Shown) -> None:
        if shows.edits is not None:  # ours is one more
            self._remember(trip.place.channel, trip.place.message_ts, _Shown(shows.digest, shows.edits + 1))

    def _remember(self, channel: str, ts: str, shown: _Shown) -> None:
        self._shown[channel, ts] = shown
        self._shown.move_to_end((channel, ts))
        if len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)


def _content(message: Message) -> Json:
    return {"text": message.text[:_MAX_TEXT], "blocks": message.blocks}


def _metadata(key: str) -> Json:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def _digest(message: Message) -> str:
    return hashlib.sha256(json.dumps([message.text, message.blocks], sort_keys=True).encode()).hexdigest()
