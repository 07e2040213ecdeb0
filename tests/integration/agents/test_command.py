"""An external command-line agent as a developer: it edits the worktree, Sitrep commits and proves."""

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from incidents.agents.command import CommandRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.outputs import MODELS
from incidents.agents.planning import ImplementationState
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.routing import ByProvider
from incidents.catalog import CommandAgent, Sandbox
from incidents.clock import SystemClock
from incidents.stages import Provider
from tests.integration.agents.bug import Bug
from tests.integration.agents.shop import GOOD, PRICING, Shop

WRITES = f"""import json, os, pathlib, sys
asked = sys.stdin.read()
assert "untrusted" in asked and "keep the default" in asked, asked[:200]
assert sys.argv[1] == "o3" and os.environ["AGENT_KEY"] == "k-123"
pathlib.Path({PRICING!r}).write_text({GOOD!r})
print("thinking ...", file=sys.stderr)
print(json.dumps({{"summary": "Price old carts in euro"}}))
"""
#: Tries what it may not, and says what worked.
PRIES = f"""import json, os, pathlib, socket, sys
sys.stdin.read()
worked = []
def attempt(name, act):
    try:
        act()
        worked.append(name)
    except OSError:
        pass
attempt("network", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=2).close())
attempt("read", lambda: pathlib.Path(sys.argv[3], "secret").read_text())
attempt("write", lambda: pathlib.Path(__file__).with_name("left").write_text("x"))
attempt("clone", lambda: pathlib.Path(".git").write_text("gitdir: /elsewhere"))
worked += [name for name in ("SLACK_BOT_TOKEN", "AGENT_KEY") if name in os.environ]
pathlib.Path({PRICING!r}).write_text({GOOD!r})
print(json.dumps({{"summary": " ".join(["worked:", *worked])}}))
"""
HANGS = "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\ntime.sleep(600)\n"


UNPROTECTED = Sandbox(mode="none")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.broken()
    return made


def runner_of(
    script: str, tmp_path: Path, playbook: PlaybookRunner, *arguments: str, sandbox: Sandbox = UNPROTECTED
) -> FallbackRunner:
    file = tmp_path / "agent" / "agent.py"
    file.parent.mkdir()
    file.write_text(script)
    agent = CommandAgent(command=(sys.executable, str(file), "{model}", *arguments), reads=(str(file.parent),))
    command = CommandRunner(
        playbook,
        agent,
        prompt_texts={f"{name}.md": f"Do {name}." for name in MODELS},
        settings=sandbox,
        environment={"AGENT_KEY": "k-123"},
    )
    return FallbackRunner(command, playbook, called="The agent")


async def by_hand(shop: Shop, tmp_path: Path, script: str, *arguments: str, sandbox: Sandbox = UNPROTECTED) -> Bug:
    """Return a bug before its implementation by an agent, of a fix that has to be written."""
    playbook = PlaybookRunner(SystemClock(), sandbox=UNPROTECTED)
    agent = runner_of(script, tmp_path, playbook, *arguments, sandbox=sandbox)
    bug = Bug(ByProvider(playbook, playbook, {Provider.COMMAND: agent}), shop.service(), tmp_path / "work")
    await bug.until("diagnosis-consolidation")
    await bug.run("fix-plan", approved=bug.choose(2))
    return bug


async def test_what_an_agent_writes_is_committed_and_proven_by_sitrep(shop: Shop, tmp_path: Path) -> None:
    bug = await by_hand(shop, tmp_path, WRITES)
    step = bug.steps("implementation")[0].model_copy(update={"provider": Provider.COMMAND, "model": "o3"})
    made = await bug.run_step(step, context="From Plan review 1: keep the default")
    assert (made.result, made.summary) == (ImplementationState.COMPLETE, "Price old carts in euro")
    assert [each.rpartition(".")[2] for each in made.tests.passed_with_fix] == ["test_old_cart_has_a_price"]
    assert bug.results[step.name].runner == "command"
    assert shop.git("show", f"{made.commit}:{PRICING}") == GOOD.strip()


async def test_an_agent_reaches_nothing_but_its_worktree_and_without_a_sandbox_it_does_not_begin(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-nobodys")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", unused_tcp_port)
    async with listening:
        bug = await by_hand(shop, tmp_path, PRIES, str(unused_tcp_port), str(outside), sandbox=Sandbox())
        step = bug.steps("implementation")[0].model_copy(update={"provider": Provider.COMMAND})
        made = await bug.run_step(step)
    if shutil.which("bwrap"):
        assert (made.summary, made.result) == ("worked: AGENT_KEY", ImplementationState.COMPLETE)
    else:
        assert bug.results[step.name].runner == "playbook"
        assert any("bubblewrap is not installed" in note for note in bug.results[step.name].notes)
    assert not (tmp_path / "agent" / "left").exists()


async def test_an_agent_that_hangs_is_stopped_with_its_children_and_the_playbook_says_so(
    shop: Shop, tmp_path: Path
) -> None:
    bug = await by_hand(shop, tmp_path, HANGS)
    step = bug.steps("implementation")[0].model_copy(update={"provider": Provider.COMMAND, "model": "o3"})
    request = bug.request(step, deadline=bug.request(step).deadline * 0)
    result = await bug.runner.run(request)
    assert result.runner == "playbook"
    assert any("did not end within 1 s and was stopped" in note for note in result.notes)


async def test_a_provider_that_is_not_configured_is_the_playbooks_part(shop: Shop, tmp_path: Path) -> None:
    playbook = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    bug = Bug(ByProvider(playbook, playbook, {}), shop.service(), tmp_path / "work")
    step = bug.steps("triage-check")[0].model_copy(update={"provider": Provider.CLAUDE})
    await bug.run_step(step)
    assert "The provider `claude` is not configured here; the playbook stepped in." in bug.results[step.name].notes
