"""Rubbish from agents, at every step of the bug pipeline: one clear sentence, and the playbook's own result."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pytest_httpserver import HTTPServer

from incidents.agents.base import StepRequest, StepResult
from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.command import CommandRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.outputs import MODELS
from incidents.agents.playbook.bugs import steps
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import Review
from incidents.catalog import CommandAgent, Sandbox
from incidents.clock import SystemClock
from incidents.stages import Provider
from tests.integration.agents.bug import Bug
from tests.integration.agents.messages_api import MessagesApi, message
from tests.integration.agents.shop import Shop

PROMPTS = [name.removeprefix("bug-") for name in steps.STEPS]
RUBBISH = {
    "nothing": "",
    "no JSON": "I had a look, and it is fine.",
    "half of it": '{"verdict": "appr',
    "another schema": '{"answer": 42}',
    "10 MB": "x" * 10_000_000,
}


class Recorded(PlaybookRunner):
    """The playbook, whose results were recorded once: what is tried here is the agent on top of it."""

    def __init__(self, results: dict[str, StepResult]) -> None:
        super().__init__(SystemClock(), sandbox=Sandbox(mode="none"))
        self.results = results

    async def run(self, request: StepRequest) -> StepResult:
        return replace(self.results[request.step.name], notes=())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bug(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bug]:
    root = tmp_path_factory.mktemp("rubbish")
    shop = Shop(root)
    shop.broken()
    made = Bug(PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), shop.service(), root / "work")
    await made.until("merge-summary")
    made.runner = Recorded(made.results)
    yield made


def command_of(bug: Bug, answer: Path) -> FallbackRunner:
    assert isinstance(bug.runner, Recorded)
    agent = CommandAgent(command=("cat", str(answer)))
    prompts = {f"{name}.md": f"Do {name}." for name in MODELS}
    runner = CommandRunner(bug.runner, agent, prompt_texts=prompts, settings=Sandbox(mode="none"))
    return FallbackRunner(runner, bug.runner, called="The agent")


def claude_of(bug: Bug, server: HTTPServer, text: str) -> FallbackRunner:
    assert isinstance(bug.runner, Recorded)
    api = MessagesApi(server)
    api.answers = [message(text)]
    prompts = {f"{name}.md": f"Do {name}." for name in MODELS}
    runner = ClaudeRunner(bug.runner, prompt_texts=prompts, api_key="test", budget=Budget(50.0), base_url=api.url)
    return FallbackRunner(runner, bug.runner, called="The agent")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", RUBBISH)
@pytest.mark.parametrize("provider", [Provider.COMMAND, Provider.CLAUDE])
async def test_rubbish_is_told_in_one_sentence_and_the_playbooks_result_stands(
    bug: Bug, tmp_path: Path, httpserver: HTTPServer, provider: Provider, kind: str
) -> None:
    answer = tmp_path / "answer"
    answer.write_text(RUBBISH[kind])
    runner = command_of(bug, answer) if provider is Provider.COMMAND else claude_of(bug, httpserver, RUBBISH[kind])
    # Two prompts show what all would: nothing depends on the prompt but its schema.
    for prompt in PROMPTS if provider is Provider.COMMAND and kind == "another schema" else PROMPTS[:2]:
        step = bug.steps(prompt)[0]
        result = await runner.run(bug.request(step))
        assert result.outputs() == bug.results[step.name].outputs(), prompt
        [note] = [each for each in result.notes if "did not answer" in each]
        assert note.startswith("The agent did not answer ("), prompt
        assert len(note) < 500, prompt


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("prompt", [name for name in PROMPTS if issubclass(MODELS[f"bug-{name}"], Review)])
async def test_a_review_that_contradicts_itself_is_no_review(bug: Bug, tmp_path: Path, prompt: str) -> None:
    step = bug.steps(prompt)[0]
    said: dict[str, Any] = {**bug.results[step.name].outputs(), "verdict": "approved"}
    said["findings"] = [{"item": "tests", "holds": False, "why": "They fail.", "evidence": []}]
    answer = tmp_path / "answer"
    answer.write_text(json.dumps(said))
    result = await command_of(bug, answer).run(bug.request(step))
    assert result.runner == "playbook"
    assert "says approved, and that tests does not hold" in result.notes[0]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("prompt", ["root-cause-analysis", "root-cause-reflection", "fix-plan", "code-review"])
async def test_evidence_that_does_not_exist_is_struck_out(bug: Bug, tmp_path: Path, prompt: str) -> None:
    step = bug.steps(prompt)[0]
    said = json.dumps(bug.results[step.name].outputs())
    for item in bug.results[step.name].evidence:
        said = said.replace(item.id, "Effffff")
    assert "Effffff" in said
    answer = tmp_path / "answer"
    answer.write_text(said)
    result = await command_of(bug, answer).run(bug.request(step))
    assert result.runner == "command"
    assert "Effffff" not in json.dumps(result.outputs())
