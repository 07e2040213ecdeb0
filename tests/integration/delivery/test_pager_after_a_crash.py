"""A call that may have reached the pager is ended there, whatever broke while it was made."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from bot.delivery.outside import PagerRoad
from escalation import planning
from escalation.roads import Pager
from escalation.timers import Timers
from incidents import records, sending
from incidents.notices import Action, Lane, Notice, Road
from incidents.service import resolve, respond
from tests.integration.delivery.conftest import Post
from tests.torture.outside import PagerServer


@pytest.fixture
async def pager(post: Post) -> AsyncIterator[PagerServer]:
    async with PagerServer(lambda: post.clock.now().timestamp()) as server:
        yield server


def event(action: str, **changes: object) -> Notice:
    params = {"audience": "on_call_engineer", "level": 1, "of": 3, "person": "U0AVA"}
    fields = {"key": "inc-1:pager:1:U0AVA", "lane": Lane.PAGE, "holds_while": "unacknowledged", **changes}
    return Notice(
        road=Road.PAGER,
        action=Action.PAGE,
        target="user:U0AVA",
        surface="pager",
        params={**params, "event_action": action, "dedup_key": "inc-1:pager:1:U0AVA"},
        **fields,
    )


async def test_call_that_a_killed_process_was_making_is_ended_once_somebody_has_it(
    post: Post, pager: PagerServer
) -> None:
    incident = await post.room()
    await post.put(incident, event("trigger"))
    async with post.ctx.store.transaction() as tx:  # the process that dies after the pager took the call
        (row,) = await sending.candidates(tx, 10, roads=[Road.PAGER])
        sending.begin(tx, row, "killed")
    acknowledge = event(
        "acknowledge", key="inc-1:pager:1:U0AVA:acknowledge", after="inc-1:pager:1:U0AVA", holds_while=""
    )
    await post.put(incident, acknowledge)
    async with post.ctx.store.transaction() as tx:
        row = await tx.session.get_one(records.Incident, incident.id)
        row.acknowledged_at = tx.now
    post.clock.advance(sending.LEASE + timedelta(seconds=1))
    async with httpx.AsyncClient(trust_env=False) as client:
        road = PagerRoad(post.ctx, Pager(pager.url, "key", client))
        post.deliverer(others={Road.PAGER: road}).start()
        await post.wait("inc-1:pager:1:U0AVA:acknowledge")
        await post.deliverers.pop().stop()
    assert [(ring.action, ring.dedup_key) for ring in pager.rings] == [("acknowledge", "inc-1:pager:1:U0AVA")]


async def test_call_that_the_pager_took_without_an_answer_is_ended_once_somebody_has_it(
    post: Post, pager: PagerServer
) -> None:
    incident = await post.room()
    pager.breaks_off = True
    planning.register(post.ctx.store, Timers(), post.ctx, roads=frozenset({Road.SLACK, Road.PAGER}))
    async with httpx.AsyncClient(trust_env=False) as client:
        post.deliverer(others={Road.PAGER: PagerRoad(post.ctx, Pager(pager.url, "key", client))}).start()
        await post.put(incident, event("trigger"))
        await post.given_back("inc-1:pager:1:U0AVA")
        async with post.ctx.store.transaction() as tx:
            await respond.acknowledge(tx, post.ctx, incident.number, "U0BEN")
        pager.breaks_off = False
        await post.wait("inc-1:pager:1:U0AVA:acknowledge")
        async with post.ctx.store.transaction() as tx:
            await resolve.resolve(tx, post.ctx, incident.number, "U0BEN", "Restored")
        await post.wait("inc-1:pager:1:U0AVA:resolve")
        await post.deliverers.pop().stop()
    assert [ring.action for ring in pager.rings if ring.action != "trigger"] == ["acknowledge", "resolve"]


async def test_call_that_waits_when_somebody_has_it_takes_its_end_with_it(post: Post) -> None:
    incident = await post.room()
    planning.register(post.ctx.store, Timers(), post.ctx, roads=frozenset({Road.SLACK, Road.PAGER}))
    await post.put(incident, event("trigger"))
    async with post.ctx.store.transaction() as tx:
        await respond.acknowledge(tx, post.ctx, incident.number, "U0BEN")
    end = await post.row("inc-1:pager:1:U0AVA:acknowledge")
    assert (end.state, end.after_key) == ("waiting", "inc-1:pager:1:U0AVA")
