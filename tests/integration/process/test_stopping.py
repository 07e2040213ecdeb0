"""SIGTERM drains: what is under way is finished and stored, what is not is given back, nothing is done twice."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault
from tests.integration.delivery.conftest import TOKEN
from tests.integration.process.sitrep import APP_TOKEN, Probe, command, workspace
from tests.processes import free_port

pytestmark = pytest.mark.long

_ON_ITS_WAY = "SELECT 1 FROM outbox WHERE action = 'post' AND"
_SLOW = 2.0  # seconds that Slack takes with a message; shorter than what is waited for


def _variables(slack: Any, data: Path) -> tuple[str, dict[str, str]]:
    address = f"127.0.0.1:{free_port()}"
    return address, {
        "SLACK_BOT_TOKEN": TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_API_URL": slack.api_url,
        "SITREP_DATA": str(data),
        "SITREP_HTTP": address,
        "SITREP_LOG": "json",
    }


def _rows(data: Path, question: str) -> list[Any]:
    connection = sqlite3.connect(data / "sitrep.db")
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


async def _until(test: Callable[[], bool], timeout: float) -> None:
    async with asyncio.timeout(timeout):
        while not test():  # noqa: ASYNC110 - the other process tells nobody
            await asyncio.sleep(0.02)


async def test_calls_under_way_are_finished_and_stored(tmp_path: Path) -> None:
    async with workspace() as slack, Person(slack.url, "U0AVA") as ava:
        address, variables = _variables(slack, tmp_path)
        async with command("serve", **variables) as process:
            probe = Probe(address)
            await probe.ready(30)
            await slack.request_faults(Fault(method="chat.postMessage", kind="latency", seconds=_SLOW))
            await ava.command("/incident", "checkout returns 500s")
            await ava.submit(await ava.wait_for_view())
            await _until(lambda: bool(_rows(tmp_path, f"{_ON_ITS_WAY} state = 'sending'")), 20)
            process.send_signal(signal.SIGTERM)
            _, err = await process.communicate()
            await probe.aclose()
        assert process.returncode == 0
        assert b"Traceback" not in err
        assert _rows(tmp_path, "SELECT key FROM outbox WHERE state = 'sending'") == []
        [[card]] = _rows(tmp_path, "SELECT count(*) FROM outbox WHERE key = 'inc-1:card' AND state = 'done'")
        assert card == 1
        assert _rows(tmp_path, "SELECT name FROM step WHERE state = 'running'") == []
        posted = [entry for entry in slack.core.calls.entries() if entry["method"] == "chat.postMessage"]
        [[stored]] = _rows(
            tmp_path,
            "SELECT count(*) FROM outbox WHERE action IN ('post', 'direct') AND state = 'done'",
        )
        assert stored == len(posted)
        logged = [json.loads(line) for line in err.splitlines()]
        told = {(each["incident"], each["key"]) for each in logged if each["event"] == "notice"}
        assert {("inc-1", "inc-1:card"), ("inc-1", "inc-1:room")} <= told


async def test_the_next_process_takes_up_what_was_given_back(tmp_path: Path) -> None:
    async with workspace() as slack, Person(slack.url, "U0AVA") as ava:
        address, variables = _variables(slack, tmp_path)
        async with command("serve", **variables) as process:
            probe = Probe(address)
            await probe.ready(30)
            await ava.command("/incident", "checkout returns 500s")
            await ava.submit(await ava.wait_for_view())
            await ava.wait_for_channel(lambda each: each["name"].startswith("inc-"))
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            await probe.aclose()
        async with command("serve", **variables) as process:
            probe = Probe(address)
            await probe.ready(30)
            waiting = "SELECT 1 FROM outbox WHERE state IN ('pending', 'sending') AND lane < 3"
            await _until(lambda: not _rows(tmp_path, waiting), 30)
            await probe.aclose()
        made = [entry for entry in slack.core.calls.entries() if entry["method"] == "conversations.create"]
        assert len(made) == 1
