"""Errors, where the person is looking: one sentence that says what is wrong, one that says what to do."""

from bot.ids import Form
from bot.views import mrkdwn, parts
from bot.views.message import Json, Message
from incidents.errors import SitrepError

_FIELD_ERROR = 2000  # characters that Slack shows below a modal's field


def sentence(error: SitrepError) -> str:
    """Return the error for a modal's field: plain text."""
    return mrkdwn.clip(" ".join(part for part in (error.message, error.remedy) if part), _FIELD_ERROR)


def private(error: SitrepError) -> Message:
    """Return the error as a message for one person's eyes."""
    said = mrkdwn.with_mentions(error.message, 900)
    # A remedy is ours; it may hold `code`.
    remedy = error.remedy if "<" not in error.remedy else mrkdwn.with_mentions(error.remedy, 600)
    return parts.message(
        f"{said} {remedy}".strip(),
        [parts.section(f":warning: {said}" + (f"\n{remedy}" if remedy else ""))],
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
