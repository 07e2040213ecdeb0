"""Rubbish from agents at every step of a response: told in one sentence, and the response comes to its end.

Engine, worktrees, the external command and the calls of the Messages API are real; the playbook's results are written
here. That no prompt takes any of it for an answer is tried in tests/integration/agents/test_rubbish.py.
"""

import dataclasses
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from bot.surfaces import work
from incidents import records
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.command import IMPLEMENTATION, CommandRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.outputs import MODELS
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import Review
from incidents.catalog import CommandAgent, Sandbox
from incidents.clock import SystemClock
from incidents.response import control, intervening, vouching
from incidents.response.engine import Engine
from incidents.service import queries, respond
from tests.integration.agents import rubbish
from tests.integration.agents.messages_api import MessagesApi, message
from tests.integration.agents.shop import BAD, PRICING, Shop
from tests.integration.response import bugs
from tests.integration.response.conftest import ANA, BO, SETTINGS, House
from tests.integration.response.test_bugs import declared
from tests.integration.response.test_story import GATE, told

UNUSABLE = ("nothing", "no JSON", "another schema", "10 MB")
KINDS = (*UNUSABLE, "contradicting", "invented evidence")
TEXTS = {f"{name}.md": f"Do {name}." for name in MODELS}
UNPROTECTED = Sandbox(mode="none")


class Playbook(PlaybookRunner):
    """The playbook with the scripted results; git, worktrees and commits are its own."""

    def __init__(self, scripted: Any) -> None:
        super().__init__(SystemClock(), sandbox=UNPROTECTED)
        self.scripted = scripted

    async def run(self, request: StepRequest) -> StepResult:
        return dataclasses.replace(await self.scripted.run(request), runner=self.name)


@dataclass
class Agents:
    """An external command and Claude in turn, who bring rubbish of another kind at each step."""

    playbook: Playbook
    folder: Path
    api: MessagesApi
    turn: int = 0  #: how far the kinds are moved on
    name: str = "agents"
    brought: dict[str, str] = field(default_factory=dict)  #: step -> the kind

    def __post_init__(self) -> None:
        said = self.folder / "said"
        # A model that writes as it goes: what it left is there when its answer is refused.
        script = f'echo "half = done" >> {PRICING} 2>/dev/null; cat {said}'
        agent = CommandAgent(command=("sh", "-c", script))
        command = CommandRunner(self.playbook, agent, prompt_texts=TEXTS, settings=UNPROTECTED)
        self.claude = ClaudeRunner(
            self.playbook, prompt_texts=TEXTS, api_key="test", budget=Budget(5.0), base_url=self.api.url
        )
        self.ways = [FallbackRunner(each, self.playbook, called="The agent") for each in (command, self.claude)]

    async def run(self, request: StepRequest) -> StepResult:
        prompt = request.step.prompt.removesuffix(".md")
        place = list(MODELS).index(prompt)
        kind = KINDS[(place + self.turn) % len(KINDS)]
        self.brought[request.step.name] = kind
        text = self.text(kind, prompt)
        (self.folder / "said").write_text(text)
        self.api.answers = [message(text)]
        # An implementation is Sitrep's own when Claude carries it out: tests/integration/agents/test_developer.py.
        by = 0 if prompt == IMPLEMENTATION else (place + self.turn // 2) % 2
        return await self.ways[by].run(request)

    def text(self, kind: str, prompt: str) -> str:
        if kind in UNUSABLE or prompt == IMPLEMENTATION:  # that one reports what it wrote, and claims nothing typed
            return rubbish.UNUSABLE.get(kind, "[1, 2]")
        said = MODELS[prompt].model_validate(self.playbook.scripted.results[prompt]).model_dump(mode="json")
        if kind == "invented evidence":
            return rubbish.rewritten(prompt, said, rubbish.boasting).model_dump_json()
        told = rubbish.changed(said, rubbish.contradicting)
        if issubclass(MODELS[prompt], Review):
            told["findings"] = [{"item": "tests", "holds": False, "why": "They fail.", "evidence": []}]
        return json.dumps(told)


@pytest.fixture
def shop(house: House, tmp_path: Path) -> Shop:
    """A repository behind the service, in which a fix has to be written."""
    made = Shop(tmp_path / "there")
    made.commit("Begin", {PRICING: BAD, "shop/__init__.py": ""})
    service = SETTINGS.services["checkout"].model_copy(update={"repository": str(made.repository)})
    settings = house.ctx.settings.model_copy(update={"services": {service.key: service}})
    object.__setattr__(house.ctx, "settings", settings)
    return made


@pytest.fixture
async def agents(house: House, shop: Shop, tmp_path: Path, httpserver: HTTPServer) -> AsyncIterator[Agents]:
    made = Agents(Playbook(house.agent), tmp_path, MessagesApi(httpserver))
    house.engine = Engine(house.ctx, made, house.workdir, "here")
    yield made
    await made.claude.aclose()


async def to_its_end(house: House, incident: records.Incident) -> list[str]:
    """Work and decide until nothing is left; returns the steps in their order."""
    done = await house.work()
    while asked := await house.pending(incident):
        for each in asked:
            option = 1 if each.kind == "choose_fix" else None
            await house.do(control.decide, each.number, BO if each.kind == "deploy" else ANA, "approve", option=option)
        if incident.kind.value == "incident" and "2.1" not in done:
            await house.do(vouching.attest, asked[0].run_id, 1, GATE, ANA)
        done += await house.work()
    return done


async def steps_of(house: House, incident: records.Incident) -> list[records.Step]:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        return await queries.steps(session, run.number)


async def begun(house: House, shop: Shop, kind: str) -> records.Incident:
    if kind == "bug":
        house.agent.results.update(bugs.answers(house.agent.seen.id))
        house.agent.results[IMPLEMENTATION]["commit"] = shop.git("rev-parse", "HEAD")
        return await declared(house)
    incident = await house.declare()
    await house.do(respond.acknowledge, incident.number, ANA)
    await told(house, incident)
    return incident


async def told_of(house: House, step: records.Step) -> str:
    """Return what stands in the step's thread."""
    async with house.store.read() as session:
        return json.dumps((await work.step_result(session, house.ctx, step.number)).blocks, ensure_ascii=False)


@pytest.mark.parametrize("turn", range(0, len(KINDS), 2))
@pytest.mark.parametrize("response", ["emergency", "bug"])
async def test_whatever_an_agent_brings_the_response_comes_to_its_end_and_says_what_was_left_out(
    house: House, shop: Shop, agents: Agents, response: str, turn: int
) -> None:
    agents.turn = turn
    incident = await begun(house, shop, response)
    await to_its_end(house, incident)
    steps = await steps_of(house, incident)
    assert {step.state for step in steps} == {"done"}, [(step.name, step.state, step.error) for step in steps]
    assert set(agents.brought) == {step.name for step in steps}
    for step in steps:
        kind, shown = agents.brought[step.name], await told_of(house, step)
        notes = [note for note in step.notes if "did not answer" in note]
        useless = kind in UNUSABLE or step.name == "3.1.1"
        assert len(notes) == useless or kind == "contradicting", (step.name, kind, step.notes)
        assert all(len(note) < 400 and note.count("stepped in.") == 1 for note in notes), notes
        assert all(word in shown for word in ["stepped in."] * len(notes)), step.name
        assert not [word for word in rubbish.INVENTED if word in shown], (step.name, kind, shown)
        assert len(json.dumps(step.output)) < 20_000, step.name
    assert list((house.workdir / incident.key).iterdir()) == []
    assert shop.git("worktree", "list").count("\n") == 0
    assert "half = done" not in shop.git("log", "--all", "--patch")


async def test_where_the_playbook_cannot_do_it_either_people_hear_both_reasons_and_the_ways_on(
    house: House, shop: Shop, agents: Agents
) -> None:
    agents.turn = KINDS.index("no JSON") - list(MODELS).index(IMPLEMENTATION)
    incident = await begun(house, shop, "bug")
    house.agent.failing.add("3.1.1")
    await to_its_end(house, incident)
    failed = next(step for step in await steps_of(house, incident) if step.state == "failed")
    async with house.store.read() as session:
        shown = await work.step_failed(session, house.ctx, failed.number)
    assert failed.name == "3.1.1"
    words = "The agent did not answer (its answer is no JSON object), and for the playbook: The tests hang. Retry it."
    assert words in shown.blocks[0]["text"]["text"]
    ways = [each["text"]["text"] for block in shown.blocks for each in block.get("elements", []) if "action_id" in each]
    assert ways == ["Retry", "Take over by hand", "Skip"]
    house.agent.failing.clear()
    await house.do(intervening.retry_step, failed.number, ANA)
    await to_its_end(house, incident)
    assert {step.state for step in await steps_of(house, incident)} == {"done"}
