"""The question for the triage facts that are missing, edited as they come in."""

from bot.views import mrkdwn, parts
from bot.views.message import Message
from incidents import records, triage
from incidents.definitions import Kind

_WAITS = {Kind.INCIDENT: "nothing waits for this", Kind.BUG: "*the analysis waits for this*"}


def draw(incident: records.Incident) -> Message:
    """Return the question, or the thanks once nothing is missing."""
    missing = triage.missing(incident.facts)
    known = [name for name in triage.FACTS if name not in missing]
    if not missing:
        return parts.message(
            "All seven triage facts are known.",
            [
                parts.section(f"*Triage facts: {len(known)} of {len(triage.FACTS)}* ✓"),
                parts.context(parts.fitting(_known(incident, known), 1800)),
            ],
        )
    asked = "\n".join(f"• {triage.FACTS[name]}" for name in missing)
    return parts.message(
        f"Still missing: {', '.join(triage.FACTS[name] for name in missing)}",
        [
            parts.section(
                f"*What we still need to know*   {len(known)} of {len(triage.FACTS)} known, "
                f"{_WAITS[incident.kind]}\n{asked}"
            ),
            parts.context(parts.fitting(_known(incident, known), 1500)) if known else None,
            parts.context(
                "Just write it in this channel, in any form; `Environment: EU only` says which one it answers",
                f"asked of {mrkdwn.person(incident.reporter)}",
            ),
        ],
    )


def _known(incident: records.Incident, names: list[str]) -> list[str]:
    """Return what is known, one line a statement: one sentence of the reporter's may answer several."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(incident.facts[name], []).append(triage.short(name))
    return [f"✓ {', '.join(titles)}: {mrkdwn.said(said, 160)}" for said, titles in found.items()]
