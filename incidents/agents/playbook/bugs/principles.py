"""Holds an implementation against the constitution of its repository, as that stood before the fix."""

from incidents.agents.planning import Implementation
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import judging
from incidents.agents.playbook.case import Case
from incidents.agents.reviews import Finding
from incidents.errors import ToolFailed
from incidents.knowledge import constitution, specs
from incidents.knowledge.constitution import Change
from incidents.tools import evidence
from incidents.tools.evidence import EvidenceKind
from incidents.tools.git import Diff, Repository

ITEM = "constitution"


async def judged(case: Case, repository: Repository, made: Implementation, diff: Diff) -> list[Finding]:
    """Return the finding on the constitution, which cites its text; none where the repository has no constitution."""
    try:
        text = await repository.show(made.base, specs.CONSTITUTION)
    except ToolFailed as fault:
        case.missing(fault)
        return []
    if not text:
        return []
    seen = evidence.capture(
        EvidenceKind.KNOWLEDGE,
        f"{specs.CONSTITUTION} at {made.base[:7]}",
        text[: specs.MAX_CHARACTERS],
        summary="the repository's constitution",
        captured_at=case.now,
    )
    refs = [*case.see(seen), diff.evidence.id]
    added = [line[1:] for line in diff.text.splitlines() if line.startswith("+") and not line.startswith("+++")]
    change = Change(diff.files, added, bool(made.tests.passed_with_fix))
    violated, unjudged = constitution.judge(specs.principles(text), change)
    if violated:
        told = " ".join(f"Violates “{each.principle}”: {each.why}; instead, {each.instead}." for each in violated[:3])
        return [judging.finding(ITEM, told, refs, holds=False)]
    if unjudged:
        why = f"People judge {wording.listed([f'“{name}”' for name in unjudged])}: no rule here can."
        return [judging.finding(ITEM, why, refs, holds=None)]
    return [judging.finding(ITEM, "It breaks no principle.", refs, holds=True)]
