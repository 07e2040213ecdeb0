"""The regular status update: as a draft to send, as it was sent, and as a form to write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slack_sdk.models.blocks import Block, PlainTextInputElement

from bot.ids import Act, Field, Form
from bot.values import FormMeta, OfUpdate
from bot.views import mrkdwn, parts, words
from bot.views.message import Json, Message
from incidents import records

#: The fields of an update, in the order in which they are read.
FIELDS = (Field.CONDITION, Field.IMPACT, Field.DONE, Field.NEXT, Field.NEEDS)

_LABELS = {
    Field.CONDITION: "Condition",
    Field.IMPACT: "Impact",
    Field.DONE: "Done",
    Field.NEXT: "Next",
    Field.NEEDS: "Needs",
}
_MAX_FIELD = 1000
_SNOOZES = (5, 10, 30)  # minutes


@dataclass(frozen=True)
class Update:
    """A status update and where it goes."""

    row: records.StatusUpdate
    incident: records.Incident
    since: datetime | None = None  #: the update before
    next_at: datetime | None = None
    mailed: int = 0  #: stakeholders who get it by e-mail
    overdue_at: datetime | None = None  #: when the facts go out by themselves
    missed_to: str = ""  #: who hears of a miss, ready to show


def lines(fields: Mapping[str, str], next_at: datetime | None, due_at: datetime) -> str:
    """Return an update's fields, each on its line; times in them are of about `due_at` (UTC)."""
    shown = [f"*{_LABELS[field]}*  {_told(fields.get(field, ''), due_at) or '–'}" for field in FIELDS]
    if next_at is not None:
        shown.append(f"*Next update*  {mrkdwn.clock(next_at)}")
    return "\n".join(shown)


def _told(typed: str, at: datetime) -> str:
    every = [mrkdwn.times_near(mrkdwn.with_mentions(line, 600), at) for line in typed.splitlines() if line.strip()]
    return "\n    ".join(every[:8])


def draft(update: Update) -> Message:
    """Return the draft with its verbs; without them once it was sent, missed or said to be unchanged."""
    row = update.row
    if row.state not in ("planned", "drafted"):
        return _settled(update)
    since = (
        f"drafted from what happened since {mrkdwn.clock(update.since)}" if update.since else "drafted from the record"
    )
    value = OfUpdate(update=row.number)
    return parts.message(
        f"Status update of {update.incident.key} is due at {mrkdwn.clock(row.due_at)}",
        [
            parts.section(f"*Status update due at {mrkdwn.clock(row.due_at)}*   {since}"),
            parts.section(lines(row.fields, update.next_at, row.due_at)),
            parts.actions(
                parts.button("Send", Act.SEND, value, style=parts.PRIMARY),
                parts.button("Edit", Act.EDIT, value),
                parts.button("No change", Act.NO_CHANGE, value),
                parts.overflow(
                    Act.SNOOZE, [(f"In {m} minutes", OfUpdate(update=row.number, minutes=m)) for m in _SNOOZES]
                ),
            ),
            parts.context(_goes_to(update), _by_itself(update)),
        ],
    )


def _goes_to(update: Update) -> str:
    room = mrkdwn.channel(update.incident.channel, update.incident.key)
    mailed = f", {mrkdwn.plural(update.mailed, 'stakeholder')} by e-mail" if update.mailed else ""
    return f"To {room}{mailed}"


def _by_itself(update: Update) -> str:
    if update.overdue_at is None:
        return ""
    told = f" and tells {update.missed_to} that it was missed" if update.missed_to else ""
    return f"sends the facts by itself at {mrkdwn.clock(update.overdue_at)}{told}"


def _settled(update: Update) -> Message:
    row = update.row
    word = {"sent": "sent", "no_change": "sent: no change", "missed": "missed, the facts were sent"}.get(
        row.state, row.state
    )
    by = f" by {mrkdwn.person(row.sent_by)}" if row.sent_by else ""
    at = f" at {mrkdwn.clock(row.sent_at)}" if row.sent_at else ""
    return parts.message(
        f"Status update {word}", [parts.context(f"Status update due at {mrkdwn.clock(row.due_at)}", f"{word}{by}{at}")]
    )


def sent(update: Update) -> Message:
    """Return the update as everybody reads it."""
    row, incident = update.row, update.incident
    mark = words.STATUS_MARK.get(incident.status) or words.SEVERITY_MARK[incident.severity]
    title = f"{mark} *Status  {mrkdwn.said(incident.title, 150)}*   {incident.severity}"
    if row.state == "no_change":
        next_at = f"   next update {mrkdwn.clock(update.next_at)}" if update.next_at else ""
        blocks: list[Block | None] = [parts.section(f"{title}\nNo change since the last update.{next_at}")]
    else:
        blocks = [parts.section(title), parts.section(lines(row.fields, update.next_at, row.due_at))]
    by = "sent from the facts, nobody was there to send it" if row.state == "missed" else mrkdwn.person(row.sent_by)
    fallback = "no change" if row.state == "no_change" else mrkdwn.said(row.fields.get("condition", ""), 200)
    return parts.message(
        f"{incident.key} status: {fallback}",
        [*blocks, parts.context(f"{incident.key}", by, _late(row), "drill" if incident.drill else "")],
    )


def summary(incident: records.Incident, fields: Mapping[str, str], *, since: datetime, url: str = "") -> Message:
    """Return the summary for who was told before: how it stands, what changed since `since`, what is next."""
    mark = words.STATUS_MARK.get(incident.status) or words.SEVERITY_MARK[incident.severity]
    condition, done, coming = (
        _told(fields.get(field, ""), since) or "–" for field in (Field.CONDITION, Field.DONE, Field.NEXT)
    )
    room = mrkdwn.link(url, f"#{incident.channel_name or incident.key}") if url else ""
    return parts.message(
        f"{incident.key} summary: {mrkdwn.said(fields.get('condition', ''), 200)}",
        [
            parts.section(f"{mark} *Summary  {mrkdwn.said(incident.title, 150)}*   {incident.severity}"),
            parts.section(f"{condition}\n*Since {mrkdwn.clock(since)}*  {done}\n*Next*  {coming}"),
            parts.context(incident.key, room, "drill" if incident.drill else "", "nothing is asked of you"),
        ],
    )


def _late(row: records.StatusUpdate) -> str:
    if row.sent_at is None or (row.sent_at - row.due_at).total_seconds() < 60 or row.slot.startswith("extra"):
        return ""
    return f"{mrkdwn.spoken(row.sent_at - row.due_at)} late"


def form(
    incident: records.Incident, fields: Mapping[str, str], *, update: int = 0, after: int = 0, error: str = ""
) -> Json:
    """Return the form, with the draft's words in it; `after` is the newest update that went out before."""
    return parts.modal(
        Form.UPDATE,
        f"Status of {incident.key}",
        [
            parts.section(f":warning: {mrkdwn.with_mentions(error, 900)}") if error else None,
            *[_field(field, fields.get(field, "")) for field in FIELDS],
            parts.context("The next update's time is added. It goes to the channel and to everybody on the list."),
        ],
        submit="Send",
        close="Cancel",
        meta=FormMeta(incident=incident.number, update=update, after=after),
    )


def _field(field: Field, typed: str) -> Block:
    element = PlainTextInputElement(
        action_id=Act.INPUT,
        initial_value=mrkdwn.clip(typed, _MAX_FIELD) or None,
        multiline=field in (Field.CONDITION, Field.DONE),
        max_length=_MAX_FIELD,
    )
    return parts.asked(field, _LABELS[field], element, required=field is Field.CONDITION)
