"""Reporting a bug: the form opens at once, and ends with the link of the bug's channel."""

from bot.ids import Act, Field
from bot.listeners import following, replies
from bot.listeners.desk import Desk
from bot.listeners.payloads import Place, Submission, View
from bot.views import bug
from bot.views.message import Json
from incidents import triage
from incidents.definitions import Kind, Severity
from incidents.service.declare import MAX_TITLE, Declaration


async def open_modal(desk: Desk, place: Place, title: str = "") -> None:
    """Open the form; what was typed behind the word stands in it, sorted into the facts that it states."""
    facts = triage.recognise(title) if title else {}
    if len(title) > MAX_TITLE:
        facts["context"] = title
    await replies.show(desk, place, bug.modal(bug.Filled(title=title, facts=facts)))


async def submit(desk: Desk, sent: Submission) -> tuple[Json, int]:
    """Declare the bug; returns the view that follows, and the bug's number.

    Raises:
        SitrepError: something cannot be used; the form stays.
    """
    filled = _filled(desk, sent.view)
    known = "\n".join(f"{_label(name)}: {said}" for name, said in filled.facts.items())
    declaration = Declaration(
        title=filled.title,
        severity=filled.severity,
        reporter=sent.place.user,
        service=filled.service,
        known=known,
        kind=Kind.BUG,
        facts=filled.facts,
    )
    return await following.declared(desk, sent, declaration)


def _label(name: str) -> str:
    return triage.FACTS[name].split(" (")[0]


def _filled(desk: Desk, view: View) -> bug.Filled:
    service = view.text(Field.SERVICE, Act.SERVICE)
    known = desk.ctx.service(service)
    severity = view.text(Field.SEVERITY)
    typed = {name: view.text(place) for name, place in bug.FACTS.items()}
    return bug.Filled(
        title=view.text(Field.TITLE),
        service=service,
        service_title=(known.title if known else "") or service,
        severity=Severity(severity) if severity in list(bug.SEVERITIES) else Severity.MEDIUM,
        facts={name: said for name, said in typed.items() if said},
    )
