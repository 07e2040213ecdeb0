"""Errors, where the person is looking: one sentence that says what is wrong, one that says what to do."""

import re

from bot.ids import Act, Form
from bot.values import OfIncident
from bot.views import mrkdwn, parts
from bot.views.message import Json, Message
from incidents import records
from incidents.catalog import Settings
from incidents.errors import SitrepError
from incidents.lifecycle import Status

_ONE_LINE = 1500  # characters that small print shows on one line, escaped
_PIECE, _PIECES = 2700, 4  # of what is longer; Slack takes about 13,000 characters in one message
_FIELD_ERROR = 2000  # characters that Slack shows below a modal's field
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")
_ROOM = re.compile(r"<#[CG][A-Z0-9]+>")


def sentence(error: SitrepError, settings: Settings) -> str:
    """Return the error for a modal's field: plain text, in which Slack shows no mention, so people go by name."""
    names = {person.slack: person.name or person.key for person in settings.people.values() if person.slack}
    words = " ".join(part for part in (error.message, error.remedy) if part)
    words = _MENTION.sub(lambda found: names.get(found[1], "somebody else"), words)
    return mrkdwn.clip(_ROOM.sub("its channel", words), _FIELD_ERROR)


def private(error: SitrepError) -> Message:
    """Return the error as a message for one person's eyes."""
    said = mrkdwn.with_mentions(error.message, 900)
    # A remedy is ours; it may hold `code`.
    remedy = error.remedy if "<" not in error.remedy else mrkdwn.with_mentions(error.remedy, 600)
    return parts.message(
        f"{said} {remedy}".strip(),
        [parts.section(f":warning: {said}" + (f"\n{remedy}" if remedy else ""))],
    )


def keeping(answer: Message, typed: str) -> Message:
    """Return the answer with the line that was typed below it, to copy; nobody types it twice."""
    if not typed:
        return answer
    if "\n" not in typed and mrkdwn.width(mrkdwn.escape(typed)) <= _ONE_LINE:
        kept = [parts.context(f"You typed: {mrkdwn.code(typed, _ONE_LINE)}")]
    else:
        shown = mrkdwn.pieces(typed, _PIECE)
        kept = [parts.context("You typed:"), *[parts.section(mrkdwn.pre(each)) for each in shown[:_PIECES]]]
        left = sum(map(len, shown[_PIECES:]))
        kept += [parts.context(f"{mrkdwn.plural(left, 'more character')} do not fit here")] if left else []
    return Message(text=answer.text, blocks=[*answer.blocks, *[each.to_dict() for each in kept]])


def no_channel(incident: records.Incident, why: str) -> Message:
    """Return what is said of an incident without a channel: why, what goes on, and the way to ask Slack again."""
    if incident.channel:
        words = f"{incident.key} has its channel now: {mrkdwn.channel(incident.channel)}"
        return parts.message(words, [parts.section(f"✅ {words}")])
    if not why:
        words = f"Slack is being asked for the channel of {incident.key} again."
        return parts.message(words, [parts.section(f":hourglass_flowing_sand: {words}")])
    button = None
    if incident.status is Status.OPEN:
        button = parts.button("Try again", Act.MAKE_ROOM, OfIncident(incident=incident.number), style=parts.PRIMARY)
    said = mrkdwn.prose(why, 900)
    return parts.message(
        f"{incident.key} has no channel: {said}",
        [
            parts.section(
                f":warning: *{incident.key} is recorded, but Slack would not make its channel.*\n{said}\n"
                f"The incident goes on without it: pages and notices reach people directly, and "
                f"`/incident {incident.key} status` and every other word work from anywhere."
            ),
            parts.actions(button) if button else None,
            parts.context(f"typed: `/incident {incident.key} channel`") if button else None,
        ],
    )


def unexpected(reference: str) -> str:
    """Return what is said when the fault is ours."""
    return (
        f"Something went wrong on Sitrep's side; nothing was changed. Please try again. "
        f"If it stays, give your operators the reference {reference}."
    )


def modal(title: str, words: str) -> Json:
    """Return a modal that says what went wrong."""
    return parts.modal(Form.SHOWN, title, [parts.section(f":warning: {mrkdwn.paragraphs(words, 2000)}")])
