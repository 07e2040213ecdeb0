"""One call to the Messages API: paid for before it is made, its cost noted, its faults put into words.

Importing this module imports the anthropic SDK (up to a second, 40 MB); do so only when a key is configured.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anthropic
from anthropic.types import Message, MessageParam, TextBlockParam, ToolParam
from pydantic import BaseModel

from incidents.agents import prices
from incidents.agents.base import Usage
from incidents.agents.budget import Budget
from incidents.errors import ModelUnavailable

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass
class Account:
    """Whose money a conversation spends, and what it has cost so far."""

    incident: str
    usages: list[Usage] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Return how many tokens went in and out, cached ones included."""
        return sum(each.input_tokens + each.output_tokens for each in self.usages)


@dataclass(frozen=True)
class Question:
    """What stays the same over the calls of one conversation."""

    model: str
    system: list[TextBlockParam]
    tools: list[ToolParam]
    answer: type[BaseModel]  #: what the last message must be


class ModelApi:
    """The Messages API, for as much money as an incident may cost."""

    def __init__(self, *, api_key: str, base_url: str | None, budget: Budget) -> None:
        self._budget = budget
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url or None,
            # The SDK hands 127.0.0.1 to HTTP_PROXY too, where a model server on this machine cannot be reached.
            http_client=anthropic.DefaultAsyncHttpxClient(trust_env=urlsplit(base_url or "").hostname not in _LOOPBACK),
        )

    async def aclose(self) -> None:
        """Close the connections to the API."""
        await self._client.close()

    async def ask(
        self, question: Question, turns: Sequence[MessageParam], account: Account, *, max_tokens: int, may_act: bool
    ) -> Message:
        """Return the next message; `may_act` says whether tools may be called in it.

        Raises:
            ModelUnavailable: when the budget does not allow for it, or the answer is no message.
            anthropic.AnthropicError: when the API fails; `spoken` puts it into words.
        """
        schema = anthropic.transform_schema(question.answer)
        characters = len(str(turns)) + len(str(question.system)) + len(str(schema)) + len(str(question.tools))
        reserved = prices.estimate_usd(question.model, characters=characters, max_tokens=max_tokens)
        # A conversation grows: what was sent before is read from the cache, at a fiftieth to a tenth of the price.
        growing: dict[str, Any] = {"cache_control": {"type": "ephemeral"}} if may_act else {}
        async with self._budget.reserve(account.incident, reserved):
            message: Any = await self._client.messages.create(
                model=question.model,
                max_tokens=max_tokens,
                system=question.system,
                messages=turns,
                tools=question.tools,
                tool_choice={"type": "auto"} if may_act else {"type": "none"},
                output_config={"format": {"type": "json_schema", "schema": schema}},
                **growing,
            )
        if not isinstance(message, Message):  # what the SDK returns for an answer that is no JSON
            raise ModelUnavailable("the address answered, but not with the Messages API's JSON")
        cost = _usage(question.model, message)
        account.usages.append(cost)
        self._budget.charge(account.incident, [cost])
        return message


def spoken(error: anthropic.AnthropicError) -> ModelUnavailable:
    """Return the API's fault in words for people."""
    match error:
        case anthropic.APITimeoutError():
            return ModelUnavailable("the API did not answer in time")
        case anthropic.APIConnectionError():
            return ModelUnavailable("the API could not be reached")
        case anthropic.APIStatusError(status_code=401):
            return ModelUnavailable("the API refused the key (401); check ANTHROPIC_API_KEY")
        case anthropic.APIStatusError():
            return ModelUnavailable(f"the API answered {error.status_code}{f' {error.type}' if error.type else ''}")
        case _:
            return ModelUnavailable(f"the API's answer could not be used: {type(error).__name__}")


def _usage(model: str, message: Message) -> Usage:
    usage = message.usage
    return prices.usage(
        model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read=usage.cache_read_input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
    )
