"""Whatever people do in whatever order, the promises hold together."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalation import matrix, policies
from incidents.definitions import Severity
from incidents.errors import SitrepError
from incidents.lifecycle import Status
from incidents.service import resolve, respond, updates

pytestmark = pytest.mark.long

FIELDS = {"condition": "Being worked on."}

severities = st.sampled_from(Severity)
people = st.sampled_from(["U0ANA", "U0BO", "U0CY"])
deeds = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 5, 26, 31, 61, 200])),
    st.tuples(st.just("severity"), severities),
    st.tuples(st.sampled_from(["ack", "pass", "send", "same", "now", "resolve", "reopen", "impact"]), people),
    st.tuples(st.just("snooze"), st.sampled_from([5, 10, 30, 90])),
)


async def _severity(house: Any, tx: Any, what: Severity) -> None:
    await respond.change_severity(tx, house.ctx, 1, "U0ANA", what)


async def _update(house: Any, tx: Any) -> int:
    row = await updates.waiting(tx.session, 1)
    return row.number if row else 0


async def _send(house: Any, tx: Any, who: str) -> None:
    await updates.send(tx, house.ctx, await _update(house, tx), who, FIELDS)


async def _same(house: Any, tx: Any, who: str) -> None:
    await updates.no_change(tx, house.ctx, await _update(house, tx), who)


async def _snooze(house: Any, tx: Any, minutes: int) -> None:
    until = tx.now + timedelta(minutes=minutes)
    await updates.snooze(tx, house.ctx, await _update(house, tx), "U0ANA", until)


async def _ack(house: Any, tx: Any, who: str) -> None:
    await respond.acknowledge(tx, house.ctx, 1, who)


async def _pass(house: Any, tx: Any, who: str) -> None:
    await respond.pass_page(tx, house.ctx, 1, who)


async def _now(house: Any, tx: Any, who: str) -> None:
    await updates.post_now(tx, house.ctx, 1, who, FIELDS)


async def _resolve(house: Any, tx: Any, who: str) -> None:
    await resolve.resolve(tx, house.ctx, 1, who, "rolled back")


async def _reopen(house: Any, tx: Any, who: str) -> None:
    await resolve.reopen(tx, house.ctx, 1, who, "errors are back")


async def _impact(house: Any, tx: Any, who: str) -> None:
    await respond.found_impact(tx, house.ctx, 1, who, "security_breach_suspected", "token in a log")


DEEDS: dict[str, Callable[[Any, Any, Any], Awaitable[None]]] = {
    "severity": _severity,
    "ack": _ack,
    "pass": _pass,
    "send": _send,
    "same": _same,
    "now": _now,
    "resolve": _resolve,
    "reopen": _reopen,
    "impact": _impact,
    "snooze": _snooze,
}


async def _holds(house: Any) -> None:
    incident = await house.incident(1)
    waiting = await house.waiting()
    rows = [row for row in await house.updates() if row.state in updates.WAITING]
    if incident.status is not Status.OPEN:
        owed = incident.status is Status.RESOLVED and incident.severity in (Severity.CRITICAL, Severity.HIGH)
        late = waiting.keys() - {"inc-1:postmortem:due"}
        assert late == set(), "something is due though it is over, and it is not the post-mortem that is owed then"
        assert len(waiting) <= owed
        assert rows == []
        assert incident.next_update_at is None
        return
    every = house.ctx.library.policies.regular_updates.frequency.get(incident.severity)
    if every is not None:
        assert len(rows) == 1, "exactly one update is promised"
        assert incident.next_update_at == rows[0].due_at
        # An update may be sent as soon as its draft lies ready; the next is then that much further away.
        ahead = house.ctx.library.policies.regular_updates.draft_ahead
        assert incident.next_update_at <= house.clock.now() + every + ahead, "further away than promised"
        assert f"inc-1:update:{rows[0].slot}:overdue" in waiting, "nobody would notice that it is missed"
    for key in waiting:
        if ":escalate:" in key:
            trigger = policies.time_based(house.ctx.library.policies, key.rpartition(":")[2])
            assert trigger is not None
            assert policies.holds(trigger, incident), "an escalation waits that is not called for"
        if ":page:" in key:
            assert incident.acknowledged_at is None, "somebody would be woken who need not"
    told = [
        str(row.params["person"])
        for row in await house.outbox(":matrix:")
        if row.params.get("audience") != matrix.EVERYBODY_SO_FAR
    ]
    assert max(Counter(told).values(), default=1) == 1, "somebody was told twice"


async def _do(house: Any, deed: str, what: Any) -> None:
    if deed == "wait":
        await house.pass_time(minutes=what)
        return
    try:
        async with house.store.transaction() as tx:
            await DEEDS[deed](house, tx, what)
    except SitrepError:
        pass  # refused, as it may be; nothing of it may be left behind
    await house.fire()


async def _course(build: Any, severity: Severity, course: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = await build(Path(folder))
        try:
            await house.declare(severity)
            await _holds(house)
            for deed, what in course:
                await _do(house, deed, what)
                await _holds(house)
        finally:
            await house.store.close()


@pytest.mark.timeout(180)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(severity=severities, course=st.lists(deeds, min_size=3, max_size=10))
def test_promises_hold_together_in_any_course(build: Any, severity: Severity, course: list[tuple[str, Any]]) -> None:
    asyncio.run(_course(build, severity, course))
