"""Lets Claude write the fix where one has to be written; what tests do not prove is not taken.

What a person chose by name (to undo a commit, to go back a release) is carried out by rules and put into words by
Claude, and people's own commits are never replaced.
"""

import dataclasses
import time
from dataclasses import dataclass, field
from datetime import timedelta

from incidents import catalog
from incidents.agents import attempts, prompts
from incidents.agents.attempts import Attempt, Site
from incidents.agents.base import FailedAtACost, StepRequest, StepResult
from incidents.agents.claude import ClaudeRunner
from incidents.agents.conversation import Conversation, Limits
from incidents.agents.model_api import Account
from incidents.agents.outputs import FixApproach
from incidents.agents.playbook import hotfix, preparation
from incidents.agents.playbook.bugs import implementation
from incidents.agents.playbook.bugs.bothways import Proof
from incidents.agents.playbook.bugs.implementation import Author, Bench, Written
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.options import branch_of
from incidents.agents.playbook.preparation import Prepared, Task
from incidents.agents.playbook.runner import PlaybookRunner, Step
from incidents.agents.reports import Report
from incidents.agents.toolset import Toolset
from incidents.errors import ModelUnavailable, StepFailed, ToolFailed
from incidents.tools import redaction

IMPLEMENTATION = "bug-implementation"
#: The prompts of the steps in which a fix may be written.
PROMPTS = frozenset({"emergency-hotfix-development", "standard-bug-fix-development", IMPLEMENTATION})

_SHARE = 0.6  # of the step's time for the conversation; the rest is for the proof, and for what the rules do without it


@dataclass
class _Work:
    """One step in which Claude may write."""

    request: StepRequest
    account: Account
    tried: bool = False
    wrote: bool = False  #: its fix was taken
    why_not: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Fix:
    """A fix that tests prove."""

    commit: str
    proof: Proof
    summary: str
    remaining: list[str]


class Developer:
    """Claude with hands: it writes in a worktree of its own, and is believed only what tests prove."""

    name = "claude"

    def __init__(self, claude: ClaudeRunner, playbook: PlaybookRunner, limits: catalog.ModelAgent) -> None:
        self._claude = claude
        self._playbook = playbook
        self._limits = limits

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request`.

        Raises:
            StepFailed: when neither Claude nor the rules bring a fix.
            Unanswered: when the rules brought it, and Claude could not put it into words.
        """
        work = _Work(request, Account(request.incident.key))
        started = time.monotonic()
        try:
            result = await self._playbook.carry_out(request, self._step(work), runner=self.name)
        except StepFailed as fault:
            if not work.tried:
                raise
            message = " ".join((fault.message, *work.why_not))
            raise FailedAtACost(message, remedy=fault.remedy, usage=tuple(work.account.usages)) from fault
        if work.tried:
            by = self.name if work.wrote else self._playbook.name
            return dataclasses.replace(result, runner=by, usage=(*result.usage, *work.account.usages))
        left = request.deadline - timedelta(seconds=time.monotonic() - started)
        return await self._claude.better(request, dataclasses.replace(result, runner=self._playbook.name), left)

    def _step(self, work: _Work) -> Step:
        if work.request.step.prompt.removesuffix(".md") == IMPLEMENTATION:
            return lambda case: implementation.carry_out(case, lambda bench: self._write(work, bench))
        return lambda case: hotfix.carry_out(case, lambda case, task: self._prepare(work, case, task))

    async def _prepare(self, work: _Work, case: Case, task: Task) -> Prepared:
        theirs = await preparation.peoples_commits(task.repository, branch_of(case), task.base)
        if task.option.approach is not FixApproach.HOTFIX or theirs:
            return await preparation.prepare(case, task)
        site = Site(case, case.service.codebases()[0], task.repository, task.base, branch_of(case), task.folder)
        if task.before is None:
            work.tried = True
            self._leave(work, case, "the tests cannot be run, so that nothing could prove it")
        elif fix := await self._fix(work, await attempts.begin(site, task.before), task.option.model_dump(mode="json")):
            if fix.remaining:
                case.note(f"Left to do after this fix: {'; '.join(fix.remaining)}"[:300])
            return Prepared(FixApproach.HOTFIX, fix.commit, fix.summary, proof=fix.proof)
        return await preparation.prepare(case, task)

    async def _write(self, work: _Work, bench: Bench) -> Written:
        theirs = await implementation.peoples_work(bench)
        if bench.undoes is not None or theirs:
            return await implementation.by_rules(bench)
        site = Site(bench.case, bench.code, bench.repository, bench.base, bench.branch, bench.folder)
        asked = {"plan": bench.plan.model_dump(mode="json"), "repository": bench.code.name}
        try:
            fix = await self._fix(work, await attempts.begin(site), asked)
        except ToolFailed as fault:
            self._leave(work, bench.case, fault.message)
            fix = None
        if fix is None:
            return await implementation.by_rules(bench)
        return Written(fix.commit, fix.summary, remaining=fix.remaining, author=Author.AGENT, proof=fix.proof)

    async def _fix(self, work: _Work, attempt: Attempt, asked: object) -> _Fix | None:
        """Return the fix that Claude wrote; None, with a note, when it is not proven, and nothing of it is left."""
        work.tried = True
        toolset = attempt.tools()
        ended = ""
        try:
            report = await self._talk(work, attempt, toolset, asked)
        except ModelUnavailable as fault:
            ended = f"it did not end its work ({fault.message})"
            report = Report(summary=f"Changes {', '.join(sorted(attempt.bench.edited)) or 'nothing'}"[:400])
        attempt.note(toolset)
        try:
            # Of work that was broken off only what was proven as it stands counts.
            commit, proof = ("", None) if ended and not attempt.is_proven else await attempt.proof()
        except ToolFailed as fault:
            commit, proof, ended = "", None, fault.message
        if commit and proof is not None and proof.stands and not report.blocked:
            await attempt.end_at(commit)
            work.wrote = True
            if ended:
                attempt.case.note(f"Claude's fix was taken as it was proven, although {ended}.")
            return _Fix(commit, proof, redaction.redact(report.summary), list(report.remaining))
        why = report.reason if report.blocked else ended or (proof.why_not if proof else "")
        self._leave(work, attempt.case, why)
        await attempt.end_at(attempt.site.base)
        return None

    async def _talk(self, work: _Work, attempt: Attempt, toolset: Toolset, asked: object) -> Report:
        question = self._claude.question(work.request, Report, toolset, rules=prompts.WRITING, given=prompts.TO_WRITE)
        opening = prompts.to_write(work.request, await attempts.task(attempt, asked))
        limits = Limits(self._limits.messages, self._limits.tokens, attempt.case.left * _SHARE)
        talk = Conversation(self._claude.api, question, opening, toolset)
        return await talk.until_answered(Report, work.account, limits)

    def _leave(self, work: _Work, case: Case, why: str) -> None:
        work.tried = True
        told = f"Claude's fix was not taken: {why.rstrip('.')}."
        work.why_not.append(told)
        case.note(told)
