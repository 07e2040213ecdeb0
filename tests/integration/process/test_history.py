"""With years of incidents behind it, what is asked often reads an index, never a whole table; on both databases."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import select

from bot import bootstrap, gauges
from bot.delivery import returning
from bot.surfaces import home, room
from escalation import fallback, timers
from escalation.timers import Timers
from incidents import homes, inbound, migrations, outbox_queries, records, retention, sending
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Retention, Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity
from incidents.notices import Road
from incidents.response import expiry, facts, requests
from incidents.response.claims import Claim, Rows
from incidents.response.engine import Engine
from incidents.service import declare, finding, queries
from incidents.store import Store
from tests import installation
from tests.benchmarks import history

PAST = 5_000
NEWEST_OPEN = PAST + 3
SIZE = history.Size(past=PAST, opened=12, timers=600)

#: The tables that grow with every incident, as far as the history fills them: what is empty is read as one likes.
BIG = {str(table.__tablename__) for table in (*history.ORDER, records.Inbound)}


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


async def _guard(ctx: Context) -> None:
    async with ctx.store.read() as session:
        await declare.recent_like(session, "checkout", "checkout is slow", ctx.clock.now())


async def _sweep(ctx: Context) -> None:
    now = ctx.clock.now()
    await timers.next_due(ctx.store)
    await timers.upcoming(ctx.store, now + timedelta(hours=1), 1000)
    async with ctx.store.transaction() as tx:
        await sending.candidates(tx, 60, roads={"slack"})
        await expiry.ask_anew_what_came_too_late(tx, ctx)
        await inbound.forget_old(tx)
    async with ctx.store.read() as session:
        await outbox_queries.next_due(session, after=now)


async def _return(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        await fallback.Fallback(ctx, frozenset({Road.SLACK, Road.EMAIL})).look(tx, away=True)
        await returning.sort_out(tx)
        await returning.hasten(tx)


async def _redraw(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        await homes.redraw(tx)


async def _declare(ctx: Context) -> None:
    declaration = declare.Declaration(title="search is slow", severity=Severity.HIGH, reporter="U0P001")
    bootstrap.listen(ctx, Timers(), frozenset({Road.SLACK}))
    async with ctx.store.transaction() as tx:
        await declare.declare(tx, ctx, declaration)


async def _let_go(ctx: Context) -> None:
    long_ago = timedelta(days=20 * 365)  # before everything: asked in vain, as in all rounds but the first
    policy = Retention(archive_channel_after=long_ago, strip_after=long_ago, forget_incident_after=long_ago)
    await retention.round_(ctx.store, policy)


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
    "steps that are taken up": _take_steps_up,
    "declaring": _declare,
    "the sweeps": _sweep,
    "an outage of Slack, and its end": _return,
    "homes that are open": _redraw,
    "retention": _let_go,
    "/metrics": gauges.refresh,
    "what is delivered of one incident": reading(queries.deliveries, 77, "inc-77:matrix:"),
    "the decisions of one incident": reading(queries.approvals, 77),
    "the evidence of one incident": reading(queries.evidence, 77),
    "the cost of one incident": reading(queries.model_usd, 77),
}


@pytest.mark.parametrize("what", ASKED)
async def test_no_question_reads_a_whole_table(ctx: Context, what: str) -> None:
    statements = await _statements(ctx, ASKED[what])
    assert statements
    scans = [scan for statement in statements for scan in await _scans(ctx, *statement)]
    assert scans == []


async def test_a_whole_table_that_is_read_would_be_noticed(ctx: Context) -> None:
    async def whole(ctx: Context) -> None:
        async with ctx.store.read() as session:
            await session.execute(text("SELECT count(*) FROM event WHERE actor = 'U0P001'"))

    [statement] = await _statements(ctx, whole)
    assert await _scans(ctx, *statement)


async def _statements(ctx: Context, ask: Asking) -> list[tuple[str, Any]]:
    """Return what `ask` asks the database, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        if re.match(r"\s*(SELECT|UPDATE|DELETE)", statement) and not many:
            seen.append((statement, parameters))

    event.listen(ctx.store.engine.sync_engine, "before_cursor_execute", note)
    await ask(ctx)
    event.remove(ctx.store.engine.sync_engine, "before_cursor_execute", note)
    return seen


async def _scans(ctx: Context, statement: str, parameters: Any) -> list[str]:
    """Return the lines of the plan that read a big table whole."""
    postgresql = ctx.store.supports_skip_locked
    explain = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
    async with ctx.store.engine.connect() as connection:
        plan = (await connection.exec_driver_sql(explain + statement, parameters)).all()
    lines = [str(row[0] if postgresql else row[3]).strip() for row in plan]
    pattern = r"Seq Scan on (\w+)" if postgresql else r"SCAN (\w+)"
    return [
        f"{line}  in  {' '.join(statement.split())[:300]}"
        for line in lines
        if (found := re.search(pattern, line)) and re.sub(r"_\d+$", "", found[1]) in BIG
    ]
