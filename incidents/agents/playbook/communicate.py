"""Step 3.2: drafts what to tell whom, from facts alone; what goes outside is sent by a person."""

from typing import Any

from incidents.agents.outputs import CommunicationOutput, Message, Output
from incidents.agents.playbook import drafts, past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.past import Past

#: Audience of the draft -> its template in templates/messages/.
_AUDIENCES = {"leadership": "leadership", "product and customer success": "customer_success"}

#: Outputs of earlier steps that the messages speak of.
_FACTS = ("impact_assessment", "preliminary_root_cause", "emergency_fix_code", "user_impact_resolution")


async def run(case: Case) -> tuple[Output, str]:
    """Draft updates for stakeholders, a public message, and an internal status report."""
    known = past.read(case)
    facts, cited = _facts(case, known)
    output = CommunicationOutput(
        stakeholder_updates=for_stakeholders(case, known),
        public_communication=drafts.draft("public", audience="public", evidence=cited, **facts),
        internal_status_reports=drafts.draft("internal", audience="incident channel", evidence=cited, **facts),
    )
    count = len(output.stakeholder_updates) + 2
    return output, f"{count} messages drafted ({_state(known)}); a person sends what goes outside"


def for_stakeholders(case: Case, known: Past) -> list[Message]:
    """Return the drafts for those inside who are told as things stand."""
    facts, cited = _facts(case, known)
    return [
        drafts.draft(template, audience=audience, evidence=cited, **facts) for audience, template in _AUDIENCES.items()
    ]


def _facts(case: Case, known: Past) -> tuple[dict[str, Any], list[str]]:
    """Return what the templates speak of, and the evidence."""
    facts = {
        "incident": case.request.incident,
        "service": _title(case),
        "state": _state(known),
        "now": case.now,
        "cause": known.cause,
        "impact": known.impact,
        "fix": known.fix,
        "tests": known.tests,
        "readiness": known.readiness,
        "rollback": known.rollback,
        "resolution": known.resolution,
        "security": known.security,
    }
    cited = [case.record(name) for name in _FACTS if case.request.inputs.get(name)] or [case.reported()]
    return facts, cited


def _title(case: Case) -> str:
    service = case.request.service
    return (service.title or service.key) if service else "the service"


def _state(known: Past) -> str:
    """Return where the response stands, in the words of the messages."""
    rehearsed = known.deployment is not None and known.deployment.rehearsed
    if known.resolution is not None and not rehearsed:
        return "resolved" if known.resolution.resolved else "deployed"
    if known.readiness is not None:
        return "ready" if known.readiness.ready else "testing"
    if known.fix is not None:
        return "testing"
    return "fixing" if known.cause is not None and known.cause.commit else "investigating"
