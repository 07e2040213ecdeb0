"""More open incidents than a list shows: all are counted, the most severe are shown; on both databases."""

from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import select

from bot.listeners import leaving
from bot.listeners.desk import Changes, Desk, Identity
from bot.surfaces import home
from incidents import migrations, records
from incidents.catalog import Approvers, Person, Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import ApprovalKind, Severity
from incidents.lifecycle import Role
from incidents.service import queries
from incidents.store import Store, Tx
from tests import installation

MANY = 60
READER, LEFT = "U0READ", "U0LEFT"
SETTINGS = Settings(
    people={"lee": Person(key="lee", name="Lee", slack=LEFT), "kim": Person(key="kim", name="Kim", slack="U0KIM")},
    approvers=Approvers(deploy=("lee", "kim")),
)


@pytest.fixture
async def ctx(empty_store: Store) -> Context:
    """An installation whose oldest open incident is its only critical one; another is private."""
    await migrations.upgrade(empty_store)
    async with empty_store.transaction() as tx:
        for number in range(1, MANY + 1):
            await _opened(tx, number)
        await _opened(tx, MANY + 1, private=True)
    return Context(empty_store, SystemClock(), installation.library(), SETTINGS)


async def _opened(tx: Tx, number: int, **values: Any) -> None:
    severity = Severity.CRITICAL if number == 1 else Severity.LOW
    declared_at = tx.now - timedelta(hours=2 * MANY - number)
    fields = {"title": f"Trouble {number}", "severity": severity, "reporter": "U0GONE", "declared_at": declared_at}
    tx.session.add(records.Incident(id=number, **fields, **values))
    await tx.session.flush()


async def test_all_that_are_open_are_counted_and_the_most_severe_is_shown(ctx: Context) -> None:
    async with ctx.store.read() as session:
        listed = str((await home.listing(session, ctx, READER)).blocks)
        drawn = str((await home.draw(session, ctx, READER)).blocks)
        asked = str((await home.which(session, ctx, READER, "/incident", "ack")).blocks)
        newest = await queries.open_incidents(session, limit=3)
    for shown in (listed, drawn):
        assert f"Open now: {MANY}" in shown
        assert "40 less severe or older are not shown" in shown
        assert "*Trouble 1*" in shown
        assert "*Trouble 41*" not in shown  # after it, the newest nineteen
        assert "*Trouble 42*" in shown
    assert [incident.number for incident in newest] == [1, MANY + 1, MANY]
    offered = asked.count("*Trouble ")
    assert "*Trouble 1*" in asked
    assert f"_{MANY - offered} more_" in asked


async def test_whoever_was_switched_off_is_missed_in_every_open_incident(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        for number in (2, 3, MANY):
            holder = {"role": Role.COMMANDER.value, "person": LEFT, "since": tx.now}
            tx.session.add(records.RoleHolder(incident_id=number, **holder))
        run = records.Run(incident_id=4, workflow="w", digest="d", created_at=tx.now)
        tx.session.add(run)
        await tx.session.flush()
        deploy = {"step": "Step 3.1", "kind": ApprovalKind.DEPLOY.value, "digest": "d", "asked_at": tx.now}
        tx.session.add(records.Approval(incident_id=4, run_id=run.number, **deploy))
    client = AsyncWebClient()
    desk = Desk(ctx, client, Identity(client), Changes(ctx.store))
    gone = {"event_id": "Ev1", "event": {"user": {"id": LEFT, "deleted": True}}}
    for _ in range(2):  # Slack says it twice
        await leaving.changed(desk, gone)
    async with ctx.store.read() as session:
        assert list(await session.scalars(select(records.RoleHolder))) == []
        missed = select(records.Event.incident_id).where(records.Event.kind == "person_left")
        assert sorted(await session.scalars(missed)) == [2, 3, 4, MANY]


async def test_whoever_is_waited_for_reads_it_however_much_else_waits(ctx: Context) -> None:
    async with ctx.store.transaction() as tx:
        run = records.Run(incident_id=MANY + 1, workflow="w", digest="d", created_at=tx.now)
        tx.session.add(run)
        await tx.session.flush()
        for number in range(1, MANY + 1):
            kind = ApprovalKind.DEPLOY if number == MANY else ApprovalKind.MERGE
            asked = {"step": "Step 3.1", "kind": kind.value, "digest": "d", "asked_at": tx.now}
            tx.session.add(records.Approval(incident_id=number, run_id=run.number, **asked))
    async with ctx.store.read() as session:
        assert f"the deploy of inc-{MANY} waits for you" in str((await home.draw(session, ctx, LEFT)).blocks)
