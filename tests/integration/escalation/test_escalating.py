"""Escalations by time, by what is found, and by hand."""

from datetime import timedelta
from typing import Any

import pytest

from escalation import escalating
from incidents.definitions import Severity
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import Milestone, Role
from incidents.notices import Lane
from incidents.service import resolve, respond


async def escalated(house: Any) -> list[tuple[str, str]]:
    found = [(event.data["trigger"], event.data["audience"]) for event in await house.events(EventKind.ESCALATED)]
    return [each for each in found if each[0] != "not_acknowledged"]


async def reach(house: Any, milestone: Milestone) -> None:
    async with house.store.transaction() as tx:
        incident = await respond.open_incident(tx, 1)
        await respond.reach(tx, incident, milestone, "U0ANA")


@pytest.mark.parametrize(
    ("severity", "after", "expected"),
    [
        (Severity.CRITICAL, timedelta(minutes=60), ("critical_bug_not_resolved_60_minutes", "cto")),
        (Severity.HIGH, timedelta(hours=2), ("high_bug_not_triaged_2_hours", "team_lead")),
        (Severity.MEDIUM, timedelta(hours=24), ("medium_bug_not_started_24_hours", "product_manager")),
    ],
)
async def test_each_severity_escalates_on_the_minute_and_once(
    house: Any, severity: Severity, after: timedelta, expected: tuple[str, str]
) -> None:
    await house.declare(severity)
    await house.pass_time(seconds=after.total_seconds() - 1)
    assert await escalated(house) == []
    await house.pass_time(seconds=1)
    await house.pass_time(hours=48)
    assert await escalated(house) == [expected]


@pytest.mark.parametrize(
    ("severity", "stops", "does_not"),
    [
        (Severity.CRITICAL, Milestone.RESOLVED, Milestone.DEPLOYED),
        (Severity.HIGH, Milestone.TRIAGED, Milestone.ACKNOWLEDGED),
        (Severity.MEDIUM, Milestone.STARTED, Milestone.TRIAGED),
    ],
)
async def test_a_milestone_stops_its_own_escalation_and_no_other(
    house: Any, severity: Severity, stops: Milestone, does_not: Milestone
) -> None:
    await house.declare(severity)
    await reach(house, does_not)
    assert len(await house.waiting(":escalate:")) == 1
    await reach(house, stops)
    assert await house.waiting(":escalate:") == {}


async def test_the_cto_gets_a_page_and_is_invited(house: Any) -> None:
    await house.declare()
    await house.pass_time(minutes=63)
    (row,) = await house.outbox("inc-1:escalate:")
    assert (row.target, row.lane, row.holds_while) == ("user:U0ELI", int(Lane.PAGE), "open")
    assert row.params["reason"] == "not resolved in 60 min"
    assert row.params["late_seconds"] == 180
    assert await house.keys("inc-1:invite:U0ELI")


async def test_raising_the_severity_after_the_deadline_escalates_at_once(house: Any) -> None:
    await house.declare(Severity.HIGH)
    house.clock.advance(timedelta(minutes=75))
    async with house.store.transaction() as tx:
        await respond.change_severity(tx, house.ctx, 1, "U0ANA", Severity.CRITICAL)
    await house.fire()
    assert await escalated(house) == [("critical_bug_not_resolved_60_minutes", "cto")]


async def test_lowering_and_raising_does_not_escalate_a_second_time(house: Any) -> None:
    await house.declare()
    await house.pass_time(minutes=61)
    for severity in (Severity.HIGH, Severity.CRITICAL):
        async with house.store.transaction() as tx:
            await respond.change_severity(tx, house.ctx, 1, "U0ANA", severity)
        await house.fire()
    assert len(await escalated(house)) == 1


async def test_opened_again_the_hour_counts_anew(house: Any) -> None:
    await house.declare()
    await house.pass_time(minutes=61)
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, "U0ANA", "rolled back")
    await house.pass_time(minutes=20)
    async with house.store.transaction() as tx:
        await resolve.reopen(tx, house.ctx, 1, "U0ANA", "errors are back")
    await house.pass_time(minutes=59)
    assert len(await house.keys("inc-1:escalate:")) == 1
    await house.pass_time(minutes=1)
    assert len(await house.keys("inc-1:escalate:")) == 2


async def test_what_is_found_escalates_with_its_detail(house: Any) -> None:
    await house.declare()
    async with house.store.transaction() as tx:
        await respond.found_impact(tx, house.ctx, 1, "playbook", "security_breach_suspected", "token in a log")
    (row,) = await house.outbox("inc-1:escalate:")
    assert row.target == "user:U0SEC"
    assert row.params["reason"] == "security breach suspected: token in a log"


async def test_an_escalation_to_nobody_reaches_whoever_leads_and_says_so(empty_house: Any) -> None:
    await empty_house.declare()
    async with empty_house.store.transaction() as tx:
        await respond.take_role(tx, empty_house.ctx, 1, "U0BOSS", Role.COMMANDER)
    await empty_house.pass_time(minutes=60)
    (row,) = await empty_house.outbox("inc-1:escalate:")
    assert row.target == "user:U0BOSS"
    assert row.params["reason"] == "not resolved in 60 min; nobody is configured as CTO"


async def test_a_person_can_bring_in_an_audience_by_its_spoken_name(house: Any) -> None:
    await house.declare()
    async with house.store.transaction() as tx:
        people = await escalating.by_hand(tx, house.desk, 1, "U0ANA", "customer success", "calls are coming in")
    assert [who.name for who in people] == ["Gus"]
    (row,) = await house.outbox("inc-1:escalate:by_hand:")
    assert row.params["reason"] == "calls are coming in"


async def test_an_unknown_audience_is_answered_with_the_known_ones(house: Any) -> None:
    await house.declare()
    with pytest.raises(InvalidInput, match="customer success"):
        async with house.store.transaction() as tx:
            await escalating.by_hand(tx, house.desk, 1, "U0ANA", "the moon")


async def test_nobody_is_brought_into_what_is_over(house: Any) -> None:
    await house.declare()
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, "U0ANA", "rolled back")
    with pytest.raises(Conflict, match="already resolved"):
        async with house.store.transaction() as tx:
            await escalating.by_hand(tx, house.desk, 1, "U0ANA", "cto")
