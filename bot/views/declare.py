"""The declare modal, and what it becomes after Declare was pressed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    ExternalDataSelectElement,
    Option,
    PlainTextInputElement,
)

from bot.ids import Act, Field, Form
from bot.values import DeclareMeta, OfIncident
from bot.views import mrkdwn, parts
from bot.views.card import Told
from bot.views.message import Json
from escalation.matrix import Preview
from incidents.definitions import Severity
from incidents.service.declare import MAX_TITLE

#: Where what is known stands: as many inputs as its length needs.
KNOWN = (Field.KNOWN, Field.KNOWN_2, Field.KNOWN_3, Field.KNOWN_4)
_MAX_INPUT = 3000  # characters that Slack's plain_text_input takes

PRIVATE, DRILL = "private", "drill"

_OPTIONS = {
    PRIVATE: "Private: only invited people see it",
    DRILL: "Drill: nobody outside the channel is told",
}
_UNBROKEN = "\u00a0"  # a space at which no line ends: "+60" without "min" says nothing
#: Clock faces beside the promises, in the order of the matrix.
_FACES = (":bust_in_silhouette:", ":clock1:", ":clock2:", ":clock4:")


@dataclass(frozen=True)
class Alike:
    """An open incident that may be the same."""

    incident_id: int
    title: str
    severity: Severity
    service: str
    channel: str
    declared_at: datetime


@dataclass(frozen=True)
class Filled:
    """What was filled in so far."""

    meta: DeclareMeta
    title: str = ""
    service: str = ""  #: key of the catalogue
    service_title: str = ""
    known: tuple[str, ...] = ("",)  #: a text for each input
    options: frozenset[str] = frozenset()

    @property
    def told(self) -> str:
        """Return what is known as one text."""
        return "\n".join(part for part in self.known if part)

    def with_meta(self, meta: DeclareMeta) -> "Filled":
        """Return the same with another memory."""
        return replace(self, meta=meta)


def parted(text: str) -> tuple[str, ...]:
    """Return `text` in parts that fit an input each, cut at white space; past the last one it ends in …"""
    parts_: list[str] = []
    rest = text.strip()
    while len(parts_) < len(KNOWN) - 1 and mrkdwn.width(rest) > _MAX_INPUT:
        fitting = mrkdwn.clip(rest, _MAX_INPUT + 1).removesuffix("…")
        cut = max(fitting.rfind(" "), fitting.rfind("\n"))
        parts_.append(rest[: cut if cut > 0 else len(fitting)])
        rest = rest[len(parts_[-1]) :].lstrip()
    return (*parts_, mrkdwn.clip(rest, _MAX_INPUT))


def modal(
    filled: Filled,
    consequence: Preview,
    alike: Iterable[Alike] = (),
    *,
    now: datetime,
    advice: str = "",
) -> Json:
    """Return the modal; what was typed stands in it again, in the same blocks. `advice` is about the severity."""
    alike = tuple(alike)
    return parts.modal(
        Form.DECLARE,
        "Declare an incident",
        [
            parts.asked(Field.TITLE, "What is happening?", _title(filled.title), required=True),
            parts.asked(Field.SERVICE, "Service", _service(filled), dispatch=True),
            parts.section("*Severity*  If unsure, take the higher one."),
            _severities(consequence.severity),
            parts.context(consequence_line(consequence)),
            parts.section(f":warning: *{mrkdwn.paragraphs(advice, 300)}*") if advice else None,
            *[_possible_duplicate(each, now) for each in alike],
            *_known(filled.known),
            parts.asked(Field.OPTIONS, "Options", _options(filled.options), dispatch=True),
        ],
        submit="Declare anyway" if alike or advice else "Declare",
        close="Cancel",
        meta=filled.meta,
    )


def _title(typed: str) -> PlainTextInputElement:
    # An initial value above max_length would be refused; the cut is the reader's to see and mend.
    return PlainTextInputElement(
        action_id=Act.INPUT,
        placeholder=parts.plain("Checkout returns 500s", 150),
        initial_value=mrkdwn.clip(typed, MAX_TITLE) or None,
        max_length=MAX_TITLE,
        focus_on_load=not typed or None,
    )


def _known(typed: tuple[str, ...]) -> list[Block]:
    hint = (
        "Anything helps: steps, expected and actual, environment, versions, error text. "
        "Sitrep asks in the channel for what is missing."
    )
    blocks = []
    for field, part in zip(KNOWN, typed, strict=False):
        element = PlainTextInputElement(
            action_id=Act.INPUT,
            multiline=True,
            placeholder=parts.plain(
                "Errors since 14:02 after release 41. Message: KeyError 'currency' in pricing.py …", 150
            ),
            initial_value=mrkdwn.clip(part, _MAX_INPUT) or None,
            max_length=_MAX_INPUT,
        )
        first = field is Field.KNOWN
        label = "What do you know?" if first else "What do you know, continued"
        blocks.append(parts.asked(field, label, element, hint=hint if first else ""))
    return blocks


def _service(filled: Filled) -> ExternalDataSelectElement:
    chosen = parts.option(filled.service_title or filled.service, filled.service) if filled.service else None
    return ExternalDataSelectElement(
        action_id=Act.SERVICE,
        placeholder=parts.plain("Which service is hurt", 150),
        min_query_length=0,
        initial_option=chosen,
    )


def _severities(chosen: Severity) -> Block:
    buttons = []
    for severity in Severity:
        label = severity.value.capitalize()
        style = None
        if severity is chosen:
            label = f"✓ {label}"
            style = parts.DANGER if severity is Severity.CRITICAL else parts.PRIMARY
        buttons.append(parts.button(label, Act.SEVERITY.numbered(severity), severity.value, style=style))
    return parts.actions(*buttons, block_id=Field.SEVERITY)


def _options(chosen: frozenset[str]) -> CheckboxesElement:
    choices: dict[str, Option] = {value: parts.option(label, value) for value, label in _OPTIONS.items()}
    return CheckboxesElement(
        action_id=Act.OPTIONS,
        options=list(choices.values()),
        initial_options=[choices[value] for value in _OPTIONS if value in chosen] or None,
    )


def consequence_line(consequence: Preview) -> str:
    """Return what pressing this severity would do, in three short lines."""
    lines = [
        f"*{consequence.severity.value.capitalize()}*: {mrkdwn.said(_lower_first(consequence.description))}. "
        f"Response within {mrkdwn.spoken(consequence.response_time)}."
    ]
    told = [
        f"{face} *{row.when.replace(' ', _UNBROKEN)}* {', '.join(mrkdwn.said(who, 80) for who in row.who)}"
        for face, row in zip(_FACES, consequence.rows, strict=False)
    ]
    if told:
        lines.append("   ".join(told))
    rhythm = []
    if consequence.updates_every:
        rhythm.append(f":loudspeaker: Status every {mrkdwn.spoken(consequence.updates_every)}")
    rhythm += [f":arrow_double_up: {mrkdwn.said(each, 120)}" for each in consequence.escalations]
    if rhythm:
        lines.append("   ".join(rhythm))
    if not told and not rhythm:
        lines.append("Nobody is told by the clock; the channel is enough.")
    return "\n".join(lines)


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _possible_duplicate(alike: Alike, now: datetime) -> Block:
    on = f" on {mrkdwn.said(alike.service, 60)}" if alike.service else ""
    kind = f"{'An' if alike.severity.value[0] in 'aeiou' else 'A'} {alike.severity.value} incident{on}"
    return parts.section(
        f":warning: *{kind} was opened {mrkdwn.ago(now - alike.declared_at)}*: "
        f"{mrkdwn.channel(alike.channel, f'inc-{alike.incident_id}')} _{mrkdwn.said(alike.title, 150)}_",
        parts.button("Look first", Act.DUPLICATE_OPEN, OfIncident(incident=alike.incident_id)),
    )


def progress(key: str, title: str) -> Json:
    """Return the modal between Declare and the channel's link."""
    return parts.modal(
        Form.PROGRESS,
        "Declaring…",
        [
            parts.section(f":hourglass_flowing_sand: *{key}  {mrkdwn.said(title, 150)}*"),
            parts.section("Recorded. The channel is being made, the people in charge are being told."),
            parts.context("You may close this; the channel appears in your list."),
        ],
    )


def in_line(key: str, title: str, place: int, pages: tuple[int, int]) -> Json:
    """Return the modal while Slack, which makes so many channels a minute, makes those of others first."""
    sent, planned = pages
    told = f":white_check_mark: Pages are out: {sent} of {planned}." if planned else "Nobody needs to be paged."
    if sent < planned:
        told = f":hourglass_flowing_sand: Pages are going out: {sent} of {planned}."
    return parts.modal(
        Form.PROGRESS,
        "In line for a channel",
        [
            parts.section(f":hourglass_flowing_sand: *{key}  {mrkdwn.said(title, 150)}*"),
            parts.section(f"Recorded. It is *number {place} in line for a channel*; the most severe go first.\n{told}"),
            parts.context(
                "Slack makes a limited number of channels a minute.",
                "You may close this; the channel appears in your list.",
            ),
        ],
    )


def result(key: str, title: str, channel: str, *, told: Told, missing: int, channel_url: str = "") -> Json:
    """Return the modal once the channel is there."""
    promised = told.due + told.on_their_way
    rest = "; the rest is on its way" if told.on_their_way else ""
    asked = f"Sitrep asks there for {mrkdwn.plural(missing, 'fact')}" if missing else "Nothing is missing"
    return parts.modal(
        Form.PROGRESS,
        f"{key} is open",
        [
            parts.section(f":white_check_mark: *{key}  {mrkdwn.said(title, 150)}*\nGo to {mrkdwn.channel(channel)}"),
            parts.actions(parts.button("Open the channel", Act.OPEN, key, style=parts.PRIMARY, url=channel_url))
            if channel_url
            else None,
            parts.context(f"Told at once: {told.kept} of {promised}{rest}" if promised else "", asked),
        ],
        close="Done",
    )
