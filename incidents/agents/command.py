"""Carries out a step with an external command-line agent: prompt on stdin, one JSON object on stdout, in the sandbox.

The playbook gathers and executes as ever; the agent reads a checkout of the code and answers. An implementation is the
one step in which it writes: into a worktree of its own, whose change Sitrep commits and proves itself.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from incidents import catalog
from incidents.agents import bettering, prompts
from incidents.agents.base import MAX_ANSWER, StepRequest, StepResult
from incidents.agents.fallback import Unanswered
from incidents.agents.playbook.bugs import checkout, implementation
from incidents.agents.playbook.bugs.implementation import Author, Bench, Written
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reports import Report
from incidents.errors import ModelUnavailable, ToolFailed
from incidents.tools import changes, redaction, sandbox, worktrees

log = structlog.get_logger(__name__)

AnyModel = TypeVar("AnyModel", bound=BaseModel)

_MARGIN = timedelta(seconds=10)  # of the step's time, kept for what comes after the agent
IMPLEMENTATION = "bug-implementation"

_TASK = "Carry out the step below. Answer with one JSON object of the given schema on stdout and nothing else."
_WRITE = (
    "You are in a worktree of the repository. Edit its files, and write the test that fails without your change; commit"
    " nothing. Sitrep commits what you leave, runs the tests without your change and with it, and records both runs."
)


class CommandRunner:
    """Asks the configured command; what it cannot answer is the playbook's."""

    name = "command"

    def __init__(
        self,
        playbook: PlaybookRunner,
        agent: catalog.CommandAgent,
        *,
        prompt_texts: Mapping[str, str],
        settings: catalog.Sandbox,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._playbook = playbook
        self._agent = agent
        self._prompts = prompt_texts
        self._settings = settings
        self._guest = sandbox.Guest(
            environment=dict(environment or {}), reads=tuple(map(Path, agent.reads)), network=agent.network
        )

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request`.

        Raises:
            StepFailed: when the playbook's part cannot be done.
            Unanswered: when the agent gave nothing that can be used; it carries what the playbook did.
        """
        if request.step.prompt.removesuffix(".md") == IMPLEMENTATION:
            return await self._implement(request)
        draft = await self._playbook.run(request)
        try:
            async with checkout.of_step(self._playbook.case(request)) as folder:
                asked = self._asked(request, draft)
                answer = await self._ask(request, folder, asked, type(bettering.typed(draft)))
        except ToolFailed as fault:
            raise Unanswered(ModelUnavailable(fault.message, remedy=fault.remedy), draft=draft, usage=()) from fault
        except ModelUnavailable as fault:
            raise Unanswered(fault, draft=draft, usage=()) from fault
        return bettering.better(request, draft, answer, runner=self.name)

    async def _implement(self, request: StepRequest) -> StepResult:
        async def write(bench: Bench) -> Written:
            theirs = await implementation.peoples_work(bench)
            if theirs:
                return await implementation.by_rules(bench)
            await worktrees.add(bench.repository, bench.folder, commit=bench.base, branch=bench.branch)
            try:
                report = await self._ask(request, bench.folder, self._to_write(request), Report)
            except ModelUnavailable:
                # Without a sandbox it may have committed: the next attempt would take that for people's work.
                await worktrees.add(bench.repository, bench.folder, commit=bench.base, branch=bench.branch)
                raise
            message = f"{report.summary}\n\nBug: {request.incident.key}\nWritten by an agent; reviewed before merging."
            commit = await changes.commit_all(
                bench.repository, bench.folder, message=redaction.redact(message), branch=bench.branch
            )
            if commit:
                return Written(
                    commit,
                    report.summary,
                    remaining=report.remaining,
                    reason=report.reason,
                    blocked=report.blocked,
                    author=Author.AGENT,
                )
            why = report.reason or "It left no change in the worktree, whatever it says."
            return Written("", report.summary, remaining=report.remaining, reason=why, blocked=report.blocked)

        return await self._playbook.carry_out(
            request, lambda case: implementation.carry_out(case, write), runner=self.name
        )

    def _asked(self, request: StepRequest, draft: StepResult) -> bytes:
        schema = type(bettering.typed(draft)).model_json_schema()
        return self._text(request, [_TASK, prompts.material(request, draft)], schema)

    def _to_write(self, request: StepRequest) -> bytes:
        material = {
            "handed_on_by_the_stages_before": request.context,
            "feedback_of_a_reviewer": request.feedback,
            "earlier_steps": dict(request.earlier),
        }
        shown = prompts.untrusted(f"record of {request.incident.key}", material)
        return self._text(request, [_TASK, _WRITE, shown], Report.model_json_schema())

    def _text(self, request: StepRequest, parts: list[str], schema: Mapping[str, object]) -> bytes:
        name = request.step.prompt.removesuffix(".md")
        prompt = self._prompts.get(f"{name}.md", "")
        whole = [
            prompt,
            prompts.of_area(request, self._prompts),
            prompts.RULES,
            *parts,
            "Schema of the answer:",
            json.dumps(schema),
        ]
        return "\n\n".join(filter(None, whole)).encode()

    async def _ask(self, request: StepRequest, folder: Path, asked: bytes, model: type[AnyModel]) -> AnyModel:
        """Return the agent's answer.

        Raises:
            ModelUnavailable: when it does not start, does not end, or answers what cannot be used.
        """
        command = tuple(part.replace("{model}", request.step.model) for part in self._agent.command)
        try:
            done = await sandbox.run(
                self._settings,
                command,
                folder=folder,
                timeout=max(request.deadline - _MARGIN, timedelta(seconds=1)),
                guest=self._guest,
                stdin=asked,
                max_output=MAX_ANSWER,
            )
        except ToolFailed as fault:
            raise ModelUnavailable(fault.message, remedy=fault.remedy) from fault
        said = redaction.redact(done.stderr.strip())[-300:]
        log.info(
            "command_agent_ended", step=request.step.name, exit_code=done.exit_code, seconds=round(done.seconds, 1)
        )
        if done.timed_out:
            raise ModelUnavailable(f"it did not end within {done.seconds:.0f} s and was stopped")
        if done.truncated:
            raise ModelUnavailable(f"it answered more than {MAX_ANSWER // 1_000_000} MB")
        if done.exit_code:
            raise ModelUnavailable(f"it ended with exit code {done.exit_code}{f': {said}' if said else ''}")
        return parsed(done.stdout, model)


def parsed(text: str, model: type[AnyModel]) -> AnyModel:
    """Return the answer as `model`.

    Raises:
        ModelUnavailable: when it is empty, no JSON, or of another form; says which, in one line.
    """
    start, end = text.find("{"), text.rfind("}")
    if not text.strip():
        raise ModelUnavailable("its answer is empty")
    if not 0 <= start < end:
        raise ModelUnavailable("its answer is no JSON object")
    try:
        return model.model_validate_json(text[start : end + 1])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "answer"
        raise ModelUnavailable(f"its answer does not fit: {where}: {first['msg']}"[:300]) from error
