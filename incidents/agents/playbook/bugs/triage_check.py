"""The triage check: which of the seven fields are stated, and one question for those that are not."""

from incidents import triage
from incidents.agents.diagnoses import KnownFact, TriageCheck
from incidents.agents.outputs import Output
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import counted


async def run(case: Case) -> tuple[Output, str]:
    """Judge the report against the seven fields."""
    incident = case.request.incident
    service = case.request.service.key if case.request.service else ""
    stated = triage.recognise("\n".join((incident.title, incident.known)), service=service)
    known = stated | {name: said for name, said in incident.facts.items() if said.strip()}
    missing = triage.missing(known)
    ref = case.reported()
    facts = [
        KnownFact(name=name, said=" ".join(known[name].split())[:300], evidence=[ref])
        for name in triage.FACTS
        if name not in missing
    ]
    check = TriageCheck(
        complete=not missing, known_facts=facts, missing_facts=list(missing), question=_question(missing)
    )
    told = "the report says all that is needed" if not missing else f"{counted(len(missing), 'field')} missing"
    return check, f"{len(facts)} of {len(triage.FACTS)} triage fields are known; {told}"


def _question(missing: tuple[str, ...]) -> str:
    if not missing:
        return ""
    return "\n".join(("To look into this I still need:", *(f"- {triage.FACTS[name]}" for name in missing)))[:600]
