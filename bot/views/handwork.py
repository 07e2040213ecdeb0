"""Forms for one step: take it over by hand with its outputs, leave it out, hand it to another provider."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from slack_sdk.models.blocks import (
    Block,
    InputInteractiveElement,
    PlainTextInputElement,
    RadioButtonsElement,
    StaticSelectElement,
)

from bot.ids import OUTPUT_FIELD, Act, Field, Form
from bot.values import FormMeta, OfStep
from bot.views import mrkdwn, parts
from bot.views.message import Json
from incidents import lengths, records
from incidents.agents.blanks import Blank

_ROOM = parts.MAX_VIEW_BLOCKS - 4  # what stands before and after the outputs


def take_over(
    incident: records.Incident,
    step: records.Step,
    title: str,
    blanks: Sequence[Blank] = (),
    *,
    typed: Mapping[str, str] | None = None,
) -> Json:
    """Return the form that takes a step over: what was done, and the outputs that later steps read.

    At first it asks for what later steps cannot do without; with `typed`, what was filled in so far by block id, for
    everything.
    """
    asked = blanks if typed is not None else [each for each in blanks if not each.more]
    said = typed or {}
    outputs = [block for part, fields in groupby(asked, lambda each: each.part) for block in _part(part, fields, said)]
    left = len(blanks) - len(asked)
    more = parts.button(f"{mrkdwn.plural(left, 'more field')}", Act.MORE_FIELDS, OfStep(step=step.number))
    lead = "*What it found*  Later steps read these. Fill in what you know; a part left empty stays unknown."
    return parts.modal(
        Form.TAKE_OVER,
        f"Step {step.name} by hand",
        [
            _about(incident, step, title),
            parts.asked(
                Field.SUMMARY,
                "What you did",
                _line(lengths.LINE, lines=True, typed=said.get(Field.SUMMARY, "")),
                hint="It goes on the timeline; the steps that build on it go on.",
                required=True,
            ),
            parts.section(lead) if outputs else None,
            *outputs[:_ROOM],
            parts.actions(more) if left else None,
        ],
        submit="Done by hand",
        close="Cancel",
        meta=FormMeta(incident=incident.number, step=step.number),
    )


def _part(part: str, blanks: Iterable[Blank], typed: Mapping[str, str]) -> list[Block]:
    fields = list(blanks)
    title = part.replace("_", " ").capitalize()
    lone = len(fields) == 1 and fields[0].path == part
    head = [] if lone else [parts.divider(), parts.section(f"*{mrkdwn.said(title, 100)}*")]
    return [*head, *(_input(each, title if lone else each.label, typed) for each in fields)]


def _input(blank: Blank, label: str, typed: Mapping[str, str]) -> Block:
    needed = "Needed where this part is filled in. " if blank.needed else ""
    name = f"{OUTPUT_FIELD}{blank.path}"
    element = _element(blank, typed.get(name, ""))
    return parts.asked(name, label, element, hint=f"{needed}{blank.hint}".strip())


def _element(blank: Blank, typed: str) -> InputInteractiveElement:
    if blank.choices:
        options = {each: parts.option(each.replace("_", " "), each) for each in blank.choices}
        return StaticSelectElement(
            action_id=Act.INPUT, options=list(options.values()), initial_option=options.get(typed)
        )
    return _line(blank.limit, lines=blank.lines, typed=typed)


def _line(limit: int, *, lines: bool, typed: str = "") -> PlainTextInputElement:
    return PlainTextInputElement(
        action_id=Act.INPUT, multiline=lines, max_length=limit, initial_value=typed[:limit] or None
    )


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


def hand_over(incident: records.Incident, step: records.Step, title: str, now: str, others: Sequence[str]) -> Json:
    """Return the form that hands a step from the provider that has it `now` to one of `others`."""
    options = [parts.option(each, each) for each in others]
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
