"""With years of incidents behind it, nothing that is asked often goes through them; on both databases."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, select

from bot import bootstrap, gauges
from bot.delivery import returning, settling
from bot.surfaces import home, room
from escalation import fallback, timers
from escalation.timers import Timers
from incidents import homes, inbound, leases, migrations, outbox, outbox_queries, records, retention, sending
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Retention, Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity
from incidents.knowledge import filing
from incidents.notices import Action, Lane, Notice, Road
from incidents.response import expiry, facts, requests
from incidents.response.claims import Claim, Rows
from incidents.response.engine import Engine
from incidents.service import declare, finding, queries
from incidents.store import Store
from tests import installation
from tests.benchmarks import history
from tests.integration.process import visits

PAST = 5_000
NEWEST_OPEN = PAST + 3
OTHER_OPEN = PAST + 6
SIZE = history.Size(past=PAST, opened=12, timers=600)


#: What one statement may take, far less than a look at each past incident: instructions of SQLite, and rows that
#: PostgreSQL looks at. What agents are told takes most: 250 solutions, with whether each is private.
MOST_INSTRUCTIONS, MOST_ROWS = 2 * PAST, PAST * 3 // 10
#: What may take more: every incident that holds the words is looked at; of 300 solutions it is asked who may see them.
TIMES = {"search by words": math.inf, "search by a beginning, a later page": math.inf, "what was learned": 2}


async def _fill(url: str) -> None:
    store = Store(url, SystemClock())
    await migrations.upgrade(store)
    await history.write(store, SIZE)
    await store.close()


async def _create(server: str, name: str) -> None:
    admin = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with admin.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await admin.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def long_history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a database with years behind it, for reading."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('history')}/sitrep.db"
    else:
        server, name = request.getfixturevalue("postgres"), f"t{uuid4().hex[:12]}"
        asyncio.run(_create(server, name))
        url = server.replace("/postgres?", f"/{name}?")
    asyncio.run(_fill(url))
    return url


@pytest.fixture
async def ctx(long_history: str) -> AsyncIterator[Context]:
    store = Store(long_history, SystemClock())
    yield Context(store, store.clock, installation.library(), Settings())
    await store.close()


Asking = Callable[[Context], Awaitable[Any]]


def reading(ask: Callable[..., Awaitable[Any]], *arguments: Any, **named: Any) -> Asking:
    """Ask with a session for reading."""

    async def asking(ctx: Context) -> None:
        async with ctx.store.read() as session:
            await ask(session, *arguments, **named)

    return asking


async def _home(ctx: Context) -> None:
    async with ctx.store.read() as session:
        await home.draw(session, ctx, "U0P007")


async def _list(ctx: Context) -> None:
    async with ctx.store.read() as session:
        await home.listing(session, ctx, "U0P007")


async def _card(ctx: Context) -> None:
    async with ctx.store.read() as session:
        await room.live_card(session, ctx, NEWEST_OPEN)


async def _told_agents(ctx: Context) -> None:
    async with ctx.store.read() as session:
        incident = await session.get_one(records.Incident, NEWEST_OPEN)
        await facts.past_solutions(session, incident)
        await facts.for_agents(session, ctx, incident, ctx.clock.now())


async def _take_steps_up(ctx: Context) -> None:
    async with ctx.store.read() as session:
        steps = await session.scalars(
            select(records.Step).where(records.Step.run_id == NEWEST_OPEN, records.Step.state == "running")
        )
        step = steps.one()
        run = await session.get_one(records.Run, step.run_id)
        rows = Rows(step, run, await session.get_one(records.Incident, run.incident_id))
        claim = Claim(step.number, step.owner, step.attempt, run.incident_id, "", rows)
        assert await requests.read(session, ctx, claim) is not None
    await Engine(ctx, PlaybookRunner(ctx.clock), Path(), "here").claim(8)


async def _claim(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:  # a step that Sitrep went away from, under an approval that is over
        left = update(records.Step).where(
            col(records.Step.run_id) == OTHER_OPEN, col(records.Step.state).in_(("running", "done"))
        )
        await tx.session.execute(left.values(state="ready"))
    assert await Engine(ctx, PlaybookRunner(ctx.clock), Path(), "here").claim(8)


async def _guard(ctx: Context) -> None:
    async with ctx.store.read() as session:
        await declare.recent_like(session, "checkout", "checkout is slow", ctx.clock.now())


async def _sweep(ctx: Context) -> None:
    now = ctx.clock.now()
    await timers.next_due(ctx.store)
    await timers.upcoming(ctx.store, now + timedelta(hours=1), 1000)
    async with ctx.store.transaction() as tx:
        rows = await sending.candidates(tx, 60, roads={"slack"})
        await leases.renew(tx, "here", rows)
        await expiry.ask_anew_what_came_too_late(tx, ctx)
        await inbound.forget_old(tx)
    async with ctx.store.read() as session:
        await outbox_queries.next_due(session, after=now)


async def _return(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        await fallback.Fallback(ctx, frozenset({Road.SLACK, Road.EMAIL})).look(tx, away=True)
    await returning.sort_out(ctx.store)
    await returning.hasten(ctx.store)


async def _come_back(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        written = await tx.session.scalars(select(records.Event.id).where(records.Event.incident_id == OTHER_OPEN))
        for number in written.all():
            key, params = f"inc-{OTHER_OPEN}:line:{number}", {"event_id": number}
            notice = Notice(
                key=key, lane=Lane.ROOM, action=Action.POST, target="channel", surface="line", params=params
            )
            await outbox.put(tx, OTHER_OPEN, notice)
        stale = update(records.Outbox).where(
            col(records.Outbox.incident_id) == OTHER_OPEN, col(records.Outbox.state).in_(("pending", "waiting"))
        )
        await tx.session.execute(stale.values(created_at=tx.now - 2 * returning.STALE))
    await returning.sort_out(ctx.store)
    await returning.hasten(ctx.store)


async def _give_up(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        row = await tx.session.get_one(records.Outbox, 77)
        await settling._others_arrive(tx, row)


async def _redraw(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        await homes.redraw(tx)


async def _declare(ctx: Context) -> None:
    declaration = declare.Declaration(title="search is slow", severity=Severity.HIGH, reporter="U0P001")
    bootstrap.listen(ctx, Timers(), frozenset({Road.SLACK}))
    async with ctx.store.transaction() as tx:
        await declare.declare(tx, ctx, declaration)


def letting_go(after: timedelta) -> Asking:
    """Apply a policy to what ended longer ago than `after`."""
    policy = Retention(archive_channel_after=after, strip_after=after, forget_incident_after=after)

    async def asking(ctx: Context) -> None:
        await retention.round_(ctx.store, policy)

    return asking


ASKED: dict[str, Asking] = {
    "/incident list": _list,
    "App Home, with the KPIs of 30 days": _home,
    "the live card": _card,
    "search by words": reading(finding.search, "checkout slow region 42"),
    "search by a beginning, a later page": reading(finding.search, "check", before=PAST // 2),
    "search by key": reading(finding.search, "inc-77"),
    "the incident of a channel": reading(queries.in_channel, "C00000077"),
    "the duplicate guard": _guard,
    "what agents are told": _told_agents,
    "what was learned": reading(filing.learned, Settings(), "U0P001"),
    "steps that are taken up": _take_steps_up,
    "a claim of steps": _claim,
    "declaring": _declare,
    "the sweeps": _sweep,
    "an outage of Slack, and its end": _return,
    "what waited for Slack": _come_back,
    "whether others of a kind arrive": _give_up,
    "homes that are open": _redraw,
    "retention with nothing to do": letting_go(timedelta(days=20 * 365)),
    "/metrics": gauges.refresh,
    "what is delivered of one incident": reading(queries.deliveries, 77, "inc-77:matrix:"),
    "the decisions of one incident": reading(queries.approvals, 77),
    "the evidence of one incident": reading(queries.evidence, 77),
    "the cost of one incident": reading(queries.model_usd, 77),
}


def _too_much(ctx: Context, asked: list[visits.Asked], times: float = 1) -> list[str]:
    most = times * (MOST_ROWS if ctx.store.supports_skip_locked else MOST_INSTRUCTIONS)
    return [str(each) for each in asked if each.whole or each.amount > most]


@pytest.mark.parametrize("what", ASKED)
async def test_nothing_that_is_asked_goes_through_the_history(ctx: Context, what: str) -> None:
    asked = await visits.of(ctx, ASKED[what])
    assert asked
    assert _too_much(ctx, asked, TIMES.get(what, 1)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM event WHERE actor = 'U0P001'",
        "SELECT count(digest) FROM approval WHERE state = 'approved'",  # by an index, and all of history all the same
    ],
)
async def test_what_goes_through_the_history_would_be_noticed(ctx: Context, statement: str) -> None:
    async def whole(ctx: Context) -> None:
        async with ctx.store.read() as session:
            await session.execute(text(statement))

    assert _too_much(ctx, await visits.of(ctx, whole))
