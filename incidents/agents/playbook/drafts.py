"""Drafts messages to people from facts, with the templates of templates/messages/."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

import templates
from incidents.agents.outputs import Message
from incidents.agents.playbook.wording import percent, time_of_day

FOLDER = Path(templates.__file__).parent / "messages"
MAX_SUBJECT, MAX_BODY = 150, 2500  # of Message


def draft(template: str, *, audience: str, evidence: Sequence[str] = (), **facts: object) -> Message:
    """Return the message that `template` makes of `facts`: its first line is the subject, the rest the body."""
    text = _environment().get_template(f"{template}.j2").render(facts).strip()
    subject, _, body = text.partition("\n")
    lines = [line.rstrip() for line in body.strip().splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return Message(
        audience=audience,
        subject=_fit(subject.strip(), MAX_SUBJECT),
        body=_fit("\n".join(kept), MAX_BODY),
        evidence=list(dict.fromkeys(evidence)),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # plain text; whoever posts it escapes for its medium
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=percent, time=time_of_day, sentence=_sentence)
    return environment


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fit(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
