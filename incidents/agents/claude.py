"""Carries out a step with Claude: the playbook gathers and executes, Claude verifies, judges and words.

Importing this module imports the anthropic SDK (up to a second, 40 MB); do so only when a key is configured.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import BaseModel

from incidents.agents import bettering, prompts
from incidents.agents.base import Runner, StepRequest, StepResult
from incidents.agents.budget import Budget
from incidents.agents.conversation import Conversation, Limits
from incidents.agents.fallback import Unanswered
from incidents.agents.model_api import Account, ModelApi, Question
from incidents.agents.toolset import Toolset
from incidents.errors import ModelUnavailable

#: Tier -> model id, where sitrep.yml names none.
DEFAULT_MODELS = {"fast": "claude-haiku-5-5", "standard": "claude-sonnet-5-5", "deep": "claude-opus-5-5"}

#: Prompts whose judgement is worth the deepest model, and those whose texts the fastest writes well enough.
_DEEP = {
    "rapid-root-cause-analysis",
    "bug-root-cause-analysis",
    "emergency-security-review",
    "comprehensive-post-incident-analysis",
}
_FAST = {"emergency-testing-validation", "emergency-deployment-execution"}

#: A draft is bettered in one message; a second one repairs what did not fit.
ANSWERING = Limits(messages=2, tokens=200_000, time=timedelta(minutes=3))
#: Looking further: the analyses that were measured decided within ten calls, and longer runs did worse.
EXPLORING = Limits(messages=20, tokens=400_000, time=timedelta(minutes=10))


class ClaudeRunner:
    """Runs each step's playbook, then has Claude verify and better what can be judged."""

    name = "claude"

    def __init__(
        self,
        playbook: Runner,
        *,
        prompt_texts: Mapping[str, str],
        api_key: str,
        budget: Budget,
        base_url: str | None = None,
        models: Mapping[str, str] | None = None,
        step_timeout: timedelta = timedelta(minutes=3),
    ) -> None:
        self._playbook = playbook
        self._prompts = prompt_texts
        self._models = {**DEFAULT_MODELS, **(models or {})}
        self._step_timeout = step_timeout
        self.api = ModelApi(api_key=api_key, base_url=base_url, budget=budget)

    async def aclose(self) -> None:
        """Close the connections to the API."""
        await self.api.aclose()

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request`.

        Raises:
            StepFailed: when the playbook cannot do the step.
            Unanswered: when Claude is unavailable; it carries what the playbook did.
        """
        started = time.monotonic()
        draft = await self._playbook.run(request)
        if request.hand_on is not None:
            await request.hand_on(draft)
        left = request.deadline - timedelta(seconds=time.monotonic() - started)
        return await self.better(request, draft, min(left, self._step_timeout))

    async def better(
        self, request: StepRequest, draft: StepResult, time_left: timedelta, toolset: Toolset | None = None
    ) -> StepResult:
        """Have Claude verify and better `draft`, with tools to look further where there are any.

        Raises:
            Unanswered: when Claude is unavailable; it carries the draft.
        """
        account = Account(request.incident.key)
        limits = dataclasses.replace(EXPLORING if toolset else ANSWERING, time=time_left)
        rules = f"{prompts.RULES}\n\n{prompts.EXPLORING}" if toolset else prompts.RULES
        try:
            question = self.question(request, type(bettering.typed(draft)), toolset, rules=rules)
            talk = Conversation(self.api, question, prompts.messages(request, draft), toolset)
            answer = await talk.until_answered(type(bettering.typed(draft)), account, limits)
        except ModelUnavailable as fault:
            raise Unanswered(fault, draft=draft, usage=tuple(account.usages)) from fault
        bettered = bettering.better(request, draft, answer, runner=self.name, looked_up=toolset)
        return dataclasses.replace(bettered, usage=(*draft.usage, *account.usages))

    def question(
        self,
        request: StepRequest,
        answer: type[BaseModel],
        toolset: Toolset | None,
        *,
        rules: str,
        given: Sequence[str] = (),
    ) -> Question:
        """Return what stays the same over a conversation about `request`.

        Raises:
            ModelUnavailable: when the step's prompt is missing.
        """
        return Question(
            model=request.step.model or self._model_for(request.step.prompt),
            system=prompts.system(
                self._prompt_text(request.step.prompt), prompts.of_area(request, self._prompts), rules=rules
            ),
            tools=[*prompts.tools(given), *(toolset.definitions() if toolset else [])],
            answer=answer,
        )

    def _model_for(self, prompt: str) -> str:
        name = prompt.removesuffix(".md")
        tier = "deep" if name in _DEEP else "fast" if name in _FAST else "standard"
        return self._models[tier]

    def _prompt_text(self, prompt: str) -> str:
        name = prompt.removesuffix(".md")
        for key in (prompt, f"{name}.md", name):
            if key in self._prompts:
                return self._prompts[key]
        raise ModelUnavailable(f"there is no prompt file {prompt}", remedy=f"Add prompts/{name}.md.")
