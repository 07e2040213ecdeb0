"""Claude looks for the cause itself: it reads the repository, and what it names is looked up before anybody sees it."""

import json
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer

from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.investigator import PROMPTS, Investigator
from incidents.agents.outputs import RootCauseOutput
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.routing import ByPrompt
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from tests.integration.agents import steps
from tests.integration.agents.messages_api import MessagesApi, calls, message
from tests.integration.agents.shop import BAD, PRICING, TRACEBACK, Shop


def runner_of(api: MessagesApi, playbook: PlaybookRunner) -> ClaudeRunner:
    texts = {f"{name}.md": "Find it." for name in PROMPTS}
    return ClaudeRunner(playbook, prompt_texts=texts, api_key="test", budget=Budget(9.0), base_url=api.url)


async def test_claude_reads_for_itself_and_what_does_not_exist_is_struck_out(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    shop, api = Shop(tmp_path), MessagesApi(httpserver)
    shop.commit("Keep rates", {"shop/rates.csv": "1.0842,EUR,USD\n" * 300_000})  # more than git is let answer at once
    first = shop.commit("Begin", {PRICING: BAD})
    shop.released("1", first, minutes_ago=10)
    shop.logged(f"unhandled\n{TRACEBACK}", minutes_ago=9, times=12, level="ERROR")
    look = ("read_file", {"path": PRICING})
    api.answers = [calls(look, ("read_commit", {"commit": first[:12]})), lambda asked: answer(asked)(asked)]

    def answer(asked: dict[str, Any]) -> Any:
        draft = json.loads(asked["messages"][2]["content"][3]["content"])["data"]
        read = json.loads(asked["messages"][4]["content"][0]["content"])["data"]
        assert "cart['currency']" in read["answer"]
        cause = draft["preliminary_root_cause"]
        cause |= {"commit": "deadbee", "file": PRICING, "line": 2, "summary": "Carts without a currency are read"}
        cause["claims"] = [
            {
                "text": f"`total()` reads the currency at `{PRICING}:2`",
                "verdict": "likely",
                "evidence": [read["evidence"]],
            },
            {"text": "`shop/pricing.py:99` is wrong", "verdict": "likely", "evidence": [read["evidence"]]},
            {"text": "Nobody showed this", "verdict": "likely", "evidence": ["E999999"]},
        ]
        supposed = {"state": "open", "reason": "it stands there", "refuted_by": "a run", "evidence": [read["evidence"]]}
        draft["investigation_priorities"] = [
            {"statement": f"`{PRICING}:2` expects a currency", **supposed},
            {"statement": "`shop/rates.csv:9` rounds wrongly", **supposed},
            {"statement": "`convert()` was removed", **supposed},
        ]
        return message(json.dumps(draft))

    playbook = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    claude = runner_of(api, playbook)
    runner = FallbackRunner(ByPrompt(claude, dict.fromkeys(PROMPTS, Investigator(claude, playbook))), playbook)
    response = steps.Response(runner, shop.service(), tmp_path / "work")
    result = await response.step("1.3")
    await claude.aclose()
    found = response.output("1.3", RootCauseOutput)
    cause = found.preliminary_root_cause
    assert result.runner == "claude", result.notes
    assert (cause.summary, cause.commit, cause.file, cause.line) == (
        "Carts without a currency are read",
        None,
        PRICING,
        2,
    )
    assert [each.text[:9] for each in cause.claims] == ["`total()`"]
    assert [each.statement for each in found.investigation_priorities] == [f"`{PRICING}:2` expects a currency"]
    assert cause.claims[0].evidence[0] in {item.id for item in result.evidence}
    assert any("`deadbee`, `shop/pricing.py:99`, `shop/rates.csv:9`, `convert`" in note for note in result.notes), (
        result.notes
    )
    assert not {"write_file", "run_tests"} & {tool["name"] for tool in api.asked[0]["tools"]}
    assert len(shop.git("worktree", "list").splitlines()) == 1


async def test_claude_that_cannot_check_the_code_out_says_so_and_judges_what_the_playbook_found(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    shop, api = Shop(tmp_path), MessagesApi(httpserver)
    shop.commit("Begin", {PRICING: BAD})
    work = tmp_path / "work"
    work.mkdir()
    (work / "read-1.3").write_text("in the way")
    api.answers = [lambda asked: message(json.dumps(shown(asked)))(asked)]

    def shown(asked: dict[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(asked["messages"][2]["content"][3]["content"])["data"]
        return data

    playbook = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    claude = runner_of(api, playbook)
    result = await steps.Response(Investigator(claude, playbook), shop.service(), work).step("1.3")
    await claude.aclose()
    assert result.runner == "claude"
    [note] = [note for note in result.notes if "could not read the code itself" in note]
    assert "No worktree can be made in" in note
