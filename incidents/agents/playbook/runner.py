"""Runs the playbook's steps."""

from collections.abc import Awaitable, Callable

from incidents.agents import citations, masking
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.merging import REBASE
from incidents.agents.outputs import Output
from incidents.agents.playbook import (
    aftercare,
    analysis,
    architecture,
    business,
    communicate,
    deciding,
    deploy,
    fix_review,
    hotfix,
    longterm,
    mitigate,
    outreach,
    review,
    root_cause,
    security,
    stabilize,
    staging,
    strategy,
    testing,
    triage,
)
from incidents.agents.playbook.bugs import steps as bugs
from incidents.agents.playbook.case import Case, Settings
from incidents.catalog import Sandbox
from incidents.clock import Clock
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import redaction
from incidents.tools.github import GitHub

MAX_SUMMARY = 200  # StepResult.summary

#: A step: looks at its case, returns its output and one line for people.
Step = Callable[[Case], Awaitable[tuple[Output, str]]]

#: Prompt (without `.md`) -> the step that answers it by rules.
STEPS: dict[str, Step] = {
    "critical-incident-triage": triage.run,
    "emergency-system-stabilization": stabilize.run,
    "rapid-root-cause-analysis": root_cause.run,
    "emergency-hotfix-development": hotfix.run,
    "emergency-security-review": security.run,
    "emergency-testing-validation": testing.run,
    "emergency-deployment-execution": deploy.run,
    "crisis-communication-management": communicate.run,
    "comprehensive-post-incident-analysis": analysis.run,
    "post-incident-process-review": review.run,
    "comprehensive-bug-fix-development": longterm.run,
    # priority response
    "bug-impact-assessment": triage.run,
    "technical-analysis-high-priority": root_cause.run,
    "security-impact-review": security.run,
    "test-strategy-planning": strategy.run,
    "business-impact-assessment": business.run,
    "stakeholder-communication-plan": outreach.run,
    "comprehensive-bug-testing": testing.run_without_staging,
    "security-fix-validation": fix_review.run,
    "staging-deployment-validation": staging.run,
    "production-deployment-execution": deploy.run,
    "post-deployment-monitoring": aftercare.watch,
    "production-validation": aftercare.validate,
    # standard response
    "bug-analysis-and-prioritization": triage.run,
    "architecture-impact-analysis": architecture.run,
    "component-specific-analysis": root_cause.run,
    "standard-bug-fix-development": hotfix.run,
    "comprehensive-testing-strategy": strategy.run_and_test,
    "security-review-standard": fix_review.run,
    "production-readiness-validation": staging.run,
    "deployment-approval-process": deciding.run,
    "standard-deployment-process": deploy.run,
    **bugs.STEPS,
    # on people's word alone
    "immediate-mitigation": mitigate.run,
}

#: Steps that make something of what was written when they were sent back; the others do their work anew.
_READ_FEEDBACK = {root_cause.run, *(bugs.STEPS[name] for name in bugs.READ_FEEDBACK)}


class PlaybookRunner:
    """Carries out steps by fixed rules on real evidence; needs no model."""

    name = "playbook"

    def __init__(
        self, clock: Clock, *, sandbox: Sandbox | None = None, github: GitHub | None = None, writer: str = ""
    ) -> None:
        self._settings = Settings(clock, sandbox or Sandbox(), github, writer=writer)

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request`.

        Raises:
            StepFailed: when the step cannot be done; says why and what a person can do.
        """
        step = STEPS.get(request.step.prompt.removesuffix(".md"))
        if step is None:
            raise StepFailed(
                f"The playbook has no rules for `{request.step.prompt}`.",
                remedy="Configure a model key, or take the step over by hand.",
            )
        return await self.carry_out(request, step)

    def case(self, request: StepRequest) -> Case:
        """Return the case that a step of `request` works on."""
        return Case(request, self._settings)

    async def carry_out(self, request: StepRequest, step: Step, *, runner: str = name) -> StepResult:
        """Carry out `step` on `request`; `runner` is who did the thinking.

        Raises:
            StepFailed: when the step cannot be done.
        """
        case = self.case(request)
        try:
            output, summary = await step(case)
        except ToolFailed as fault:
            raise StepFailed(fault.message, remedy=fault.remedy) from fault
        unread = runner == self.name and request.feedback not in ("", REBASE)
        if unread and step not in _READ_FEEDBACK:
            case.note("Sent back with words that the playbook cannot read: take the step over by hand to follow them.")
        checked, struck = citations.check(masking.masked(output), tuple(case.seen.values()))
        return StepResult(
            output=checked,
            summary=_fit(redaction.redact(summary)),
            evidence=tuple(case.seen.values()),
            runner=runner,
            notes=(*case.notes, *struck.notes()),
        )


def _fit(summary: str) -> str:
    return summary if len(summary) <= MAX_SUMMARY else summary[: MAX_SUMMARY - 1] + "…"
