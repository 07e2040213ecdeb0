"""The communication plan: who must hear what by when, beside the promises that Sitrep keeps by itself."""

from incidents.agents.outputs import CommunicationPlanOutput, Output, PlannedNotice
from incidents.agents.playbook import communicate, past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.past import Past


async def run(case: Case) -> tuple[Output, str]:
    """Plan the notices that follow from the impact, and draft those that can be written now."""
    known = past.read(case)
    plan = [*_always(case), *_by_impact(case, known)]
    messages = communicate.for_stakeholders(case, known)
    output = CommunicationPlanOutput(stakeholder_communication_plan=plan, planned_messages=messages)
    told = len(case.request.incident.told)
    return output, f"{len(plan)} notices planned, {len(messages)} drafted; {told} left so far"


def _always(case: Case) -> list[PlannedNotice]:
    told = case.request.incident.told
    cited = [case.lines("notices", told)] if told else [case.reported()]
    so_far = f"{len(told)} notices left so far. " if told else ""
    return [
        PlannedNotice(
            audience="stakeholders told so far",
            says=f"{so_far}Condition, impact, what is done, when the next update comes.",
            when="with each regular status update",
            evidence=cited,
        ),
        PlannedNotice(
            audience="customer success",
            says="What customers see, what they can do meanwhile, and when they hear more.",
            when="before anything is said to customers",
            evidence=[case.reported()],
        ),
        PlannedNotice(
            audience="stakeholders told so far",
            says="That the fix is in production, what was measured since, and what follows.",
            when="after the production deployment",
            evidence=cited,
        ),
    ]


def _by_impact(case: Case, known: Past) -> list[PlannedNotice]:
    impact, security = known.impact, known.security
    if impact is None:
        return []
    cited = [case.record("impact_assessment")]
    plan = []
    if impact.revenue_impact:
        plan.append(("business stakeholders", "That revenue is hit, how much is known, and what is not.", "now"))
    if impact.data_loss:
        plan.append(("legal and compliance", "Which data may be lost; they decide who must be notified.", "now"))
    if impact.security_breach or (security is not None and security.suspected):
        plan.append(("security team", "What points at a breach; they decide on notification.", "now"))
    plan += [(f"vendor {name}", "What is seen at our end, and since when.", "now") for name in impact.third_parties]
    return [PlannedNotice(audience=audience, says=says, when=when, evidence=cited) for audience, says, when in plan]
