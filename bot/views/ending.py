"""The end of an incident: resolved, and what is missing for it, each missing thing with its own button."""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import Block, PlainTextInputElement

from bot.ids import Act, Field, Form
from bot.values import FormMeta, OfIncident, OfRole
from bot.views import card, mrkdwn, parts, words
from bot.views.message import Json, Message
from incidents import records
from incidents.kpis import Measure
from incidents.lifecycle import Role
from incidents.service.resolve import Missing

#: What a missing thing's action opens: button label and action id.
_MENDS: dict[str, tuple[str, Act]] = {
    "impact": ("Write the impact", Act.IMPACT),
    "approve": ("Review the fix", Act.REVIEW),
    "postmortem": ("Write my part", Act.WRITE),
    "followup": ("Add follow-up", Act.FOLLOWUP),
}


_OWED = "*Before it can be closed*"


@dataclass(frozen=True)
class Resolved:
    """What is posted when an incident is resolved."""

    incident: records.Incident
    by: str
    measures: Sequence[Measure]
    missing: Sequence[Missing]  #: for closing
    told: int  #: how many people get the last update


def resolved(facts: Resolved) -> Message:
    """Return the post: how it ended, and what is still owed."""
    incident = facts.incident
    spent = f" after {mrkdwn.spoken(incident.resolved_at - incident.declared_at)}" if incident.resolved_at else ""
    summary = mrkdwn.paragraphs(incident.resolution, 1500)
    told = f"The last update goes to {mrkdwn.plural(facts.told, 'person', 'people')} told before." if facts.told else ""
    return parts.message(
        f"{incident.key} is resolved{spent}",
        [
            parts.section(f"✅ *{incident.key} is resolved*{spent} by {mrkdwn.person(facts.by)}\n{summary}".rstrip()),
            parts.context("  ".join(card.short(each) for each in facts.measures if each.reached), told),
            parts.section(parts.fitting([_OWED, *[_owed(each) for each in facts.missing]])) if facts.missing else None,
            parts.actions(
                parts.button("Write my part", Act.WRITE, OfIncident(incident=incident.number), style=parts.PRIMARY),
                parts.button("Add follow-up", Act.FOLLOWUP, OfIncident(incident=incident.number)),
                parts.button("Close", Act.CLOSE, OfIncident(incident=incident.number)),
            ),
        ],
    )


def _owed(missing: Missing) -> str:
    """Return what is owed, with its remedy where no button below opens it."""
    remedy = "" if missing.action in ("postmortem", "followup") else mrkdwn.prose(missing.remedy, 200)
    return f"• {mrkdwn.prose(missing.what, 200)}  {remedy}".rstrip()


def still_missing(incident_id: int, missing: Sequence[Missing], *, before: str) -> list[Block]:
    """Return what is missing, each with its remedy and its button."""
    if not missing:
        return []
    return [
        parts.section(f"*Before {before}: {mrkdwn.plural(len(missing), 'thing')} left*"),
        *[_mend(incident_id, each) for each in missing[:10]],
    ]


def _mend(incident_id: int, missing: Missing) -> Block:
    said = f"• {mrkdwn.prose(missing.what, 200)}  {mrkdwn.prose(missing.remedy, 200)}"
    if missing.action == "role":
        value = OfRole(incident=incident_id, role=Role.COMMANDER)
        return parts.section(
            said, parts.button(words.take(Role.COMMANDER), Act.TAKE_ROLE.numbered(Role.COMMANDER), value)
        )
    if missing.action == "stop":
        sure = parts.confirm("Stop the agents?", "People go on by hand.", yes="Stop them", no="Not yet")
        this = OfIncident(incident=incident_id)
        return parts.section(said, parts.button("Stop the agents", Act.STOP, this, confirm=sure))
    mend = _MENDS.get(missing.action)
    if mend is None:
        return parts.section(said)
    return parts.section(said, parts.button(mend[0], mend[1], OfIncident(incident=incident_id)))


def resolve_form(incident: records.Incident, missing: Sequence[Missing], *, summary: str = "", error: str = "") -> Json:
    """Return the form that resolves."""
    element = PlainTextInputElement(
        action_id=Act.INPUT,
        multiline=True,
        initial_value=mrkdwn.clip(summary, 2000) or None,
        max_length=2000,
        placeholder=parts.plain("Release 42 reverts the change; error rate back to 0.", 150),
    )
    return parts.modal(
        Form.RESOLVE,
        f"Resolve {incident.key}",
        [
            parts.section(f":warning: *{mrkdwn.paragraphs(error, 600)}*") if error else None,
            parts.section(
                f"*{mrkdwn.said(incident.title, 150)}*\nUsers are served again; post-mortem and follow-ups remain."
            ),
            *still_missing(incident.number, missing, before="resolving"),
            parts.asked(
                Field.SUMMARY,
                "How was service restored?",
                element,
                hint="Everybody told before reads this."
                + (" It also says why what is missing may be missing." if missing else ""),
                required=bool(missing),
            ),
        ],
        submit="Resolve",
        close="Not yet",
        meta=FormMeta(incident=incident.number),
    )


def close_form(incident: records.Incident, missing: Sequence[Missing], *, reason: str = "") -> Json:
    """Return the form that closes."""
    element = PlainTextInputElement(
        action_id=Act.INPUT, multiline=True, initial_value=mrkdwn.clip(reason, 2000) or None, max_length=2000
    )
    return parts.modal(
        Form.CLOSE,
        f"Close {incident.key}",
        [
            *still_missing(incident.number, missing, before="closing"),
            parts.section("Nothing is missing.") if not missing else None,
            parts.asked(
                Field.REASON, "Reason to close as it is" if missing else "Last words", element, required=bool(missing)
            ),
        ],
        submit="Close",
        close="Not yet",
        meta=FormMeta(incident=incident.number),
    )
