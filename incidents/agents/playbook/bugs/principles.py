"""Holds an implementation against the constitution of its repository, as that stood before the fix."""

from incidents.agents.planning import Implementation
from incidents.agents.playbook import specifications
from incidents.agents.playbook.bugs import judging
from incidents.agents.playbook.case import Case
from incidents.agents.reviews import Finding
from incidents.tools.git import Diff, Repository

ITEM = "constitution"


async def judged(case: Case, repository: Repository, made: Implementation, diff: Diff) -> list[Finding]:
    """Return the finding on the constitution, which cites its text; none where the repository has no constitution."""
    has_tests = bool(made.tests.passed_with_fix)
    held = await specifications.hold(case, repository, made.base, diff, has_tests=has_tests)
    if held is None:
        return []
    if held.violated:
        return [judging.finding(ITEM, " ".join(held.told()[:3]), held.evidence, holds=False)]
    if held.unjudged:
        return [judging.finding(ITEM, held.left_to_people(), held.evidence, holds=None)]
    return [judging.finding(ITEM, "It breaks no principle.", held.evidence, holds=True)]
