"""Documents in a channel: its canvas, and files."""

from urllib.parse import urlsplit

import aiohttp

from bot.delivery.lookout import Lookout
from bot.delivery.trip import Trip, Undelivered
from bot.delivery.web import UPLOAD, Json, Web
from bot.slack_errors import Refusal, Verdict
from bot.views.message import Message


class Papers:
    """Writes documents."""

    def __init__(self, web: Web, lookout: Lookout) -> None:
        self._web = web
        self._lookout = lookout

    async def canvas(self, trip: Trip, message: Message) -> Json:
        """Write the channel's canvas, which there is one of; returns {channel, canvas, url}."""
        channel = trip.place.channel
        document = {"type": "markdown", "markdown": message.text}
        title = str(trip.row.params.get("title", ""))
        trip.require_time()  # another process may have written it since: this would paint over it
        try:
            answer = await self._web.write(
                "conversations.canvases.create", channel_id=channel, title=title, document_content=document
            )
        except Undelivered as failure:
            if failure.refusal.error != "channel_canvas_already_exists":
                raise
            return await self._address(channel, await self._rewrite(trip, document))
        return await self._address(channel, str(answer["canvas_id"]))

    async def _address(self, channel: str, canvas: str) -> Json:
        # Asking Slack for the permalink takes a scope of its own; this is how it is made up.
        bot = await self._web.identity()
        return {"channel": channel, "canvas": canvas, "url": f"{bot['url']}docs/{bot['team_id']}/{canvas}"}

    async def _rewrite(self, trip: Trip, document: Json) -> str:
        answer = await self._web.read("conversations.info", channel=trip.place.channel)
        canvas = str(answer["channel"]["properties"]["canvas"]["file_id"])
        changes = [{"operation": "replace", "document_content": document}]
        trip.require_time()
        await self._web.write("canvases.edit", canvas_id=canvas, changes=changes)
        return canvas

    async def file(self, trip: Trip, message: Message) -> Json:
        """Share a text file, once; returns {channel, file}."""
        place, name = trip.place, str(trip.row.params["filename"])
        title = str(trip.row.params.get("title") or name)
        if trip.unclear:
            for posted in await self._lookout.since(trip, place):
                for shared in posted.get("files") or ():
                    if shared.get("name") == name and shared.get("title") == title:
                        return {"channel": place.channel, "file": shared["id"]}
        content = message.text.encode()
        upload = await self._web.read("files.getUploadURLExternal", filename=name, length=len(content))
        await self._upload(str(upload["upload_url"]), content)
        arguments: Json = {"files": [{"id": upload["file_id"], "title": title}], "channel_id": place.channel}
        if place.thread_ts:
            arguments["thread_ts"] = place.thread_ts
        trip.require_time()
        await self._web.write("files.completeUploadExternal", **arguments)
        return {"channel": place.channel, "file": upload["file_id"]}

    async def _upload(self, url: str, content: bytes) -> None:
        # The address is on another host and takes the bytes alone; nothing is shared before the upload is completed.
        session = self._web.client.session
        assert session is not None, "the line is open"  # noqa: S101 - a fault of ours
        try:
            async with session.post(url, data=content, raise_for_status=True):
                pass
        except (aiohttp.ClientError, TimeoutError) as failure:
            host = urlsplit(url).hostname
            # The failure's own words may hold the address, which is a key.
            status = failure.status if isinstance(failure, aiohttp.ClientResponseError) else ""
            said = f"The file could not be uploaded to {host} ({status or type(failure).__name__})."
            remedy = f"Let Sitrep reach {host}, too: check the network and the proxy."
            raise Undelivered(Refusal(Verdict.AGAIN, UPLOAD, said, remedy), method=UPLOAD) from failure
