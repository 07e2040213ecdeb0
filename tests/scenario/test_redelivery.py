"""What Slack sends twice counts once."""

from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from sqlmodel import func, select

from incidents import records
from incidents.events import EventKind
from tests.scenario.office import Office, eventually


async def notes(office: Office) -> int:
    async with office.ctx.store.read() as session:
        found = await session.scalar(
            select(func.count()).select_from(records.Event).where(records.Event.kind == EventKind.NOTE)
        )
        return int(found or 0)


async def deliver(office: Office, body: dict[str, Any]) -> int:
    """Give the app a payload as Socket Mode does; returns the status of its ack."""
    answer = await office.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    await office.app.drain()
    return int(answer.status)


async def test_a_command_delivered_twice_is_carried_out_once(office: Office) -> None:
    channel = await office.declare(office.dee)
    before = await notes(office)
    body = {
        "command": "/incident",
        "text": "note the pool is fine",
        "user_id": "U05DEE",
        "channel_id": channel,
        "trigger_id": "1.1.same",
        "team_id": "T1",
    }
    assert await deliver(office, body) == 200
    assert await deliver(office, body) == 200
    assert await notes(office) == before + 1


async def test_an_event_delivered_twice_is_heard_once(office: Office) -> None:
    channel = await office.declare(office.dee)
    said = await office.dee.post(channel, "the vendor confirms")
    before = await notes(office)
    item = {"type": "message", "channel": channel, "ts": said["ts"]}
    event = {"type": "reaction_added", "user": "U01ANA", "reaction": "pushpin", "item": item, "event_ts": "1.2"}
    body = {"type": "event_callback", "event_id": "EvSAME", "team_id": "T1", "event": event}
    assert [await deliver(office, body) for _ in range(3)] == [200, 200, 200]
    assert await notes(office) == before + 1


async def test_a_home_opened_twice_is_drawn(office: Office) -> None:
    event = {"type": "app_home_opened", "user": "U02BO", "channel": "D1", "tab": "home"}
    body = {"type": "event_callback", "event_id": "EvHOME", "team_id": "T1", "event": event}
    assert [await deliver(office, body) for _ in range(2)] == [200, 200]
    await eventually(lambda: _homes(office))


async def _homes(office: Office) -> bool:
    async with office.ctx.store.read() as session:
        rows = await session.scalars(select(records.Outbox).where(records.Outbox.surface == "home"))
        return [row.state for row in rows.all()] == ["done"]


async def test_an_event_whose_work_fails_is_not_acked_and_works_when_it_comes_again(office: Office) -> None:
    channel = await office.declare(office.dee)
    said = await office.dee.post(channel, "the vendor confirms")
    before = await notes(office)
    item = {"type": "message", "channel": channel, "ts": said["ts"]}
    event = {"type": "reaction_added", "user": "U01ANA", "reaction": "pushpin", "item": item, "event_ts": "1.2"}
    body = {"type": "event_callback", "event_id": "EvAGAIN", "team_id": "T1", "event": event}
    token, office.app.desk.client.token = office.app.desk.client.token, "xoxb-revoked"
    assert await deliver(office, body) == 500
    office.app.desk.client.token = token
    assert await deliver(office, body) == 200
    assert await notes(office) == before + 1
