"""Answers to one person, where they are looking; and faults turned into answers."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError, SlackObjectFormationError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot import slack_errors
from bot.delivery.pace import OPEN
from bot.ids import Form
from bot.listeners import passing, redrawing
from bot.listeners.desk import Desk
from bot.listeners.payloads import Place, Submission
from bot.listeners.sharing import SeenBefore
from bot.values import FormMeta, ShownMeta
from bot.views import mrkdwn, parts, trouble
from bot.views.message import Json, Message
from bot.views.reading import shown_blocks
from incidents import store_errors
from incidents.errors import Conflict, InvalidInputs, Repeated, SitrepError

log = structlog.get_logger(__name__)

#: Slack's words for a trigger that came too late, and for one that a redelivery used a second time.
_TOO_LATE, _USED = "expired_trigger_id", "exchanged_trigger_id"
#: Nothing is shown in a channel to somebody who only looks in, nor in one that is archived.
_NOT_THERE = ("user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived")


def note(words: str) -> Message:
    """Return a one-line answer."""
    return parts.message(words, [parts.section(words)])


async def privately(desk: Desk, place: Place, message: Message) -> None:
    """Show `message` to the person alone: in a modal on top of theirs, or as an ephemeral message.

    Where Slack does not take it there it goes as a direct message: what it answers is done, and is not done again.
    """
    try:
        if place.view_kind:
            await show(desk, place, shown_blocks("Sitrep", message.blocks))
            return
        if await _in_the_channel(desk, place, message):
            return
    except Conflict as error:
        log.info("answered_directly", user=place.user, why=str(error))
    try:
        await directly(desk, place.user, message)
    except slack_errors.TROUBLE as error:
        if passing.trouble(error) is None:
            raise
        log.warning("answer_not_delivered", user=place.user, channel=place.channel, error=str(error))


async def _in_the_channel(desk: Desk, place: Place, message: Message) -> bool:
    """Show `message` where the person wrote or pressed; returns False where Slack did not take it."""
    if place.channel and (place.thread or not place.response_url):
        try:
            await desk.client.chat_postEphemeral(
                channel=place.channel,
                user=place.user,
                thread_ts=place.thread or None,
                text=message.text,
                blocks=message.blocks,
            )
        except slack_errors.TROUBLE as error:
            is_not_there = isinstance(error, SlackApiError) and slack_errors.word(error) in _NOT_THERE
            if not is_not_there and passing.trouble(error) is None:
                raise
        else:
            return True
    if not place.response_url:
        return False  # it came from nowhere that anything could be shown in
    return await _respond(desk, place, message, response_type="ephemeral", replace_original=False)


async def _respond(desk: Desk, place: Place, message: Message, **how: Any) -> bool:
    """Answer at the address that came with the payload; returns whether Slack took it."""
    # Without the SDK's own retries: what was shown before the line broke would be shown twice.
    webhook = AsyncWebhookClient(place.response_url, session=desk.client.session, retry_handlers=[])
    try:
        taken = await webhook.send(text=message.text, blocks=message.blocks, **how)
    except slack_errors.TROUBLE as error:
        if passing.trouble(error) is None:
            raise
        return False
    return bool(taken.status_code == HTTPStatus.OK)


async def directly(desk: Desk, person: str, message: Message) -> None:
    """Send somebody a direct message."""
    direct = await passing.repeated(desk, OPEN, lambda: desk.client.conversations_open(users=person))
    await desk.client.chat_postMessage(channel=direct["channel"]["id"], text=message.text, blocks=message.blocks)


async def instead(desk: Desk, place: Place, message: Message) -> None:
    """Replace the ephemeral message that was pressed; once more where Slack did not take it."""
    if place.response_url and not await _respond(desk, place, message, replace_original=True):
        await _respond(desk, place, message, replace_original=True)


async def show(desk: Desk, place: Place, view: Json) -> Json:
    """Open a modal, on top of the one the person is in; returns the view as Slack keeps it.

    Raises:
        Conflict: Slack's 3 seconds are over, it is in trouble, or this place cannot open modals.
    """
    if not place.trigger:
        raise Conflict("Forms cannot be opened from here.", remedy="Say it all in one line, or use the card's buttons.")
    try:
        if place.view_kind == "modal":
            answer = await desk.client.views_push(trigger_id=place.trigger, view=_above(place, view))
        else:
            answer = await desk.client.views_open(trigger_id=place.trigger, view=view)
    except slack_errors.TROUBLE as error:
        reason = slack_errors.word(error) if isinstance(error, SlackApiError) else ""
        if reason == _USED:
            raise SeenBefore from error
        if reason == _TOO_LATE:
            raise Conflict(
                "Slack stopped waiting for the form.", remedy="Nothing was changed; please do it once more."
            ) from error
        if reason == "push_limit_reached":
            return await redrawing.change(desk, place.view_id, view) or {}
        # Not tried again: a trigger is spent by a call that got no answer, and 3 s are soon over.
        refusal = passing.trouble(error, "views.push" if place.view_kind == "modal" else "views.open")
        if refusal is None:
            raise
        log.warning("form_not_shown", user=place.user, error=str(refusal))
        raise Conflict(
            f"The form could not be opened. {refusal.message}",
            remedy="If it is not there, please do it once more." if refusal.at_work else "Please do it once more.",
        ) from error
    opened: Json = answer["view"]
    return opened


def _above(place: Place, view: Json) -> Json:
    """Return a form that remembers which modal it stands on, where that changes with it."""
    shown = ShownMeta.decode(place.view_meta) if place.view_callback == Form.SHOWN and place.view_meta else None
    if "submit" not in view or not (shown or place.view_callback in (Form.RESOLVE, Form.CLOSE)):
        return view
    meta = FormMeta.decode(view["private_metadata"])
    meta = meta.model_copy(update={"behind": place.view_callback, "behind_id": place.view_id, "shown": shown})
    return {**view, "private_metadata": meta.encode()}


async def guarded(desk: Desk, place: Place, work: Awaitable[None], *, typed: str = "") -> None:
    """Await `work`; whatever goes wrong is told to the person with what they typed; what is ours is logged."""
    try:
        await work
    except SeenBefore:
        return
    except SitrepError as error:
        await refuse(desk, place, error, typed=typed)
    except Exception as error:  # noqa: BLE001 - the process's edge: logged with a reference, told to the person
        await _tell(desk, place, trouble.keeping(note(f":warning: {unexpected(desk, error)}"), typed))


def unexpected(desk: Desk, error: Exception) -> str:
    """Log a fault of ours under a reference, and return what the person is told."""
    # A block that breaks Slack's limits is our fault; the SDK's error for it looks like one of the line.
    refused = None if isinstance(error, SlackObjectFormationError) else slack_errors.read(error)
    known = store_errors.explain(error) or refused
    reference = desk.reference()
    log.error("listener_failed", reference=reference, exc_info=error)
    return f"{known} (reference {reference})" if known else trouble.unexpected(reference)


async def refuse(desk: Desk, place: Place, error: SitrepError, *, typed: str = "") -> None:
    """Tell a person what was wrong with what they did, what to do about it, and the line they typed."""
    if isinstance(error, Repeated):
        await _tell(desk, place, note(f"✓ {mrkdwn.with_mentions(error.message, 600)}"))
        return
    await _tell(desk, place, trouble.keeping(trouble.private(error), typed))


async def _tell(desk: Desk, place: Place, message: Message) -> None:
    try:
        await privately(desk, place, message)
    except (SitrepError, SeenBefore, *slack_errors.TROUBLE) as error:
        # Nobody can be told: the channel is archived, the trigger is used up, Slack is away.
        log.warning("answer_not_delivered", user=place.user, channel=place.channel, error=str(error))


def in_a_form(desk: Desk, error: Exception) -> str:
    """Return what a form says about what went wrong; what is ours is logged."""
    return trouble.sentence(error, desk.ctx.settings) if isinstance(error, SitrepError) else unexpected(desk, error)


def faults(desk: Desk, sent: Submission, error: Exception) -> dict[str, str]:
    """Return what went wrong with a form: a sentence for each field; what is about none stands at the first one."""
    first = next(iter(sent.view.values), "")
    return {field or first: words for field, words in faults_above(desk, sent, error).items()}


def faults_above(desk: Desk, sent: Submission, error: Exception) -> dict[str, str]:
    """Return what went wrong with a form: a sentence for each field it is about, or for none, above them all."""
    if isinstance(error, InvalidInputs) and error.faults.keys() <= set(sent.view.values):
        return error.faults
    about = error.field if isinstance(error, SitrepError) else ""
    return {about if about in sent.view.values else "": in_a_form(desk, error)}


async def react(desk: Desk, channel: str, ts: str, name: str) -> None:
    """Put an emoji on a message; that it stands there already is as good."""
    try:
        await desk.client.reactions_add(channel=channel, timestamp=ts, name=name)
    except slack_errors.TROUBLE as error:
        word = slack_errors.word(error) if isinstance(error, SlackApiError) else ""
        if word != "already_reacted":
            log.warning("reaction_not_added", channel=channel, error=word or str(error))


async def message_at(desk: Desk, channel: str, ts: str) -> Json:
    """Return a message as Slack has it, with its metadata; empty where it was deleted."""
    # conversations.replies finds a message in a thread and one that stands alone.
    answer = await desk.client.conversations_replies(
        channel=channel, ts=ts, limit=1, inclusive=True, include_all_metadata=True
    )
    messages: list[Json] = answer.get("messages") or []
    return next((each for each in messages if each.get("ts") == ts), {})
