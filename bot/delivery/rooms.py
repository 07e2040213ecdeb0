"""Channels: making one, bringing people in, topic, bookmarks, name, end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot.delivery.lookout import looked, pages
from bot.delivery.trip import Trip, Undelivered
from bot.delivery.web import Json, Web
from bot.slack_errors import Verdict

_MAX_NAME = 80  # https://docs.slack.dev/reference/methods/conversations.create
_NAMES_TRIED = 20
_INVITED_AT_ONCE = 100  # https://docs.slack.dev/reference/methods/conversations.invite
_MARGIN = timedelta(minutes=2)  # how far Slack's clock and ours may be apart

#: Answers that mean: it is as it should be.
_ALREADY = {"already_in_channel", "cant_invite_self", "already_archived"}

#: Answers that speak of the invited person alone.
#: https://docs.slack.dev/reference/methods/conversations.invite#errors
_ABOUT_PEOPLE = {
    "user_not_found",
    "no_user",
    "user_disabled",
    "user_is_restricted",
    "user_is_ultra_restricted",
    "cant_invite",
    "ura_max_channels",
    "user_team_not_in_channel",
    "restricted_action",
    "is_bot",
}


class Rooms:
    """Keeps channels."""

    def __init__(self, web: Web, taken: Callable[[str], Awaitable[bool]]) -> None:
        self._web = web
        self._taken = taken  # whether a channel already belongs to an incident

    async def create(self, trip: Trip) -> Json:
        """Create the incident's channel, once, under the first name that is free; returns {channel, name}."""
        wanted, private = str(trip.row.params["name"]), bool(trip.row.params.get("private"))
        if trip.unclear:
            made = await looked(trip, self._made_earlier(trip, wanted, private=private), otherwise=None)
            if made is not None:
                return made
        *others, last = candidates(wanted)
        for name in others:
            trip.require_time()
            try:
                return await self._create(name, private=private)
            except Undelivered as failure:
                if failure.refusal.error != "name_taken":
                    raise
        return await self._create(last, private=private)

    async def _create(self, name: str, *, private: bool) -> Json:
        answer = await self._web.write("conversations.create", name=name, is_private=private)
        return {"channel": answer["channel"]["id"], "name": answer["channel"]["name"]}

    async def _made_earlier(self, trip: Trip, wanted: str, *, private: bool) -> Json | None:
        bot = str((await self._web.identity())["user_id"])
        since = ((trip.row.first_tried_at or trip.row.created_at) - _MARGIN).timestamp()
        kind = "private_channel" if private else "public_channel"
        # The bot is in every channel that it made, so its own list is complete and far shorter than everybody's.
        async for channel in pages(
            self._web, "users.conversations", "channels", types=kind, exclude_archived=True, user=bot
        ):
            if (
                channel["name"] in candidates(wanted)
                and channel.get("creator") == bot
                and float(channel.get("created", 0)) >= since
                and not await self._taken(str(channel["id"]))
            ):
                return {"channel": channel["id"], "name": channel["name"]}
        return None

    async def invite(self, trip: Trip) -> Json:
        """Bring people in; returns {channel, people, refused {person: why}}. Who cannot come stops nobody else."""
        people = [str(person) for person in trip.row.params["people"]]
        refused: dict[str, str] = {}
        for start in range(0, len(people), _INVITED_AT_ONCE):
            refused |= await self._invite(trip.place.channel, people[start : start + _INVITED_AT_ONCE])
        return {
            "channel": trip.place.channel,
            "people": [person for person in people if person not in refused],
            "refused": refused,
        }

    async def _invite(self, channel: str, people: list[str]) -> dict[str, str]:
        try:
            answer = await self._web.write("conversations.invite", channel=channel, users=",".join(people), force=True)
        except Undelivered as failure:
            if failure.refusal.verdict is not Verdict.REFUSED:
                raise
            if len(people) > 1:  # one who cannot come must not keep the others out: ask for each alone
                refused: dict[str, str] = {}
                for person in people:
                    refused |= await self._invite(channel, [person])
                return refused
            if failure.refusal.error in _ALREADY:
                return {}
            if failure.refusal.error not in _ABOUT_PEOPLE:
                raise
            return {people[0]: failure.refusal.error}
        faults = {str(fault.get("user")): str(fault.get("error")) for fault in answer.get("errors") or ()}
        return {person: error for person, error in faults.items() if error not in _ALREADY}

    async def set_topic(self, trip: Trip) -> Json:
        """Set the topic."""
        channel = trip.place.channel
        trip.require_time()  # another process may have set it since: this would paint over it
        await self._web.write("conversations.setTopic", channel=channel, topic=str(trip.row.params["topic"]))
        return {"channel": channel}

    async def bookmark(self, trip: Trip) -> Json:
        """Add a bookmark, once."""
        channel, title, link = trip.place.channel, str(trip.row.params["title"]), str(trip.row.params["link"])
        if trip.unclear:
            answer = await looked(trip, self._web.read("bookmarks.list", channel_id=channel), otherwise={})
            for bookmark in answer.get("bookmarks") or ():
                if bookmark.get("title") == title and bookmark.get("link") == link:
                    return {"channel": channel, "bookmark": bookmark["id"]}
        trip.require_time()
        answer = await self._web.write("bookmarks.add", channel_id=channel, title=title, type="link", link=link)
        return {"channel": channel, "bookmark": answer["bookmark"]["id"]}

    async def rename(self, trip: Trip) -> Json:
        """Give the channel another name; returns {channel, name}."""
        channel, name = trip.place.channel, str(trip.row.params["name"])
        trip.require_time()  # as for the topic
        try:
            answer = await self._web.write("conversations.rename", channel=channel, name=name)
        except Undelivered as failure:
            if failure.refusal.error != "name_taken":
                raise
            # Whose answer was lost took the name itself.
            answer = await self._web.read("conversations.info", channel=channel)
            if answer["channel"]["name"] != name:
                raise
        return {"channel": channel, "name": answer["channel"]["name"]}

    async def archive(self, trip: Trip) -> Json:
        """Archive the channel."""
        try:
            await self._web.write("conversations.archive", channel=trip.place.channel)
        except Undelivered as failure:
            if failure.refusal.error not in _ALREADY:
                raise
        return {"channel": trip.place.channel}


def candidates(wanted: str) -> tuple[str, ...]:
    """Return the names that are tried in turn: `inc-7-checkout`, `inc-7-checkout-2`, …; none is too long for Slack."""
    suffixes = ("", *(f"-{number}" for number in range(2, _NAMES_TRIED + 1)))
    return tuple(wanted[: _MAX_NAME - len(suffix)].rstrip("-") + suffix for suffix in suffixes)
