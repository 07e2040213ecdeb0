"""Claude on top of the real playbook: every step's schema goes to the API and comes back."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from incidents.agents import outputs
from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from tests.integration.agents import steps
from tests.integration.agents.messages_api import MessagesApi, message
from tests.integration.agents.shop import Shop

pytestmark = pytest.mark.long


def echo(asked: dict[str, Any]) -> Response:
    """Answer with the draft that was sent along, as a model does that has nothing to add."""
    results = asked["messages"][2]["content"]
    draft = next(block for block in results if block["tool_use_id"] == "toolu_read_draft")
    return message(json.dumps(json.loads(draft["content"])["data"]))(asked)


@pytest.fixture
async def response(httpserver: HTTPServer, tmp_path: Path) -> AsyncIterator[tuple[steps.Response, MessagesApi]]:
    shop = Shop(tmp_path)
    shop.broken()
    api = MessagesApi(httpserver)
    api.answers = [echo]
    playbook = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    prompts = {f"{name}.md": f"Do {name}." for name in outputs.MODELS}
    claude = ClaudeRunner(playbook, prompt_texts=prompts, api_key="test", budget=Budget(5.0), base_url=api.url)
    runner = FallbackRunner(claude, playbook)
    yield steps.Response(runner, shop.service(), tmp_path / "work"), api
    await claude.aclose()


async def test_an_answer_equal_to_the_draft_changes_nothing_in_any_step(
    response: tuple[steps.Response, MessagesApi],
) -> None:
    asked, api = response
    for name in steps.PROMPTS:
        approved = {"2.1": lambda: asked.choose(1), "3.1": lambda: asked.approve()}.get(name, lambda: None)()
        result = await asked.step(name, approved=approved)
        sent = json.loads(
            next(b for b in api.asked[-1]["messages"][2]["content"] if "draft" in b["tool_use_id"])["content"]
        )
        assert result.runner == "claude", (name, result.notes)
        assert not [note for note in result.notes if "struck" in note or "weakened" in note], (name, result.notes)
        assert result.outputs() == sent["data"], name
    assert len(api.asked) == len(steps.PROMPTS)
    assert {asked["model"] for asked in api.asked} == {"claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"}


async def test_schemas_hold_only_what_structured_output_knows(response: tuple[steps.Response, MessagesApi]) -> None:
    asked, api = response
    await asked.step("1.3")
    schema = json.dumps(api.asked[0]["output_config"]["format"]["schema"])
    assert '"additionalProperties": false' in schema
    for keyword in ("maxLength", "maximum", "minimum", "pattern"):
        assert f'"{keyword}":' not in schema


def test_without_a_key_the_sdk_is_never_imported() -> None:
    code = (
        "import sys, incidents.agents.budget, incidents.agents.fallback, incidents.agents.playbook.runner;"
        "sys.exit(any(name in sys.modules for name in ('anthropic', 'httpx2')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
