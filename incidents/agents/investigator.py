"""Lets Claude look for the cause itself: it reads repository and history, and what it names is looked up."""

import dataclasses
import time
from datetime import timedelta

import structlog

from incidents.agents import bettering, exploring, overlay, prompts, verifying
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.claude import ClaudeRunner
from incidents.agents.fallback import Unanswered
from incidents.agents.outputs import Diagnosis
from incidents.agents.playbook import sources
from incidents.agents.playbook.bugs import past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.toolset import Toolset
from incidents.errors import ModelUnavailable, StepFailed, ToolFailed
from incidents.tools import worktrees
from incidents.tools.git import Repository
from incidents.tools.reading import Checkout

log = structlog.get_logger(__name__)

#: The prompts of the steps that look for a cause.
PROMPTS = frozenset(
    {
        "rapid-root-cause-analysis",
        "technical-analysis-high-priority",
        "component-specific-analysis",
        "bug-root-cause-analysis",
    }
)
_SHARE = 0.8  # of the time that the playbook left
_UNREAD = timedelta(minutes=3)  # where there is no repository to read


class Investigator:
    """Claude with eyes: the playbook's executions stand, beyond them it reads for itself and cites what it read."""

    name = "claude"

    def __init__(self, claude: ClaudeRunner, playbook: PlaybookRunner) -> None:
        self._claude = claude
        self._playbook = playbook

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request`.

        Raises:
            StepFailed: when the playbook cannot do the step.
            Unanswered: when Claude is unavailable, or git cannot say whether what it names is there; it carries what
                the playbook did.
        """
        started = time.monotonic()
        draft = await self._playbook.run(request)
        if request.hand_on is not None:
            await request.hand_on(draft)
        case = self._playbook.case(request)
        left = request.deadline - timedelta(seconds=time.monotonic() - started)
        try:
            repository, commit = await _under_analysis(case, draft)
            folder = case.folder(f"read-{request.step.name}")
            await worktrees.add(repository, folder, commit=commit)
        except (StepFailed, ToolFailed) as fault:
            log.warning("code_not_read", incident=request.incident.key, step=request.step.name, error=str(fault))
            return await self._claude.better(request, _unread(draft, fault), min(left, _UNREAD))
        hidden = (str(folder), str(repository.path))
        tools = exploring.tools(Checkout(repository, folder, commit))
        toolset = Toolset(tools, source=f"repository at {commit[:7]}", clock=case.clock, hidden=hidden)
        try:
            found = await self._claude.better(request, draft, left * _SHARE, toolset)
        finally:
            await worktrees.remove(repository, folder)
        try:
            lookup = await verifying.look_up(repository, commit, prompts.shown(request, draft))
            checked = await verifying.verified(bettering.typed(draft), bettering.typed(found), lookup)
        except ToolFailed as fault:
            # What was not looked up is not shown; what the rules found stands.
            unchecked = ModelUnavailable(f"what it names could not be looked up: {fault.message}")
            raise Unanswered(unchecked, draft=draft, usage=found.usage[len(draft.usage) :]) from fault
        output = overlay.refill(bettering.typed(draft), checked)
        return dataclasses.replace(found, output=output, notes=(*found.notes, *lookup.notes()))


def _unread(draft: StepResult, fault: StepFailed | ToolFailed) -> StepResult:
    """Return the draft with a note that nothing beyond it was read, and why, unless it says so already."""
    if any(fault.message in note for note in draft.notes):
        return draft
    return dataclasses.replace(draft, notes=(*draft.notes, f"Claude could not read the code itself: {fault.message}"))


async def _under_analysis(case: Case, draft: StepResult) -> tuple[Repository, str]:
    """Return the repository and the commit that the draft is about."""
    if isinstance(draft.output, Diagnosis):
        code = past.codebase(case)
        repository = await past.clone(case, code)
        return repository, await repository.resolve(draft.output.root_cause.base or code.branch)
    repository = await sources.require_repository(case)
    release = await sources.release(case)
    return repository, await repository.resolve(release.bad.commit if release.bad else case.service.branch)
