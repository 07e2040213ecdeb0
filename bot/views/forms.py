"""Small forms: severity, escalate, note, impact, send back, write my part, follow-up, cancel, reopen."""

from collections.abc import Sequence

from slack_sdk.models.blocks import (
    Block,
    ButtonElement,
    DatePickerElement,
    Option,
    PlainTextInputElement,
    RadioButtonsElement,
    StaticSelectElement,
    UserSelectElement,
)

from bot.ids import Act, Field, Form
from bot.values import FormMeta, OfFeedback, OfGate
from bot.views import mrkdwn, parts, words
from bot.views.message import Json
from incidents import lengths, records
from incidents.definitions import Severity
from incidents.postmortem import SECTIONS

MAX_TEXT = 2000
#: Options of a select; https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
MAX_CHOICES = 100
_BUTTON_VALUE = 2000  # characters that a button carries


def _words(
    typed: str = "", *, multiline: bool = True, placeholder: str = "", limit: int = MAX_TEXT
) -> PlainTextInputElement:
    return PlainTextInputElement(
        action_id=Act.INPUT,
        multiline=multiline,
        initial_value=mrkdwn.clip(typed, limit) or None,
        max_length=limit,
        placeholder=parts.plain(placeholder, 150) if placeholder else None,
    )


def _about(incident: records.Incident) -> Block:
    return parts.section(f"*{incident.key}*  {mrkdwn.said(incident.title, 150)}")


def _chosen(options: Sequence[Option], value: str) -> Option | None:
    return next((each for each in options if each.value == value), None)


def severity(incident: records.Incident, lines: dict[Severity, str], *, chosen: Severity | None = None) -> Json:
    """Return the form that changes the severity; `lines` says what each would bring, ready to show."""
    options = [parts.option(f"{each.value.capitalize()}", each.value) for each in Severity]
    element = RadioButtonsElement(
        action_id=Act.INPUT,
        options=options,
        initial_option=_chosen(options, (chosen or incident.severity).value),
    )
    return parts.modal(
        Form.SEVERITY,
        f"Severity of {incident.key}",
        [
            _about(incident),
            parts.asked(Field.SEVERITY, "Severity", element, required=True),
            *[parts.context(line) for line in lines.values()],
            parts.asked(Field.REASON, "Why", _words(multiline=False, limit=300)),
            parts.context("What was already sent is not sent again; the rest is planned anew."),
        ],
        submit="Change",
        close="Cancel",
        meta=FormMeta(incident=incident.number),
    )


def escalate(incident: records.Incident, triggers: dict[str, str], *, typed: str = "") -> Json:
    """Return the form that escalates by what was found; `triggers` says who hears of each."""
    options = [parts.option(f"{words.trigger(name)} → {told}", name) for name, told in triggers.items()]
    element = RadioButtonsElement(action_id=Act.INPUT, options=options[:10])
    return parts.modal(
        Form.ESCALATE,
        f"Escalate {incident.key}",
        [
            _about(incident),
            parts.asked(Field.TRIGGER, "What was found", element, required=True),
            parts.asked(Field.NOTE, "What they should know", _words(typed, limit=500)),
            parts.context("They are told at once and invited to the channel."),
        ],
        submit="Escalate",
        close="Cancel",
        meta=FormMeta(incident=incident.number),
    )


def note(incident: records.Incident, *, typed: str = "") -> Json:
    """Return the form that adds to the timeline."""
    return parts.modal(
        Form.NOTE,
        f"Timeline of {incident.key}",
        [_about(incident), parts.asked(Field.NOTE, "What happened", _words(typed), required=True)],
        submit="Add",
        close="Cancel",
        meta=FormMeta(incident=incident.number),
    )


def impact(incident: records.Incident) -> Json:
    """Return the form for the one line that says who is hurt."""
    element = _words(incident.impact, multiline=False, placeholder="38 % of checkouts fail since 14:02", limit=300)
    return parts.modal(
        Form.IMPACT,
        f"Impact of {incident.key}",
        [_about(incident), parts.asked(Field.IMPACT, "Who is hurt, how much, since when", element, required=True)],
        submit="Save",
        close="Cancel",
        meta=FormMeta(incident=incident.number),
    )


def send_back(approval: records.Approval, what: str, *, typed: str = "") -> Json:
    """Return the form that sends a proposal back with what to change; of `typed` stands there what fits."""
    over = len(typed) > lengths.FORM
    cut = f":warning: Your message has {len(typed):,} characters; what fits stands above. Keep what counts."
    return parts.modal(
        Form.SEND_BACK,
        "Send back",
        [
            parts.section(what),
            parts.asked(
                Field.FEEDBACK,
                "What should change",
                _words(typed, placeholder="Keep the rounding; default the currency instead.", limit=lengths.FORM),
                hint="The step runs again with this in mind.",
                required=True,
            ),
            parts.context(cut) if over else None,
        ],
        submit="Send back",
        close="Cancel",
        meta=FormMeta(incident=approval.incident_id, approval=approval.number),
    )


def send_back_button(approval: int, words: str, ts: str) -> ButtonElement:
    """Return the button that sends a proposal back with the words of the message `ts`, which was written in its thread.

    What a button cannot carry is read from the message when it is pressed.
    """
    value = OfFeedback(approval=approval, feedback=words)
    if mrkdwn.width(value.encode()) > _BUTTON_VALUE:
        value = OfFeedback(approval=approval, ts=ts)
    return parts.button("Send back with these words", Act.SEND_BACK_WORDS, value)


def override(value: OfGate, title: str, *, reason: str, asks: str = "") -> Json:
    """Return the form that overrides a quality gate; `reason` is why it does not hold."""
    return parts.modal(
        Form.OVERRIDE,
        "Override the gate",
        [
            parts.section(f"*{title}* of inc-{value.incident}\n{mrkdwn.said(asks)}".strip()),
            parts.context(mrkdwn.with_mentions(reason, 300)) if reason else None,
            parts.asked(
                Field.REASON,
                "Why the response goes on without it",
                _words(limit=500),
                hint="It stands under your name in the timeline and the post-mortem.",
                required=True,
            ),
        ],
        submit="Override",
        close="Cancel",
        meta=FormMeta(incident=value.incident, gate=value),
    )


def write(incident: records.Incident, written: dict[str, str]) -> Json:
    """Return the form for the judgement in the post-mortem; what is written stands in it."""
    return parts.modal(
        Form.WRITE,
        f"Post-mortem {incident.key}",
        [
            parts.section(
                "The facts are filled in from the record. These are for people. Nothing is blamed on a person."
            ),
            *[
                parts.asked(Field(section), label, _words(written.get(section, ""), limit=3000))
                for section, label in SECTIONS.items()
            ],
        ],
        submit="Save",
        close="Cancel",
        meta=FormMeta(incident=incident.number),
    )


def followup(incident: records.Incident, *, title: str = "") -> Json:
    """Return the form for a follow-up with owner and date."""
    return parts.modal(
        Form.FOLLOWUP,
        f"Follow-up of {incident.key}",
        [
            parts.asked(
                Field.TITLE,
                "What is to be done",
                _words(title, multiline=False, placeholder="Contract test for old carts", limit=150),
                required=True,
            ),
            parts.asked(Field.REASON, "Why", _words(limit=400)),
            parts.asked(Field.OWNER, "Owner", UserSelectElement(action_id=Act.INPUT)),
            parts.asked(Field.DUE, "Due", DatePickerElement(action_id=Act.INPUT)),
        ],
        submit="Add",
        close="Cancel",
        meta=FormMeta(incident=incident.number),
    )


def reason(form: Form, incident: records.Incident, label: str, *, title: str, submit: str, typed: str = "") -> Json:
    """Return a form that asks for nothing but the reason: cancel, reopen."""
    return parts.modal(
        form,
        title,
        [_about(incident), parts.asked(Field.REASON, label, _words(typed), required=True)],
        submit=submit,
        close="Back",
        meta=FormMeta(incident=incident.number),
    )


def which_incident(form: Form, incidents: Sequence[records.Incident], *, typed: str) -> Json:
    """Return the form that asks which open incident a message belongs to."""
    options = [parts.option(f"{each.key} {each.title}", str(each.number)) for each in incidents[:MAX_CHOICES]]
    element = StaticSelectElement(action_id=Act.INPUT, options=options, initial_option=options[0])
    return parts.modal(
        form,
        "Add to a timeline",
        [
            parts.asked(Field.INCIDENT, "Incident", element, required=True),
            parts.asked(Field.NOTE, "What happened", _words(typed), required=True),
        ],
        submit="Add",
        close="Cancel",
        meta=FormMeta(incident=0),
    )
