"""A process that starts while Slack is away keeps every promise that does not need Slack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr
from slack_sdk.errors import SlackClientError

from bot import bootstrap
from bot.bootstrap import Running
from bot.settings import Settings
from bot.slack_client import SlackLine
from bot.workspace.rules.faults import Fault
from bot.workspace.server import Workspace
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.service import declare
from incidents.service.declare import Declaration
from tests.integration.outage.conftest import TOKEN, Mailbox, configuration

pytestmark = pytest.mark.long

SITREP = """
people:
  ana: {name: Ana, email: ana@example.com}
  bo: {name: Bo, email: bo@example.com}
audiences:
  on_call_engineer: [ana]
  team_lead: [bo]
while_slack_is_away: {page_after: 1s, notice_after: 1s}
"""


@asynccontextmanager
async def serving(workspace: Workspace, path: Path, port: int = 25) -> AsyncIterator[Running]:
    (path / "sitrep.yml").write_text(SITREP)
    env = Settings(
        slack_bot_token=SecretStr(TOKEN),
        slack_api_url=workspace.api_url,
        smtp_url=SecretStr(f"smtp://127.0.0.1:{port}"),
        config=path,
        data=path,
    )
    async with SlackLine(TOKEN, workspace.api_url) as line:
        running = await bootstrap.build(env, SystemClock(), line)
        await running.start()
        try:
            yield running
        finally:
            await running.stop()


async def declared(running: Running) -> None:
    async with running.ctx.store.transaction() as tx:
        said = Declaration(title="Checkout returns 500s", severity=Severity.CRITICAL, reporter="U0REP")
        await declare.declare(tx, running.ctx, said)


async def test_people_are_paged_by_mail_by_a_process_that_never_saw_slack(tmp_path: Path) -> None:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    mail = await loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
    async with Workspace(configuration()) as workspace:
        async with serving(workspace, tmp_path) as running:
            assert running.ctx.settings.people["ana"].slack == "U0ANA"
        await workspace.request_faults(Fault(method="*", kind="5xx"))
        async with serving(workspace, tmp_path, mail.sockets[0].getsockname()[1]) as running:
            assert running.ctx.settings.people["ana"].slack == "U0ANA"
            await declared(running)
            async with asyncio.timeout(20):
                while not (box.to("ana", "PAGE") and box.to("bo")):  # noqa: ASYNC110 - a mailbox tells nobody
                    await asyncio.sleep(0.05)
        assert box.twice == []
    mail.close()
    await mail.wait_closed()


async def test_a_first_start_waits_for_slack_to_say_who_people_are(tmp_path: Path) -> None:
    async with Workspace(configuration()) as workspace:
        await workspace.request_faults(Fault(method="*", kind="5xx"))
        with pytest.raises(SlackClientError):
            async with serving(workspace, tmp_path):
                pass
