"""Answers to interactions: what comes in the ack and what is posted to a response_url."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.workspace.apps.response_urls import ResponseUrl
from bot.workspace.contents import posting
from bot.workspace.contents.model import Channel, Json, Message
from bot.workspace.contents.outgoing import Author, Draft
from bot.workspace.core import Core
from bot.workspace.rules import blocks
from bot.workspace.rules.dropping import Dropped
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.interference import strike


async def respond(request: Request) -> Response:
    """Take an answer that an app posts to a response_url."""
    core: Core = request.app.state.core
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return PlainTextResponse("invalid_payload", status_code=400)
    struck = await strike(core, "response_url")
    if struck.answer is not None:
        return struck.answer
    try:
        apply(core, core.responses.redeem(request.path_params["token"]), body)
    except SlackError as fault:
        status = 404 if fault.code in ("expired_url", "used_url") else 400
        return JSONResponse(fault.body(), status_code=status)
    return Dropped() if struck.drops_answer else PlainTextResponse("ok")


def apply(core: Core, place: ResponseUrl, body: Json) -> None:
    """Show an app's answer: a new message, or a change to the one that was acted on.

    Raises:
        SlackError: no_text, invalid_blocks, message_not_found and their like.
    """
    if body.get("delete_original") or body.get("replace_original"):
        _change_original(core, place, body)
        return
    channel = core.team.channels[place.channel_id]
    app = core.team.apps[place.app_id]
    author, draft = Author(app.user_id, app), _draft(body, place.thread_ts)
    if body.get("response_type") == "in_channel":
        posting.post(core, channel, author, draft)
    else:
        posting.post_ephemeral(core, channel, author, draft, place.user_id)


def _draft(body: Json, thread_ts: str | None) -> Draft:
    layout = blocks.message_blocks(body["blocks"]) if body.get("blocks") else []
    text, attachments = str(body.get("text") or ""), body.get("attachments") or []
    if not (text or layout or attachments):
        raise SlackError("no_text")
    return Draft(
        text=text,
        blocks=layout,
        attachments=attachments,
        thread_ts=body.get("thread_ts") or thread_ts,
        metadata=body.get("metadata"),
    )


def _change_original(core: Core, place: ResponseUrl, body: Json) -> None:
    channel = core.team.channels[place.channel_id]
    row = _original(core, place, channel)
    if row is None:
        raise SlackError("message_not_found")
    if body.get("delete_original"):
        _delete(core, channel, row)
        return
    draft = _draft(body, None)
    if row.ephemeral_to is None:
        posting.edit(core, channel, row, draft, editor=None)
    else:
        posting.edit_ephemeral(core, channel, row, draft)


def _original(core: Core, place: ResponseUrl, channel: Channel) -> Message | None:
    if place.message_ts is None:
        return None
    if place.ephemeral:
        return core.ephemerals.find(place.user_id, place.message_ts)
    return channel.messages.get(place.message_ts)


def _delete(core: Core, channel: Channel, row: Message) -> None:
    if row.ephemeral_to is None:
        posting.delete(core, channel, row)
    else:
        posting.delete_ephemeral(core, row)
