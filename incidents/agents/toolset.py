"""The tools that a model is given, and what happens at their edge: every call is parsed, bounded and noted."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from incidents.agents import prompts
from incidents.clock import Clock
from incidents.errors import SitrepError
from incidents.tools import evidence, redaction
from incidents.tools.evidence import Evidence, EvidenceKind

if TYPE_CHECKING:
    from anthropic.types import ToolParam

log = structlog.get_logger(__name__)

MAX_NOTED = 200  # calls that are noted one by one
_MAX_PROBLEM = 600  # characters of what is said of a wrong call


class Input(BaseModel):
    """What a tool takes; anything else in a call is a mistake."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class Tool:
    """Something that a model may do."""

    name: str
    description: str
    takes: type[Input]
    act: Callable[[Any], Awaitable[str]]  #: takes the parsed input, returns what is shown
    kind: EvidenceKind | None = None  #: what sort of evidence the answer is; None for none
    changes: bool = False  #: after it, the same question may have another answer


@dataclass(frozen=True)
class Said:
    """What a call is answered with."""

    text: str
    is_error: bool = False


class Toolset:
    """The tools of one conversation."""

    def __init__(self, tools: Sequence[Tool], *, source: str, clock: Clock, hidden: Sequence[str] = ()) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._source = source
        self._clock = clock
        self._hidden = hidden  # paths of this machine, which no answer names
        self._asked: set[str] = set()
        self.evidence: dict[str, Evidence] = {}  #: what was shown, by id
        self.log: list[str] = []  #: one line for each call
        self.faults_in_a_row = 0

    def definitions(self) -> list["ToolParam"]:
        """Return the tools as the API wants them."""
        return [
            {"name": tool.name, "description": tool.description, "input_schema": tool.takes.model_json_schema()}
            for tool in self._tools.values()
        ]

    async def call(self, name: str, given: object) -> Said:
        """Call a tool, and return what to answer. Nothing that goes wrong in it is raised."""
        tool = self._tools.get(name)
        if name in prompts.READERS:
            return self.refuse(name, "Its answer stands at the beginning of the conversation.")
        if tool is None:
            return self.refuse(name, f"There is no such tool. There are: {', '.join(self._tools)}.")
        try:
            parsed = tool.takes.model_validate(given)
        except ValidationError as error:
            return self.refuse(name, _problems(error))
        key = f"{name} {parsed.model_dump_json()}"
        if key in self._asked:
            return self.refuse(name, "You asked exactly this before, and nothing changed since. Read the answer above.")
        try:
            text = await tool.act(parsed)
        except SitrepError as fault:
            return self.refuse(name, f"{fault.message} {fault.remedy}".strip())
        except Exception as error:
            # At this edge nothing gets through: what an exception says may hold secrets, and the step goes on.
            log.exception("model_tool_failed", tool=name)
            return self.refuse(name, f"It failed with {type(error).__name__}.")
        if tool.changes:
            self._asked.clear()
        self._asked.add(key)
        self.faults_in_a_row = 0
        return self._answer(tool, parsed, text)

    def refuse(self, name: str, why: str) -> Said:
        """Return the answer to a call that is not carried out, and note it."""
        self.faults_in_a_row += 1
        self._note(f"{name[:40]}: refused, {why[:120]}")
        return Said(prompts.untrusted(self._source, {"error": self._clean(why)}), is_error=True)

    def _answer(self, tool: Tool, given: Input, text: str) -> Said:
        text = self._clean(text)
        asked = json.dumps(given.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
        self._note(f"{tool.name} {evidence.shorten(asked, 160)}")
        found: dict[str, Any] = {"answer": text}
        if tool.kind is not None:
            summary = f"{tool.name.replace('_', ' ')} {evidence.shorten(asked, 120)}"
            item = evidence.capture(
                tool.kind, self._source, text, summary=summary, captured_at=self._clock.now(), command=(tool.name,)
            )
            self.evidence[item.id] = item
            found["evidence"] = item.id
        return Said(prompts.untrusted(self._source, found))

    def _clean(self, text: str) -> str:
        for path in self._hidden:
            text = text.replace(path, "the repository")
        return redaction.redact(text)

    def _note(self, line: str) -> None:
        if len(self.log) < MAX_NOTED:
            self.log.append(redaction.redact(line))


def _problems(error: ValidationError) -> str:
    said = "; ".join(
        f"{'.'.join(str(part) for part in each['loc']) or 'input'}: {each['msg']}"
        for each in error.errors(include_input=False, include_url=False)[:5]
    )
    return f"The input does not fit: {said}."[:_MAX_PROBLEM]
