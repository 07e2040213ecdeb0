"""What Slack sends twice, late, in another order, or again after a restart counts once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from sqlmodel import func, select

from bot.app import App, create_app
from bot.slack_client import SlackLine
from bot.workspace.rules.faults import Fault, FaultKind
from incidents import records
from incidents.events import EventKind
from incidents.service import queries
from tests.scenario.office import Office, opened


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path, "dee", "ana") as running:
        yield running


async def count(office: Office, kind: EventKind) -> int:
    async with office.ctx.store.read() as session:
        found = await session.scalar(select(func.count()).select_from(records.Event).where(records.Event.kind == kind))
        return int(found or 0)


async def deliver(app: App, body: dict[str, Any]) -> int:
    """Give the app a payload as Socket Mode does; returns the status of its ack."""
    answer = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    await app.drain()
    return int(answer.status)


def command(channel: str, text: str, trigger: str) -> dict[str, Any]:
    return {
        "command": "/incident",
        "text": text,
        "user_id": "U05DEE",
        "channel_id": channel,
        "trigger_id": trigger,
        "team_id": "T1",
    }


def pin(channel: str, ts: str, event_id: str) -> dict[str, Any]:
    item = {"type": "message", "channel": channel, "ts": ts}
    event = {"type": "reaction_added", "user": "U01ANA", "reaction": "pushpin", "item": item, "event_ts": ts}
    return {"type": "event_callback", "event_id": event_id, "team_id": "T1", "event": event}


async def test_what_was_taken_in_before_a_restart_changes_nothing_when_it_comes_again(office: Office) -> None:
    channel = await office.declare(office.dee)
    said = await office.dee.post(channel, "the vendor confirms")
    bodies = [
        command(channel, "note the pool is fine", "1.1.same"),
        command(channel, "severity high the pool holds", "1.2.same"),
        pin(channel, said["ts"], "EvSAME"),
    ]
    assert [await deliver(office.app, body) for body in bodies] == [200, 200, 200]
    notes, changes = await count(office, EventKind.NOTE), await count(office, EventKind.SEVERITY_CHANGED)
    async with SlackLine("xoxb-sitrep", office.workspace.api_url) as line:
        restarted = create_app(office.ctx, line)
        assert [await deliver(restarted, body) for body in reversed(bodies)] == [200, 200, 200]
    assert (await count(office, EventKind.NOTE), await count(office, EventKind.SEVERITY_CHANGED)) == (notes, changes)


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.DROP_BEFORE])
async def test_a_message_is_put_on_the_timeline_though_slack_gives_neither_link_nor_tick(
    office: Office, kind: FaultKind
) -> None:
    channel = await office.declare(office.dee)
    said = await office.dee.post(channel, "the vendor confirms")
    before = await count(office, EventKind.NOTE)
    methods = ("chat.getPermalink", "reactions.add")
    await office.workspace.request_faults(*(Fault(method=method, kind=kind, times=1) for method in methods))
    assert await deliver(office.app, pin(channel, said["ts"], f"Ev{kind}")) == 200
    assert await count(office, EventKind.NOTE) == before + 1
    assert office.workspace.core.faults.wanted() == []


async def test_one_payload_given_to_two_processes_at_once_is_taken_in_by_one(office: Office) -> None:
    channel = await office.declare(office.dee)
    before = await count(office, EventKind.NOTE)
    async with SlackLine("xoxb-sitrep", office.workspace.api_url) as line:
        other = create_app(office.ctx, line)
        body = command(channel, "note the pool is fine", "1.1.both")
        assert await asyncio.gather(*(deliver(app, body) for app in (office.app, other, office.app))) == [200] * 3
    assert await count(office, EventKind.NOTE) == before + 1


async def test_events_in_another_order_stand_in_the_timeline_where_they_happened(office: Office) -> None:
    channel = await office.declare(office.dee)
    first = await office.dee.post(channel, "first the pool ran full")
    second = await office.dee.post(channel, "then checkout failed")
    await deliver(office.app, pin(channel, second["ts"], "EvTWO"))
    await deliver(office.app, pin(channel, first["ts"], "EvONE"))
    await deliver(office.app, pin(channel, second["ts"], "EvTWO"))
    async with office.ctx.store.read() as session:
        incident = await office.incident()
        events = await queries.events(session, incident.number)
    said = [str(event.data["text"]) for event in events if event.kind is EventKind.NOTE and event.data.get("link")]
    assert said == ["first the pool ran full", "then checkout failed"]
