"""A conversation with a model up to its typed answer: tools in between where it has any, all of it bounded.

Imports the anthropic SDK, see `model_api`.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import anthropic
import structlog
from anthropic.types import ContentBlock, Message, MessageParam, TextBlockParam, ToolResultBlockParam, ToolUseBlock
from pydantic import BaseModel, ValidationError

from incidents.agents import model_api, prompts
from incidents.agents.base import MAX_ANSWER
from incidents.agents.model_api import Account, ModelApi, Question
from incidents.agents.toolset import Toolset
from incidents.errors import ModelUnavailable
from incidents.tools import redaction

log = structlog.get_logger(__name__)

AnyModel = TypeVar("AnyModel", bound=BaseModel)

# Thinking counts into it; the longest output (4.1) needs about 4,000 tokens. A truncated answer is asked for once more,
# with twice the room; above 21,333 the SDK insists on streaming.
MAX_TOKENS = 10_000
MAX_CALLS_AT_ONCE = 8  # tools called in one message; the others are answered with that
MAX_FAULTS_IN_A_ROW = 8  # tool calls that came to nothing; a model that goes on like that is lost


@dataclass(frozen=True)
class Limits:
    """How long a conversation may be."""

    messages: int  #: of the model; the last of them must be the answer
    tokens: int  #: in and out over all calls, cached ones included; what is over it ends the conversation
    time: timedelta


_END = "That was the last call. Answer now with the JSON object, from what you have."


class Conversation:
    """What was said so far."""

    def __init__(self, api: ModelApi, question: Question, turns: list[MessageParam], toolset: Toolset | None) -> None:
        self._api = api
        self._question = question
        self._turns = turns
        self._toolset = toolset
        self._max_tokens = MAX_TOKENS
        self._unfit = ""  # what was wrong with the first answer that did not fit

    async def until_answered(self, model: type[AnyModel], account: Account, limits: Limits) -> AnyModel:
        """Go on until the model answers, and return its answer.

        Raises:
            ModelUnavailable: when it does not: it failed, refused, went over its limits, or said what does not fit.
        """
        seconds = limits.time.total_seconds()
        try:
            # The SDK waits as long as a `retry-after` header says, an hour too; this is the bound that holds.
            async with asyncio.timeout(seconds):
                return await self._until_answered(model, account, limits)
        except TimeoutError as error:
            raise ModelUnavailable(f"no answer within {max(seconds, 0):.0f} s") from error
        except anthropic.AnthropicError as error:
            raise model_api.spoken(error) from error

    async def _until_answered(self, model: type[AnyModel], account: Account, limits: Limits) -> AnyModel:
        for left in range(limits.messages, 0, -1):
            may_act = self._toolset is not None and left > 1 and account.tokens < limits.tokens
            if self._toolset is not None and not may_act:
                self._tell(_END)
            message = await self._api.ask(
                self._question, self._turns, account, max_tokens=self._max_tokens, may_act=may_act
            )
            answer = await self._take(message, model, may_act=may_act)
            if answer is not None:
                return answer
        raise ModelUnavailable(f"it gave no answer within {limits.messages} messages")

    async def _take(self, message: Message, model: type[AnyModel], *, may_act: bool) -> AnyModel | None:
        """Return the answer, or None when the conversation goes on.

        Raises:
            ModelUnavailable: when it cannot go on.
        """
        if len(message.model_dump_json()) > MAX_ANSWER:  # sent back to be repaired it would cost as much again
            raise ModelUnavailable(f"it answered more than {MAX_ANSWER // 1_000_000} MB")
        match message.stop_reason:
            case "end_turn" | "stop_sequence" | None:
                return self._parsed(message, model)
            case "tool_use" if may_act:
                await self._act(message)
            case "max_tokens":
                # What was said is not kept: it may end in half a call of a tool.
                self._complain("it was cut off at the token limit")
                self._max_tokens = 2 * MAX_TOKENS
            case "refusal":
                category = message.stop_details.category if message.stop_details else None
                raise ModelUnavailable(f"it refused{f' ({category})' if category else ''}")
            case other:  # pause_turn, model_context_window_exceeded: asking again would bring the same
                raise ModelUnavailable(f"it stopped with {other}")
        return None

    def _parsed(self, message: Message, model: type[AnyModel]) -> AnyModel | None:
        text = "".join(block.text for block in message.content if block.type == "text")
        try:
            return model.model_validate_json(_json_part(text))
        except ValidationError as error:
            problems = "\n".join(
                f"{'.'.join(str(part) for part in problem['loc']) or 'answer'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)[:20]
            )
            self._complain(problems)
            if text:
                self._turns += [{"role": "assistant", "content": _said(message)}, prompts.repair(problems)]
            return None

    def _complain(self, problems: str) -> None:
        log.info("model_answer_unfit", problems=problems)
        if self._unfit:
            raise ModelUnavailable(f"two answers did not fit: {problems[:200]}")
        self._unfit = problems

    async def _act(self, message: Message) -> None:
        """Call the tools that `message` asks for, and put what they answered behind it."""
        assert self._toolset is not None, "it may act"  # noqa: S101 - a fault of ours
        calls = [block for block in message.content if isinstance(block, ToolUseBlock)]
        results: list[ToolResultBlockParam] = []
        for number, call in enumerate(calls):
            if number < MAX_CALLS_AT_ONCE:
                said = await self._toolset.call(call.name, call.input)
            else:
                said = self._toolset.refuse(call.name, f"Not called: {MAX_CALLS_AT_ONCE} calls at once are the most.")
            results.append(
                {"type": "tool_result", "tool_use_id": call.id, "content": said.text, "is_error": said.is_error}
            )
        if self._toolset.faults_in_a_row >= MAX_FAULTS_IN_A_ROW:
            raise ModelUnavailable(f"{self._toolset.faults_in_a_row} of its tool calls in a row came to nothing")
        self._turns += [{"role": "assistant", "content": _said(message)}, {"role": "user", "content": results}]

    def _tell(self, text: str) -> None:
        """Say something at the end of what the model reads next."""
        last = self._turns[-1]
        said = last["content"]
        block: TextBlockParam = {"type": "text", "text": text}
        before = [{"type": "text", "text": said}] if isinstance(said, str) else list(said)
        self._turns[-1] = {"role": "user", "content": [*before, block]}


def _json_part(text: str) -> str:
    # Servers without structured output wrap the object into a code fence or a sentence.
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _said(message: Message) -> list[ContentBlock]:
    # What it thought is signed and goes back as it is; its own words may quote what it should not have seen.
    return [
        block.model_copy(update={"text": redaction.redact(block.text)}) if block.type == "text" else block
        for block in message.content
    ]
