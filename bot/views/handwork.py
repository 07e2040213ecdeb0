"""Forms for one step: take it over by hand with its outputs, leave it out, hand it to another provider."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from slack_sdk.models.blocks import (
    Block,
    InputInteractiveElement,
    PlainTextInputElement,
    RadioButtonsElement,
    StaticSelectElement,
)

from bot.ids import OUTPUT_FIELD, Act, Field, Form
from bot.values import FormMeta
from bot.views import mrkdwn, parts
from bot.views.message import Json
from incidents import lengths, records
from incidents.agents.handwritten import Blank

_ROOM = parts.MAX_VIEW_BLOCKS - 4  # what stands before and after the outputs


def take_over(incident: records.Incident, step: records.Step, title: str, blanks: Sequence[Blank] = ()) -> Json:
    """Return the form that takes a step over: what was done, and the outputs that later steps read."""
    outputs = [block for part, fields in groupby(blanks, lambda each: each.part) for block in _part(part, fields)]
    lead = "*What it found*  Later steps read these. Fill in what you know; a part left empty stays unknown."
    return parts.modal(
        Form.TAKE_OVER,
        f"Step {step.name} by hand",
        [
            _about(incident, step, title),
            parts.asked(
                Field.SUMMARY,
                "What you did",
                _line(lengths.LINE, lines=True),
                hint="It goes on the timeline; the steps that build on it go on.",
                required=True,
            ),
            parts.section(lead) if outputs else None,
            *outputs[:_ROOM],
        ],
        submit="Done by hand",
        close="Cancel",
        meta=FormMeta(incident=incident.number, step=step.number),
    )


def _part(part: str, blanks: Iterable[Blank]) -> list[Block]:
    fields = list(blanks)
    title = part.replace("_", " ").capitalize()
    lone = len(fields) == 1 and fields[0].path == part
    head = [] if lone else [parts.divider(), parts.section(f"*{mrkdwn.said(title, 100)}*")]
    return [*head, *(_input(each, title if lone else each.label) for each in fields)]


def _input(blank: Blank, label: str) -> Block:
    needed = "Needed where this part is filled in. " if blank.needed else ""
    return parts.asked(f"{OUTPUT_FIELD}{blank.path}", label, _element(blank), hint=f"{needed}{blank.hint}".strip())


def _element(blank: Blank) -> InputInteractiveElement:
    if blank.choices:
        options = [parts.option(each.replace("_", " "), each) for each in blank.choices]
        return StaticSelectElement(action_id=Act.INPUT, options=options)
    return _line(blank.limit, lines=blank.lines)


def _line(limit: int, *, lines: bool) -> PlainTextInputElement:
    return PlainTextInputElement(action_id=Act.INPUT, multiline=lines, max_length=limit)


def skip(incident: records.Incident, step: records.Step, title: str) -> Json:
    """Return the form that leaves a step out."""
    return parts.modal(
        Form.SKIP,
        f"Skip step {step.name}",
        [
            _about(incident, step, title),
            parts.asked(
                Field.REASON,
                "Why it is left out",
                _line(lengths.LINE, lines=True),
                hint="The channel and the timeline say it. What builds on the step goes on without its results.",
                required=True,
            ),
        ],
        submit="Skip it",
        close="Cancel",
        meta=FormMeta(incident=incident.number, step=step.number),
    )


def hand_over(incident: records.Incident, step: records.Step, title: str, providers: Sequence[str]) -> Json:
    """Return the form that hands a step to another provider; the first of `providers` carries out all others."""
    now = step.provider or providers[0]
    options = [parts.option(each, each) for each in providers if each != now]
    return parts.modal(
        Form.HAND_OVER,
        f"Hand over step {step.name}",
        [
            _about(incident, step, title),
            parts.asked(
                Field.PROVIDER,
                "Who carries it out",
                RadioButtonsElement(action_id=Act.INPUT, options=options, initial_option=options[0]),
                hint=f"{now} has it now. What is under way is given up and begun anew.",
                required=True,
            ),
        ],
        submit="Hand it over",
        close="Cancel",
        meta=FormMeta(incident=incident.number, step=step.number),
    )


def _about(incident: records.Incident, step: records.Step, title: str) -> Block:
    return parts.section(f"*{step.name} {mrkdwn.said(title, 100)}* of {incident.key}")
