"""Claude writes the fix where no commit can be undone; tests decide whether it is offered."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from incidents.agents import developer
from incidents.agents.base import ApprovedSubject, FailedAtACost, StepResult
from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.outputs import MODELS, FixApproach, FixOption, HotfixOutput
from incidents.agents.planning import ImplementationState
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.routing import ByPrompt
from incidents.catalog import ModelAgent, Sandbox
from incidents.clock import SystemClock
from tests.integration.agents import steps
from tests.integration.agents.bug import Bug
from tests.integration.agents.messages_api import Answer, MessagesApi, calls, error, message
from tests.integration.agents.shop import BAD, GOOD, PRICING, TRACEBACK, Shop

OTHER = """import unittest
from shop import pricing


class NewCarts(unittest.TestCase):
    def test_new_cart_has_a_price(self):
        self.assertEqual(pricing.total({'currency': 'USD'}), 'USD')
"""
NEW_TEST = (
    OTHER.replace("NewCarts", "OldCarts")
    .replace("new_cart", "old_cart")
    .replace("{'currency': 'USD'}", "{}")
    .replace("USD", "EUR")
)
FIX = ("replace_in_file", {"path": PRICING, "old": "cart['currency']", "new": "cart.get('currency', 'EUR')"})
TEST = ("write_file", {"path": "tests/test_old.py", "text": NEW_TEST})
DONE = message(json.dumps({"summary": "Price old carts in euro", "remaining": [], "reason": "", "blocked": False}))
PROVE = ("prove_fix", {})


@pytest.fixture
def api(httpserver: HTTPServer) -> MessagesApi:
    return MessagesApi(httpserver)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A service that was wrong from its first commit on: there is nothing to undo, and no test shows it."""
    made = Shop(tmp_path)
    files = {"shop/__init__.py": "", "tests/__init__.py": "", "tests/test_carts.py": OTHER, PRICING: BAD}
    made.released("1", made.commit("Begin", files), minutes_ago=10)
    made.logged(f"unhandled\n{TRACEBACK}", minutes_ago=9, times=12, level="ERROR")
    return made


@pytest.fixture
async def claude(api: MessagesApi) -> AsyncIterator[tuple[PlaybookRunner, FallbackRunner]]:
    playbook = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    prompts = {f"{name}.md": f"Do {name}." for name in MODELS}
    runner = ClaudeRunner(playbook, prompt_texts=prompts, api_key="test", budget=Budget(50.0), base_url=api.url)
    hands = developer.Developer(runner, playbook, ModelAgent(messages=10))
    yield playbook, FallbackRunner(ByPrompt(runner, dict.fromkeys(developer.PROMPTS, hands)), playbook)
    await runner.aclose()


@pytest.fixture
def response(claude: Any, shop: Shop, tmp_path: Path) -> steps.Response:
    """An incident whose fix has to be written."""
    _, runner = claude
    return steps.Response(runner, shop.service(), tmp_path / "work")


async def hotfix(response: steps.Response, api: MessagesApi, *answers: Answer) -> StepResult:
    """Let the fix be written that a person chose."""
    api.answers = list(answers)
    option = FixOption(number=1, title="Write a hotfix", approach=FixApproach.HOTFIX, description="Write it")
    return await response.step("2.1", approved=ApprovedSubject("choose_fix", option.model_dump(), "digest", "ana"))


async def refused(response: steps.Response, api: MessagesApi, *answers: Answer) -> FailedAtACost:
    """Return why the step failed: nothing of Claude's was taken, and the playbook has nothing of its own."""
    with pytest.raises(FailedAtACost) as raised:
        await hotfix(response, api, *answers)
    return raised.value


def answered(api: MessagesApi) -> list[tuple[str, bool]]:
    """Return what the calls of tools were answered with, and whether as an error."""
    turns = [each["content"] for each in api.asked[-1]["messages"][3:] if each["role"] == "user"]
    blocks = [block for turn in turns if isinstance(turn, list) for block in turn if block["type"] == "tool_result"]
    return [(block["content"], block["is_error"]) for block in blocks]


async def test_a_fix_that_claude_writes_is_proven_both_ways_and_goes_on_to_the_approval(
    response: steps.Response, claude: Any, api: MessagesApi, shop: Shop
) -> None:
    playbook, runner = claude
    response.runner = playbook
    await response.step("1.3")
    assert {each["approach"] for each in response.outputs["preliminary_root_cause"]["fix_options"]} == {"hotfix"}
    response.runner = runner
    look = calls(("read_file", {"path": PRICING}), ("read_blame", {"path": PRICING, "first": 1, "last": 2}))
    result = await hotfix(response, api, look, calls(TEST, ("run_tests", {})), calls(FIX, PROVE), DONE)
    made = response.output("2.1", HotfixOutput)
    fix, tests = made.emergency_fix_code, made.minimal_test_suite
    assert (result.runner, fix.approach, fix.summary) == ("claude", FixApproach.HOTFIX, "Price old carts in euro")
    assert sorted(fix.files) == [PRICING, "tests/test_old.py"]
    assert shop.git("show", f"{fix.commit}:{PRICING}") == GOOD.strip()
    assert shop.git("rev-parse", fix.branch) == fix.commit
    assert [name.rpartition(".")[2] for name in tests.repaired] == ["test_old_cart_has_a_price"]
    assert not tests.newly_failing
    kinds = {item.id: item.kind for item in result.evidence}
    assert tests.before
    assert tests.after
    assert {kinds[tests.before.evidence], kinds[tests.after.evidence], kinds[fix.evidence[0]]} == {"test", "diff"}
    assert any("6 tool calls, 2 files changed" in item.summary for item in result.evidence)
    assert sum(each.input_tokens for each in result.usage) == 4 * 3400
    assert [asked.get("cache_control") for asked in api.asked] == [{"type": "ephemeral"}] * 4
    assert [is_error for _, is_error in answered(api)] == [False] * 6
    assert "Proven: `test_old_cart_has_a_price`" in answered(api)[-1][0]
    response.runner = playbook
    await response.step("2.2")
    tested = await response.step("2.3")
    ready = tested.outputs()["deployment_readiness_confirmation"]
    assert (ready["ready"], ready["commit"]) == (True, fix.commit), ready["reason"]


async def test_calls_that_reach_too_far_are_answered_and_the_work_goes_on(
    response: steps.Response, api: MessagesApi, shop: Shop
) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("bash", {"command": "id"}, "no such tool"),
        ("read_draft", {}, "at the beginning"),
        ("read_file", {"file": PRICING}, "does not fit"),
        ("read_file", {"path": "../shop.log"}, "outside the repository"),
        ("read_file", {"path": "/etc/passwd"}, "outside the repository"),
        ("read_file", {"path": ".git/config"}, "belongs to git"),
        ("read_file", {"path": "link/hosts"}, "symbolic link"),
        ("write_file", {"path": PRICING, "text": "x"}, "exists already"),
        ("write_file", {"path": "tests/conftest.py", "text": "x"}, "decides how tests run"),
        ("write_file", {"path": "db/migrations/1.sql", "text": "x"}, "a person's to decide"),
        ("write_file", {"path": "big.py", "text": "x" * 50_000}, "does not fit"),
        ("replace_in_file", {"path": PRICING, "old": "nothing of it", "new": "x"}, "occurs 0 times"),
        ("replace_in_file", {"path": "keys.py", "old": "API_KEY = [redacted]", "new": "x"}, "stands for a secret"),
        ("read_commit", {"commit": "--output=/tmp/x"}, "does not fit"),
        ("write_file", {"path": "requirements.txt/.", "text": "evil"}, "what is installed"),
    ]
    (shop.repository / "link").symlink_to("/etc")
    shop.released("2", shop.commit("Add a key", {"keys.py": "API_KEY = 'hunter2hunter2'\n"}), minutes_ago=9.5)
    asked = [(name, given) for name, given, _ in wrong]
    read = ("read_file", {"path": "keys.py"})
    work = calls(*asked[:7], read), calls(*asked[7:14], TEST), calls(*asked[14:], read, read, FIX)
    result = await hotfix(response, api, *work, DONE)
    said = answered(api)
    errors = [text for text, is_error in said if is_error]
    reasons = [why for _, _, why in wrong] + ["You asked exactly this before"]
    assert [why for why, text in zip(reasons, errors, strict=True) if why not in text] == []
    assert "API_KEY = [redacted]" in said[7][0]
    assert "hunter2" not in json.dumps(api.asked)
    assert str(shop.repository) not in json.dumps(api.asked)
    assert result.runner == "claude"


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ([TEST], "changes tests or documents alone"),
        ([TEST, ("replace_in_file", {"path": PRICING, "old": "cart['", "new": "cart ['"})], "do not pass with it"),
        (
            [
                FIX,
                (
                    "replace_in_file",
                    {"path": "tests/test_carts.py", "old": "    def test_new", "new": "    def no_new"},
                ),
                TEST,
                ("replace_in_file", {"path": PRICING, "old": "'EUR')", "new": "'EUR') if not cart else 'EUR'"}),
            ],
            "`test_new_cart_has_a_price` no longer counts",
        ),
        (
            [
                ("write_file", {"path": "tests/test_old.py", "text": NEW_TEST.replace("'EUR')", "'EUR') if 0 else 0")}),
                ("replace_in_file", {"path": PRICING, "old": "def total", "new": "# carts\ndef total"}),
            ],
            "No test fails without the fix",
        ),
    ],
    ids=["tests-alone", "no-repair", "a-test-taken-away", "a-test-that-cannot-fail"],
)
async def test_what_the_proof_does_not_carry_is_not_offered(
    response: steps.Response, api: MessagesApi, shop: Shop, edits: list[Any], why: str
) -> None:
    fault = await refused(response, api, calls(*edits), DONE)
    assert f"Claude's fix was not taken: {why}" in fault.message or why in fault.message
    assert "git switch" in fault.remedy
    assert len(fault.usage) == 2
    assert shop.git("rev-parse", "hotfix/inc-7") == shop.git("rev-parse", "main")


async def test_an_endless_loop_and_an_api_that_fails_end_with_what_was_proven_by_then(
    response: steps.Response, api: MessagesApi, shop: Shop
) -> None:
    look = ("search", {"text": "currency"})
    fault = await refused(response, api, calls(look))
    assert "8 of its tool calls in a row came to nothing" in fault.message
    busy = error(500, "api_error", **{"retry-after-ms": "1"})
    fault = await refused(response, api, calls(FIX), busy)
    assert "it did not end its work (the API answered 500 api_error)" in fault.message
    again = {"path": PRICING, "old": "'EUR')", "new": "'EURO')"}
    back = again | {"old": again["new"], "new": again["old"]}
    work = calls(FIX, TEST, PROVE), calls(("replace_in_file", again), PROVE), calls(("replace_in_file", back))
    result = await hotfix(response, api, *work, busy)
    assert result.runner == "claude"
    fix = response.output("2.1", HotfixOutput).emergency_fix_code
    assert shop.git("show", f"{fix.branch}:{PRICING}") == GOOD.strip()
    assert shop.git("rev-parse", fix.branch) == fix.commit
    assert any("taken as it was proven, although it did not end" in note for note in result.notes)


async def test_a_stop_in_the_middle_ends_the_work_at_once_and_leaves_no_worktree(
    response: steps.Response, api: MessagesApi, shop: Shop
) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_asked: dict[str, Any]) -> Any:
        loop.call_soon_threadsafe(asked.set)
        return calls(("run_tests", {}))(_asked)

    slow = TEST[1]["text"].replace("self.assert", "import time; time.sleep(600); self.assert")
    work = asyncio.create_task(
        hotfix(response, api, calls(("write_file", {"path": "tests/test_old.py", "text": slow})), hang)
    )
    await asked.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert len(shop.git("worktree", "list").splitlines()) == 1


async def test_in_a_bug_it_writes_each_repositorys_fix_and_a_plan_to_undo_stays_with_the_rules(
    claude: Any, api: MessagesApi, shop: Shop, tmp_path: Path
) -> None:
    playbook, runner = claude
    bug = Bug(playbook, shop.service(), tmp_path / "work")
    await bug.until("decomposition")
    bug.runner = runner
    api.answers = [calls(TEST, FIX), DONE]
    made = await bug.run("implementation")
    assert (made.result, made.summary) == (ImplementationState.COMPLETE, "Price old carts in euro")
    assert made.tests.test_files == ["tests/test_old.py"]
    bug.runner = playbook
    assert (await bug.run("code-review")).verdict.value == "approved"
