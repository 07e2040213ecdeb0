"""Secrets in what agents, tools, servers and models say reach nobody: no message, log, prompt, metric, row or paper."""

import asyncio
import gzip
import json
import logging
from functools import partial
from pathlib import Path

import prometheus_client
import pytest
import structlog
from pytest_httpserver import HTTPServer
from sqlmodel import select

from bot import logs
from bot.settings import Settings
from escalation.roads import Later, Letter, Mailer
from incidents import backup, records
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.budget import Budget
from incidents.agents.claude import ClaudeRunner
from incidents.agents.fallback import FallbackRunner
from incidents.agents.outputs import MODELS
from incidents.errors import StepFailed
from incidents.tools.evidence import EvidenceKind, capture
from tests.clock import START
from tests.integration.agents.messages_api import MessagesApi, message
from tests.scenario.office import Office, PlayedAgents, eventually, opened, text_of
from tests.unit.views import samples

MAIL, DATABASE = "ma1lp@ss", "dbpassw0rd"
ENVIRONMENT = {
    "SMTP_URL": "smtp://sitrep:ma1lp%40ss@127.0.0.1:1",
    "DATABASE_URL": f"postgresql://db/sitrep?user=sitrep&password={DATABASE}",
}
#: What stands in logs, repositories, outputs of commands and answers, by its looks alone -> what nobody may read.
PLANTED = {
    "xoxb-123456789012-abcdefABCDEF": "xoxb-1234",
    "xapp-1-A0123-456-abcdef012345": "xapp-1-A0",
    "sk-ant-api03-abcdefghijkl": "sk-ant-api",
    "ghp_" + "a1" * 18: "ghp_a1a1",
    "AKIAIOSFODNN7EXAMPLE": "AKIAIOS",
    "https://ci:g1tpassw0rd@git.local/shop": "g1tpassw0rd",
    "redis://:r3dispass@cache/0": "r3dispass",
    f"postgresql://sitrep:{DATABASE}@db/sitrep": DATABASE,
}
LEAK = " ".join(PLANTED)


def found_in(text: str) -> list[str]:
    return [word for word in (*PLANTED.values(), MAIL) if word in text]


class Talkative(PlayedAgents):
    """Agents that repeat every secret they come across, in all they bring, and when they fail."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = {"1.2"}
        self._found = {type(each): each for each in samples.every_output(LEAK)}

    async def run(self, request: StepRequest) -> StepResult:
        try:
            await super().run(request)
        except StepFailed as fault:
            raise StepFailed(f"git said: {LEAK}", remedy=f"Look at {LEAK}") from fault
        seen = capture(EvidenceKind.DEPLOY, "deploy", LEAK, summary=LEAK[:300], captured_at=START, command=("sh", LEAK))
        model = MODELS[request.step.prompt.removesuffix(".md")]
        return StepResult(self._finding(model), LEAK[:200], (seen,), self.name, notes=(f"It said {LEAK}",))


async def test_what_agents_repeat_reaches_neither_people_nor_prompts_nor_rows(
    tmp_path: Path, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    api, agents = MessagesApi(httpserver), Talkative()
    api.answers = [message(f"I cannot say, but here is what I saw: {LEAK}")]
    claude = ClaudeRunner(agents, prompt_texts={f"{name}.md": "Do it." for name in MODELS}, api_key="test",
                          budget=Budget(1e9), base_url=api.url)  # fmt: skip
    async with opened(tmp_path, "dee", "ana", "bo", runner=FallbackRunner(claude, agents)) as office:
        channel = await office.declare(office.dee)
        await office.ana.command("/incident", "inc-1 ack")
        for step in ("1.2 System Stabilization failed", "1.3 Root Cause Investigation"):
            await office.ana.wait_for_message(channel, lambda row, step=step: step in text_of(row))
        await eventually(lambda: failed(office))
        await office.ana.command("/incident", "resolve Rolled back by hand", channel)
        await office.ana.wait_for_message(channel, lambda row: "What went badly" in text_of(row))
        said = [await office.ana.replies(channel, row["ts"]) for row in await office.ana.messages(channel)]
        shown = {
            "messages": json.dumps(said),
            "calls": json.dumps(office.workspace.core.calls.entries(), default=str),
            "prompts": json.dumps(api.asked),
            "metrics": prometheus_client.generate_latest().decode(),
            "log": caplog.text,
        }
        await backup.dump(office.ctx.store, tmp_path / "all.jsonl.gz")
        shown["rows"] = gzip.decompress((tmp_path / "all.jsonl.gz").read_bytes()).decode()
    await claude.aclose()
    assert len(api.asked) >= 3
    assert "[redacted]" in shown["messages"]
    assert {name: found_in(text) for name, text in shown.items() if found_in(text)} == {}


async def failed(office: Office) -> bool:
    async with office.ctx.store.read() as session:
        return bool(await session.scalar(select(records.Step).where(records.Step.state == "failed")))


def test_no_line_of_the_log_holds_one_whichever_way_it_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for style in ("json", "console"):
        logs.configure(style, Settings().secrets)
        try:
            structlog.get_logger("sitrep").warning("said", words=LEAK, password=MAIL)
            typed = "what somebody typed into a private incident"
            try:
                int(f"{LEAK} {MAIL} {DATABASE}")
            except ValueError:
                logging.getLogger("sitrep").exception("It broke: %s", LEAK)
        finally:
            logging.getLogger().handlers = []
            structlog.reset_defaults()
        lines = capsys.readouterr().err
        assert "It broke" in lines
        assert found_in(lines) == []
        assert typed not in lines  # the value of a variable
        if style == "json":
            assert [json.loads(line) for line in lines.splitlines()]


async def _repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event) -> None:
    """Be a mail server that says the password which it does not take, until the client has gone."""
    writer.write(b"220 mail\r\n")
    while line := await reader.readline():
        login = b"535 5.7.8 no such password: " + MAIL.encode() + b"\r\n"
        writer.write(b"250-mail\r\n250 AUTH PLAIN\r\n" if line.startswith(b"EHLO") else login)
        await writer.drain()
    writer.close()
    await writer.wait_closed()
    gone.set()


async def test_a_mail_server_that_repeats_the_password_is_quoted_without_it() -> None:
    gone = asyncio.Event()
    server = await asyncio.start_server(partial(_repeat, gone=gone), "127.0.0.1", 0)
    letter = Letter(key="k", to=("dee@example.com",), subject="x", body="y", at=START, thread="t", urgent=False)
    mailer = Mailer(f"smtp://sitrep:ma1lp%40ss@127.0.0.1:{server.sockets[0].getsockname()[1]}?tls=never")
    async with server:
        with pytest.raises(Later) as refused:
            await mailer.send(letter)
        await gone.wait()
    assert "does not take the password" in str(refused.value)
    assert MAIL not in str(refused.value)
