"""Many incidents at once, with Slack's limits on: pages first, channels for the most severe, and never too fast."""

import asyncio
import dataclasses
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from bot import bootstrap
from bot.delivery.pace import Pace
from bot.surfaces import registry
from bot.workspace.config import LimitConfig
from bot.workspace.server import Workspace
from escalation.timers import Timers
from incidents import outbox, outbox_queries, records, sending
from incidents.catalog import Person, Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.notices import Action, Lane, Notice, Road
from incidents.service.declare import Declaration, declare
from tests.integration.delivery.conftest import Post, configuration, note, posting

#: Twice what Slack allows, and twice what is used of it, at once and a second: the test is over in half the time.
_SHARE = 2.0
_PAGED_WITHIN = timedelta(seconds=10)  #: as promised; that one person is paged ten times takes two of them
_UNDER_WAY = timedelta(seconds=0.5)  #: in which what was chosen before a declaration has begun
_STORM = (*[Severity.LOW] * 12, *[Severity.HIGH] * 10, *[Severity.CRITICAL] * 3)


@pytest.fixture
def on_call(ctx: Context) -> Context:
    settings = Settings(
        people={name: Person(key=name, name=name, slack=f"U0{name.upper()}") for name in ("ava", "ben")},
        audiences={"on_call_engineer": ("ava",), "assigned_engineer": ("ben",), "team_lead": ("ben",)},
    )
    found = dataclasses.replace(ctx, settings=settings)
    bootstrap.listen(found, Timers(), frozenset({Road.SLACK}))
    return found


async def _declared(ctx: Context, severity: Severity, number: int) -> records.Incident:
    async with ctx.store.transaction() as tx:
        return await declare(
            tx, ctx, Declaration(title=f"Trouble number {number}", severity=severity, reporter="U0AVA")
        )


async def test_storm_pages_in_time_and_is_never_too_fast_for_slack(on_call: Context) -> None:
    limits = LimitConfig(enabled=True, scale=_SHARE)
    async with Workspace(configuration(limits=limits)) as workspace, posting(workspace, on_call) as post:
        post.deliverer(draw=registry.draw, limits=Pace(share=_SHARE)).start()
        declared = [await _declared(on_call, severity, number) for number, severity in enumerate(_STORM)]
        rows = {incident.key: await post.wait(f"{incident.key}:room", timeout=40) for incident in declared}
        # The page of the incident declared last may be on its way when its room is there.
        pages = await _pages(on_call, declared)
        async with asyncio.timeout(_PAGED_WITHIN.total_seconds()):
            while any(sent != planned for sent, planned in pages):
                await asyncio.sleep(0.05)
                pages = await _pages(on_call, declared)
        async with on_call.store.read() as session:
            lanes = set((await session.execute(select(records.Outbox.action, records.Outbox.lane))).all())
            row = records.Outbox
            sent = (await session.scalars(select(row).where(row.lane == Lane.PAGE.value, row.state == "done"))).all()
        assert sum(planned for _, planned in pages) >= 13
        assert {row.after_key for row in sent} == {""}  # a page waits for no channel
        assert max(_sent_at(row) - row.created_at for row in sent) < _PAGED_WITHIN
        assert {lane for action, lane in lanes if action in ("set_topic", "pin")} == {Lane.CHATTER}  # decoration: last
        errors = Counter(call["error"] for call in post.calls())
        assert "ratelimited" not in errors, errors
    # The most severe were declared last, when Slack's burst was used up, and wait for nobody who was there before.
    worst = [rows[each.key] for each in declared if each.severity is Severity.CRITICAL]
    others = [rows[each.key] for each in declared if each.severity is not Severity.CRITICAL]
    began_first = [
        (one.key, other.key)
        for one in worst
        for other in others
        if one.created_at + _UNDER_WAY < _begun_at(other) < _begun_at(one)
    ]
    assert began_first == []


async def _pages(ctx: Context, declared: list[records.Incident]) -> list[tuple[int, int]]:
    async with ctx.store.read() as session:
        return [await outbox_queries.pages_out(session, incident) for incident in declared]


def _sent_at(row: records.Outbox) -> datetime:
    assert row.sent_at is not None
    return row.sent_at


def _begun_at(row: records.Outbox) -> datetime:
    assert row.first_tried_at is not None
    return row.first_tried_at


async def test_room_of_the_worst_incident_is_made_first(post: Post) -> None:
    incidents = [await post.incident(severity=severity) for severity in reversed(Severity)]
    for incident in incidents:
        await post.put(
            incident,
            Notice(
                key=f"{incident.key}:room",
                lane=Lane.ROOM,
                action=Action.CREATE_CHANNEL,
                params={"name": incident.severity.value, "private": False},
            ),
        )
    async with post.ctx.store.read() as session:
        places = [await outbox_queries.place_in_line(session, each, Action.CREATE_CHANNEL) for each in incidents]
    assert places == [4, 3, 2, 1]
    async with post.ctx.store.transaction() as tx:
        first, *_ = await sending.candidates(tx, 10, roads=frozenset(Road))
    assert first.incident_id == incidents[-1].id
    post.deliverer().start()
    for incident in incidents:
        await post.wait(f"{incident.key}:room")
    async with post.ctx.store.read() as session:
        assert await outbox_queries.place_in_line(session, incidents[0], Action.CREATE_CHANNEL) == 0


async def test_decision_and_the_begin_of_its_notices_are_one_transaction(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(None, note("first", target=f"channel:{incident.channel}"))
    await post.wait("first")
    async with post.ctx.store.transaction() as tx:
        await outbox.put(tx, incident.number, note("n"))
    assert (await post.row("n")).state in ("sending", "done")


async def test_decision_that_fails_sends_nothing(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("first"))
    await post.wait("first")
    with pytest.raises(ZeroDivisionError):
        await _decide_and_fail(post, incident)
    await post.put(incident, note("last"))
    await post.wait("last")
    assert await post.texts(incident.channel) == ["first", "last"]


async def _decide_and_fail(post: Post, incident: records.Incident) -> None:
    async with post.ctx.store.transaction() as tx:
        await outbox.put(tx, incident.number, note("n"))
        raise ZeroDivisionError


async def test_fault_of_delivery_undoes_no_decision(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    incident = await post.room()
    deliverer = post.deliverer()
    deliverer.start()
    await post.put(incident, note("first"))
    await post.wait("first")
    choose, faults = deliverer._chooser.choose, [RuntimeError("a fault of ours")]

    async def faulty(*arguments: object, **more: object) -> object:
        if faults:
            raise faults.pop()
        return await choose(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(deliverer._chooser, "choose", faulty)
    await post.put(incident, note("n"))
    await post.wait("n")
