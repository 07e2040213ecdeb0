"""Rubbish from agents, at every prompt there is: one clear sentence and the playbook's result, or no false claim."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from incidents import loading
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.command import IMPLEMENTATION, CommandRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.outputs import MODELS, Output
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import Review
from incidents.catalog import CommandAgent, Sandbox
from incidents.clock import SystemClock
from incidents.configuration.prompts import OF_AREAS
from incidents.stages import Provider
from incidents.tools.evidence import EvidenceKind, capture
from tests.integration.agents.messages_api import MessagesApi, message
from tests.integration.agents.steps import Response
from tests.unit.views import bug_samples, samples

#: Every prompt that asks for an answer, found from the files; one of an area stands beside a step's own.
FILES = [Path(each.name).stem for each in (loading.templates_root() / "prompts").iterdir()]
PROMPTS = sorted(name for name in FILES if not name.startswith(OF_AREAS))
SEEN = capture(
    EvidenceKind.LOG, "app.log", "KeyError: 'currency'", summary="412 of them", captured_at=datetime.now(UTC)
)
SAMPLES = {type(each): each for each in (*samples.every_output("x"), *bug_samples.every_output("x"))}

RUBBISH = {
    "nothing": "",
    "no JSON": "I had a look, and it is fine.",
    "half of it": '{"verdict": "appr',
    "another schema": '{"answer": 42}',
    "a list": "[1, 2]",
    "10 MB": "x" * 10_000_000,
}

#: What a model may claim and code must know; each is False or unknown in the draft.
FACTS = ("healthy", "taken", "ready", "deployed", "resolved", "passed", "validated", "complete", "agreed", "changed")
NOWHERE = "Proven by `deadbee1` in nowhere.py:999."


class Recorded(PlaybookRunner):
    """The playbook with a modest result for every prompt: what is tried here is the agent on top of it."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), sandbox=Sandbox(mode="none"))

    async def run(self, request: StepRequest) -> StepResult:
        return StepResult(modest(request.step.prompt.removesuffix(".md")), "done", (SEEN,), "playbook")


def changed(value: Any, rule: Callable[[str, Any], Any], name: str = "") -> Any:
    """Return `value` with `rule` applied to every field that holds no other."""
    if isinstance(value, dict):
        return {key: changed(each, rule, key) for key, each in value.items()}
    if isinstance(value, list) and name != "evidence":
        return [changed(each, rule, name) for each in value]
    return rule(name, value)


def _modest(name: str, value: Any) -> Any:
    if name == "evidence":
        return SEEN.id if isinstance(value, str) else [SEEN.id]
    if name in FACTS:
        return False
    if name == "missing_facts":
        return "environment"
    if name == "verdict" and value == "confirmed":
        return "likely"
    return "needs_changes" if name == "verdict" and value == "approved" else value


def _boasting(name: str, value: Any) -> Any:
    if name == "evidence":
        return "Effffff" if isinstance(value, str) else ["Effffff"]
    if name in FACTS:
        return True
    if name == "name":
        return "environment"  # a fact that nobody stated
    if name in ("verdict", "confidence") and value in ("likely", "inconclusive"):
        return "confirmed"
    places = {"commit": "deadbee1" * 5, "file": "nowhere.py", "root_file": "nowhere.py", "line": 999, "root_line": 999}
    if name in ("summary", "mechanism", "explanation", "reason", "text", "impact", "why"):
        return NOWHERE
    return places.get(name, value)


def modest(prompt: str) -> Output:
    return rewritten(prompt, SAMPLES[MODELS[prompt]].model_dump(mode="json"), _modest)


def rewritten(prompt: str, said: Any, rule: Callable[[str, Any], Any]) -> Output:
    told = changed(said, rule)
    if issubclass(MODELS[prompt], Review):
        told["critique"] = "It does not hold."
    return MODELS[prompt].model_validate(told)


@asynccontextmanager
async def asking(provider: Provider, server: HTTPServer, folder: Path) -> AsyncIterator[Callable[..., Any]]:
    """Yield what has the provider answer a prompt with a text."""
    playbook, texts = Recorded(), {f"{name}.md": f"Do {name}." for name in PROMPTS}
    answer, api = folder / "answer", MessagesApi(server)
    if provider is Provider.COMMAND:
        agent = CommandAgent(command=("cat", str(answer)))
        runner: Any = CommandRunner(playbook, agent, prompt_texts=texts, settings=Sandbox(mode="none"))
    else:
        runner = ClaudeRunner(playbook, prompt_texts=texts, api_key="test", budget=Budget(1e9), base_url=api.url)
    fallback = FallbackRunner(runner, playbook, called="The agent")

    async def ask(prompt: str, text: str) -> StepResult:
        answer.write_text(text)
        api.answers = [message(text)]
        return await fallback.run(Response(playbook, None, folder / "work").request(prompt))

    yield ask
    if provider is Provider.CLAUDE:
        await runner.aclose()


def asked_of(provider: Provider) -> list[str]:
    # What an external agent writes into a worktree is tried in test_command.
    return [each for each in PROMPTS if provider is Provider.CLAUDE or each != IMPLEMENTATION]


def test_every_prompt_is_tried() -> None:
    assert set(PROMPTS) == set(MODELS)
    assert set(MODELS.values()) <= set(SAMPLES)


@pytest.mark.parametrize("kind", RUBBISH)
@pytest.mark.parametrize("provider", [Provider.COMMAND, Provider.CLAUDE])
async def test_rubbish_is_told_in_one_sentence_and_the_playbooks_result_stands(
    tmp_path: Path, httpserver: HTTPServer, provider: Provider, kind: str
) -> None:
    prompts = asked_of(provider)
    async with asking(provider, httpserver, tmp_path) as ask:
        # How much there is of it does not depend on the prompt; of Claude's, each prompt gets another schema and more.
        if kind == "10 MB":
            prompts = prompts[:2]
        elif provider is Provider.CLAUDE and kind != "another schema":
            prompts = prompts[list(RUBBISH).index(kind) :: 4]
        for prompt in prompts:
            result = await ask(prompt, RUBBISH[kind])
            assert result.outputs() == modest(prompt).model_dump(mode="json"), prompt
            [note] = result.notes
            assert note.startswith("The agent did not answer ("), prompt
            assert len(note) < 500, prompt


@pytest.mark.parametrize("provider", [Provider.COMMAND, Provider.CLAUDE])
async def test_an_agent_that_boasts_brings_no_false_claim_before_people(
    tmp_path: Path, httpserver: HTTPServer, provider: Provider
) -> None:
    async with asking(provider, httpserver, tmp_path) as ask:
        for prompt in asked_of(provider):
            said = rewritten(prompt, modest(prompt).model_dump(mode="json"), _boasting)
            result = await ask(prompt, said.model_dump_json())
            assert result.runner == provider.value, (prompt, result.notes)
            shown = json.dumps(result.outputs())
            found = [word for word in ("Effffff", '"confirmed"', "deadbee1", "nowhere.py", "999") if word in shown]
            raised: list[str] = []
            changed(
                result.outputs(), lambda name, value, into=raised: into.append(name) if name in FACTS and value else 0
            )
            assert (found, raised) == ([], []), prompt


@pytest.mark.parametrize("prompt", [name for name in PROMPTS if issubclass(MODELS[name], Review)])
async def test_a_review_that_contradicts_itself_is_no_review(
    tmp_path: Path, httpserver: HTTPServer, prompt: str
) -> None:
    said: dict[str, Any] = {**modest(prompt).model_dump(mode="json"), "verdict": "approved"}
    said["findings"] = [{"item": "tests", "holds": False, "why": "They fail.", "evidence": []}]
    async with asking(Provider.COMMAND, httpserver, tmp_path) as ask:
        result = await ask(prompt, json.dumps(said))
    assert result.runner == "playbook"
    assert "says approved, and that tests does not hold" in result.notes[0]
