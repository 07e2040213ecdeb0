"""Which step of the playbook answers which prompt of the bug pipeline."""

from collections.abc import Awaitable, Callable

from incidents.agents.outputs import Output
from incidents.agents.playbook.bugs import (
    analysis,
    checks,
    closing,
    code_review,
    consolidation,
    documentation,
    implementation,
    merging,
    offering,
    plan_review,
    planning,
    reflection,
    triage_check,
)
from incidents.agents.playbook.case import Case

STEPS: dict[str, Callable[[Case], Awaitable[tuple[Output, str]]]] = {
    "bug-triage-check": triage_check.run,
    "bug-root-cause-analysis": analysis.run,
    "bug-root-cause-reflection": reflection.run,
    "bug-diagnosis-consolidation": consolidation.run,
    "bug-fix-plan": planning.run,
    "bug-plan-review": plan_review.run,
    "bug-decomposition": planning.decompose,
    "bug-implementation": implementation.run,
    "bug-code-review": code_review.run,
    "bug-documentation-update": documentation.run,
    "bug-pull-request": offering.run,
    "bug-check-results": checks.run,
    "bug-merge": merging.run,
    "bug-merge-summary": closing.run,
}

#: Steps that read what people or reviewers wrote when sending them back, or do everything anew from the evidence.
READ_FEEDBACK = frozenset({"bug-root-cause-analysis", "bug-diagnosis-consolidation", "bug-fix-plan"})
