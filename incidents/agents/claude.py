"""Carries out a step with Claude: the playbook gathers and executes, Claude verifies, judges and words.

Importing this module imports the anthropic SDK (up to a second, 40 MB); do so only when a key is configured.
"""

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import anthropic
import structlog
from anthropic.types import Message, MessageParam
from pydantic import ValidationError

from incidents.agents import bettering, prices, prompts
from incidents.agents.base import Runner, StepRequest, StepResult, Usage
from incidents.agents.budget import Budget
from incidents.agents.fallback import Unanswered
from incidents.agents.outputs import Output
from incidents.errors import ModelUnavailable

log = structlog.get_logger(__name__)

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

# Thinking counts into it; the longest output (4.1) needs about 4,000 tokens. A truncated answer is asked for once more,
# with twice the room; above 21,333 the SDK insists on streaming.
MAX_TOKENS = 10_000
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class _Unfit(Exception):
    """An answer that a second request may repair."""

    def __init__(self, problems: str, turns: list[MessageParam], *, max_tokens: int = MAX_TOKENS) -> None:
        super().__init__(problems)
        self.turns = turns
        self.max_tokens = max_tokens


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
        self._budget = budget
        self._models = {**DEFAULT_MODELS, **(models or {})}
        self._step_timeout = step_timeout
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url or None,
            # The SDK hands 127.0.0.1 to HTTP_PROXY too, where a model server on this machine cannot be reached.
            http_client=anthropic.DefaultAsyncHttpxClient(trust_env=urlsplit(base_url or "").hostname not in _LOOPBACK),
        )

    async def aclose(self) -> None:
        """Close the connections to the API."""
        await self._client.close()

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
        usages: list[Usage] = []
        try:
            answer = await self._answer_in_time(request, draft, min(left, self._step_timeout), usages)
        except ModelUnavailable as fault:
            raise Unanswered(fault, draft=draft, usage=tuple(usages)) from fault
        finally:
            self._budget.charge(request.incident.key, usages)
        bettered = bettering.better(request, draft, answer, runner=self.name)
        return dataclasses.replace(bettered, usage=(*draft.usage, *usages))

    async def _answer_in_time(
        self, request: StepRequest, draft: StepResult, limit: timedelta, usages: list[Usage]
    ) -> Output:
        seconds = limit.total_seconds()
        try:
            # The SDK waits as long as a `retry-after` header says, an hour too; this is the bound that holds.
            async with asyncio.timeout(seconds):
                return await self._answer(request, draft, usages)
        except TimeoutError as error:
            raise ModelUnavailable(f"no answer within {max(seconds, 0):.0f} s") from error
        except anthropic.AnthropicError as error:
            raise ModelUnavailable(*_spoken(error)) from error

    async def _answer(self, request: StepRequest, draft: StepResult, usages: list[Usage]) -> Output:
        turns = prompts.messages(request, draft)
        try:
            return await self._ask(request, draft, turns, usages, max_tokens=MAX_TOKENS)
        except _Unfit as first:
            log.info("model_answer_unfit", incident=request.incident.key, step=request.step.name, problems=str(first))
            try:
                return await self._ask(request, draft, first.turns, usages, max_tokens=first.max_tokens)
            except _Unfit as second:
                raise ModelUnavailable(f"two answers did not fit: {str(second)[:200]}") from second

    async def _ask(
        self,
        request: StepRequest,
        draft: StepResult,
        turns: list[MessageParam],
        usages: list[Usage],
        *,
        max_tokens: int,
    ) -> Output:
        model = request.step.model or self._model_for(request.step.prompt)
        system = prompts.system(self._prompt_text(request.step.prompt), prompts.of_area(request, self._prompts))
        schema = anthropic.transform_schema(type(bettering.typed(draft)))
        characters = len(str(turns)) + len(str(system)) + len(str(schema))
        reserved = prices.estimate_usd(model, characters=characters, max_tokens=max_tokens)
        async with self._budget.reserve(request.incident.key, reserved):
            message: Any = await self._client.messages.create(
                model=model,
                max_tokens=max_tokens,
                system=system,
                messages=turns,
                tools=prompts.tools(),
                tool_choice={"type": "none"},
                output_config={"format": {"type": "json_schema", "schema": schema}},
            )
        if not isinstance(message, Message):  # what the SDK returns for an answer that is no JSON
            raise ModelUnavailable("the address answered, but not with the Messages API's JSON")
        usages.append(_usage(model, message))
        return _parsed(message, type(bettering.typed(draft)), turns, max_tokens)

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


def _parsed(message: Message, model: type[Output], turns: list[MessageParam], max_tokens: int) -> Output:
    match message.stop_reason:
        case "end_turn" | "stop_sequence" | None:
            pass
        case "max_tokens":
            raise _Unfit("it was cut off at the token limit", turns, max_tokens=2 * max_tokens)
        case "refusal":
            category = message.stop_details.category if message.stop_details else None
            raise ModelUnavailable(f"it refused{f' ({category})' if category else ''}")
        case other:  # tool_use, pause_turn, model_context_window_exceeded: asking again would bring the same
            raise ModelUnavailable(f"it stopped with {other}")
    text = "".join(block.text for block in message.content if block.type == "text")
    try:
        return model.model_validate_json(_json_part(text))
    except ValidationError as error:
        problems = "\n".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'answer'}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)[:20]
        )
        said: MessageParam = {"role": "assistant", "content": message.content}
        raise _Unfit(problems, [*turns, said, prompts.repair(problems)] if text else turns) from error


def _json_part(text: str) -> str:
    # Servers without structured output wrap the object into a code fence or a sentence.
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _usage(model: str, message: Message) -> Usage:
    usage = message.usage
    return prices.usage(
        model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read=usage.cache_read_input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
    )


def _spoken(error: anthropic.AnthropicError) -> tuple[str]:
    match error:
        case anthropic.APITimeoutError():
            return ("the API did not answer in time",)
        case anthropic.APIConnectionError():
            return ("the API could not be reached",)
        case anthropic.APIStatusError(status_code=401):
            return ("the API refused the key (401); check ANTHROPIC_API_KEY",)
        case anthropic.APIStatusError():
            return (f"the API answered {error.status_code}{f' {error.type}' if error.type else ''}",)
        case _:
            return (f"the API's answer could not be used: {type(error).__name__}",)
