"""The traps are set where the product goes by."""

from datetime import UTC, datetime

import aiohttp
import aiosmtplib
import httpx
import pytest
from slack_sdk.web.async_base_client import AsyncBaseClient

from escalation.roads import Letter, Mailer
from tests.torture import launcher
from tests.torture.outside import MailServer
from tests.torture.points import Kill, Point


async def test_process_is_killed_when_it_has_read_that_a_letter_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = (
        (aiohttp.ClientSession, "__init__"),
        (aiosmtplib.SMTP, "send_message"),
        (AsyncBaseClient, "api_call"),
        (httpx.AsyncClient, "post"),
    )
    for owner, name in watched:
        monkeypatch.setattr(owner, name, getattr(owner, name))  # as it was, when the test is over
    killed: list[int] = []
    async with MailServer(lambda: 0.0) as mail:
        monkeypatch.setattr(launcher, "die", lambda: killed.append(len(mail.letters)))
        launcher.watch_calls(launcher.Trap(Kill(Point.ANSWERED, "^mail$")))
        at = datetime(2026, 1, 1, tzinfo=UTC)
        await Mailer(mail.url).send(Letter("inc-1:mail", ("ana@example.com",), "Paged", "Wake up", "inc-1", at))
    assert killed == [1]
