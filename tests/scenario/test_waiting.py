"""When Slack makes no more channels for a moment, the reporter reads where the incident stands."""

from collections.abc import Collection
from typing import Any

import pytest

from bot.delivery.pace import Pace
from incidents.definitions import Severity
from incidents.service.declare import Declaration, declare
from tests.scenario.office import PEOPLE, Office, text_of

_BEFORE = 3  # incidents that are worse


async def test_reporter_reads_their_place_in_line_and_then_the_channel(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait, used_up = Pace.wait, True

    def busy(pace: Pace, methods: Collection[str], channel: str, now: float, **more: Any) -> float:
        return 1.0 if used_up and "conversations.create" in methods else wait(pace, methods, channel, now, **more)

    monkeypatch.setattr(Pace, "wait", busy)
    for number in range(_BEFORE):
        async with office.ctx.store.transaction() as tx:
            title = f"Trouble of sort {number}"
            await declare(tx, office.ctx, Declaration(title=title, severity=Severity.CRITICAL, reporter=PEOPLE["ana"]))
    await office.dee.command("/incident", "Nothing works any more")
    await office.dee.submit(await office.dee.wait_for_view())
    waiting = await office.dee.wait_for_view(lambda view: "in line for a channel" in text_of(view))
    assert f"number {_BEFORE + 1} in line" in text_of(waiting)
    assert "Pages are" in text_of(waiting)
    used_up = False
    linked = await office.dee.wait_for_view(lambda view: "Go to" in text_of(view), timeout=20)
    await office.dee.close(linked)
