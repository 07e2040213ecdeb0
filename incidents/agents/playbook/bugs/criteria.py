"""Whether a fix meets the acceptance criteria of its user story; each by the item of the review that shows it.

The playbook knows the four criteria that its consolidation writes. One that an analyst or a person worded otherwise
is for people to judge: it is listed as untold, and holds nothing up.
"""

from collections.abc import Sequence

from incidents.agents.diagnoses import Consolidation
from incidents.agents.playbook.bugs import judging
from incidents.agents.reviews import CODE_ITEMS, CRITERION, Finding

ALIGNMENT, TEST_PROOF, STABILITY, _SCOPE, _CALLS, _COMPATIBILITY, BOTH_WAYS = CODE_ITEMS

#: How the criteria of the orchestrator document begin -> the items that show each.
SHOWN_BY: dict[str, tuple[str, ...]] = {
    "The expected behaviour is restored": (BOTH_WAYS,),
    "A regression test covers exactly this bug": (TEST_PROOF,),
    "No existing test is broken": (STABILITY,),
    "The root cause in": (ALIGNMENT, BOTH_WAYS),
}


def judged(diagnosis: Consolidation | None, findings: Sequence[Finding], cites: Sequence[str]) -> list[Finding]:
    """Return a finding for each criterion, made of the items that show it; one that none shows has `cites`. Pure."""
    held = {each.item: each for each in findings}
    found = []
    for criterion in diagnosis.user_story.criteria if diagnosis else ():
        by = next((items for begin, items in SHOWN_BY.items() if criterion.text.startswith(begin)), ())
        found.append(_of(f"{CRITERION} {criterion.id}", criterion.text, [held[item] for item in by], cites))
    return found


def _of(item: str, text: str, shown_by: Sequence[Finding], cites: Sequence[str]) -> Finding:
    evidence = [ref for each in shown_by for ref in each.evidence]
    if not shown_by:
        return judging.finding(item, f"{text} A person has to judge this.", cites, holds=None)
    states = [each.holds for each in shown_by]
    holds = False if False in states else None if None in states else True
    telling = next((each for each in shown_by if each.holds is holds), shown_by[0])
    return judging.finding(item, f"{text[:200]} {telling.why}", evidence, holds=holds)
