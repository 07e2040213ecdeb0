"""The form that reports a bug: its seven facts, each in a field of its own."""

from dataclasses import dataclass, field

from slack_sdk.models.blocks import (
    ExternalDataSelectElement,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
)

from bot.ids import Act, Field, Form
from bot.views import mrkdwn, parts
from bot.views.message import Json
from incidents import triage
from incidents.definitions import Severity
from incidents.service.declare import MAX_TITLE

#: Triage fact -> its field; the affected component is the service.
FACTS: dict[str, Field] = {
    "steps_to_reproduce": Field.STEPS,
    "expected_vs_actual": Field.EXPECTED,
    "environment": Field.ENVIRONMENT,
    "versions": Field.VERSIONS,
    "error_output": Field.ERROR_OUTPUT,
    "component": Field.COMPONENT,
    "context": Field.CONTEXT,
}

#: What a bug may be; what is worse is an incident.
SEVERITIES = {
    Severity.MEDIUM: "Medium: broken for a subset of users",
    Severity.LOW: "Low: minor or cosmetic",
}

_SHORT = {"environment", "versions", "component"}
_MAX_INPUT = 1500  # six of them stay inside what an incident keeps of its report


@dataclass(frozen=True)
class Filled:
    """What was filled in so far."""

    title: str = ""
    service: str = ""  #: key of the catalogue
    service_title: str = ""
    severity: Severity = Severity.MEDIUM
    facts: dict[str, str] = field(default_factory=dict)


def modal(filled: Filled) -> Json:
    """Return the form; what was typed stands in it again."""
    return parts.modal(
        Form.BUG,
        "Report a bug",
        [
            parts.section(
                "Agents look for the cause once the seven facts are known; you choose the fix, approve plan and merge. "
                "Nobody is paged. If production is down, `/incident` instead."
            ),
            parts.asked(Field.TITLE, "What is wrong?", _title(filled.title), required=True),
            parts.asked(Field.SERVICE, "Service", _service(filled)),
            parts.asked(Field.SEVERITY, "Severity", _severity(filled.severity), required=True),
            *[
                parts.asked(place, triage.FACTS[name], _fact(filled.facts.get(name, ""), multiline=name not in _SHORT))
                for name, place in FACTS.items()
            ],
            parts.context("What you leave out is asked for in the bug's channel."),
        ],
        submit="Report",
        close="Cancel",
    )


def _title(typed: str) -> PlainTextInputElement:
    return PlainTextInputElement(
        action_id=Act.INPUT,
        placeholder=parts.plain("Old carts show a wrong total", 150),
        initial_value=mrkdwn.clip(typed, MAX_TITLE) or None,
        max_length=MAX_TITLE,
        focus_on_load=not typed or None,
    )


def _service(filled: Filled) -> ExternalDataSelectElement:
    chosen = parts.option(filled.service_title or filled.service, filled.service) if filled.service else None
    return ExternalDataSelectElement(
        action_id=Act.SERVICE,
        placeholder=parts.plain("Whose code it is", 150),
        min_query_length=0,
        initial_option=chosen,
    )


def _severity(chosen: Severity) -> StaticSelectElement:
    known: dict[Severity, Option] = {each: parts.option(label, each.value) for each, label in SEVERITIES.items()}
    return StaticSelectElement(action_id=Act.INPUT, options=list(known.values()), initial_option=known[chosen])


def _fact(typed: str, *, multiline: bool) -> PlainTextInputElement:
    return PlainTextInputElement(
        action_id=Act.INPUT,
        multiline=multiline,
        initial_value=mrkdwn.clip(typed, _MAX_INPUT) or None,
        max_length=_MAX_INPUT,
    )
