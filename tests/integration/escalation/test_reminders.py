"""A decision that is asked for is not forgotten, and lapses when it is no longer true."""

from datetime import timedelta
from typing import Any

import pytest

from incidents import records
from incidents.definitions import ApprovalKind, Severity
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.notices import Lane
from incidents.response import approvals, control, runs
from incidents.service import resolve, respond

FIVE = 300


async def asked(house: Any, **declared: Any) -> records.Approval:
    """Declare, start the workflow, and ask for a deploy."""
    await house.declare(**declared)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0ANA")
        incident = await tx.session.get_one(records.Incident, 1)
        run = await runs.start(tx, house.ctx, incident)
        kind = ApprovalKind.DEPLOY
        return await approvals.ask(tx, house.ctx, incident, run, "3.1", kind, {})


async def reminded(house: Any) -> list[str]:
    return [row.target for row in await house.outbox(":remind:")]


async def test_the_commander_is_reminded_after_five_minutes_then_deputy_and_approvers(house: Any) -> None:
    await asked(house)
    async with house.store.transaction() as tx:
        await respond.take_role(tx, house.ctx, 1, "U0CY", Role.DEPUTY)
    await house.pass_time(seconds=FIVE - 1)
    assert await reminded(house) == []
    await house.pass_time(seconds=1)
    assert await reminded(house) == ["user:U0ANA"]
    await house.pass_time(seconds=FIVE)
    assert set(await reminded(house)) == {"user:U0ANA", "user:U0BO", "user:U0CY"}
    await house.pass_time(seconds=FIVE)
    assert len(await reminded(house)) == 3


async def test_in_a_drill_nobody_is_reminded_or_brought_in_who_does_not_take_part(house: Any) -> None:
    await asked(house, drill=True)
    await house.pass_time(hours=1)
    told = {row.target for row in await house.outbox() if row.target.startswith("user:")}
    assert told == {"user:U0ANA"}, "who commands it; the approvers of sitrep.yml are not called to an exercise"


async def test_without_a_commander_whoever_else_may_decide_is_reminded_first(house: Any) -> None:
    await asked(house)
    async with house.store.transaction() as tx:
        await tx.session.delete(await tx.session.get_one(records.RoleHolder, (1, Role.COMMANDER.value, "U0ANA")))
    await house.pass_time(seconds=FIVE)
    assert await reminded(house) == ["user:U0BO"]


async def test_a_decision_ends_the_reminders_and_is_shown_in_them(house: Any) -> None:
    approval = await asked(house)
    await house.pass_time(seconds=FIVE)
    await house.deliver()
    async with house.store.transaction() as tx:
        approval = await tx.session.get_one(records.Approval, approval.id)
        assert await approvals.settle(tx, approval, "approved", "U0ANA", {})
        incident = await tx.session.get_one(records.Incident, 1)
        await tx.record(
            incident,
            EventKind.APPROVAL_DECIDED,
            actor="U0ANA",
            approval=approval.id,
            about=approval.kind,
            decision="approved",
            subject={},
        )
    assert await house.waiting(":approval:") == {}
    assert [row.of_key for row in await house.outbox(":remind:") if row.action == "edit"] == [
        f"inc-1:approval:{approval.id}:remind:U0ANA"
    ]


async def test_after_half_an_hour_the_request_lapses_and_can_no_longer_be_approved(house: Any) -> None:
    approval = await asked(house)
    await house.pass_time(minutes=30)
    async with house.store.read() as session:
        assert (await session.get_one(records.Approval, approval.id)).state == "expired"
    (event,) = await house.events(EventKind.APPROVAL_DECIDED)
    assert event.data["decision"] == "expired"
    with pytest.raises(Conflict, match="expired"):
        async with house.store.transaction() as tx:
            await control.decide(tx, house.ctx, approval.id, "U0ANA", "approve")


async def test_a_lapsed_request_can_be_asked_anew(house: Any) -> None:
    first = await asked(house)
    await house.pass_time(minutes=30)
    async with house.store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        run = await tx.session.get_one(records.Run, first.run_id)
        second = await approvals.ask(tx, house.ctx, incident, run, "3.1", ApprovalKind.DEPLOY, {})
    assert second.id != first.id
    assert (await house.waiting(":expire"))[f"inc-1:approval:{second.id}:expire"] == timedelta(minutes=30)


async def test_a_resolved_incident_reminds_of_nothing_until_it_is_opened_again(house: Any) -> None:
    await asked(house)
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, "U0ANA", "rolled back")
    await house.pass_time(minutes=10)
    assert await reminded(house) == []
    async with house.store.transaction() as tx:
        await resolve.reopen(tx, house.ctx, 1, "U0ANA", "errors are back")
    await house.pass_time(seconds=FIVE)
    assert await reminded(house) == ["user:U0ANA"]


async def test_before_it_expires_everybody_who_may_decide_is_reminded_once_more(house: Any) -> None:
    approval = await asked(house)
    await house.pass_time(minutes=25)
    last = [row.target for row in await house.outbox(f":approval:{approval.id}:expiring:")]
    assert last == ["user:U0ANA", "user:U0BO"]


async def test_what_holds_up_a_critical_incident_escalates_to_whoever_has_not_heard_until_it_is_decided(
    house: Any,
) -> None:
    approval = await asked(house)
    for minutes in (5, 2):
        await house.pass_time(minutes=minutes)
    # Ana commands and was reminded: Bo, the team lead, is the next in the paging order.
    (first,) = [each for each in await house.events(EventKind.ESCALATED) if each.data["trigger"].startswith("approval")]
    assert (first.data["people"], first.data["reason"]) == (["U0BO"], "the deploy has waited 7 min for a decision")
    (page,) = await house.outbox(":escalate:approval")
    assert (page.target, page.lane) == ("user:U0BO", int(Lane.PAGE))
    await house.pass_time(minutes=7)
    assert [row.target for row in await house.outbox(":escalate:approval")] == ["user:U0BO", "user:U0DEE"]
    while not (again := await house.outbox(":all-hands:")):
        assert house.clock.now() < approval.expires_at, "it would end silently"
        await house.pass_time(minutes=7)
    assert {row.target for row in again} >= {"user:U0ANA", "user:U0BO", "user:U0DEE", "user:U0ELI"}
    assert any("nobody decided" in each.data["text"] for each in await house.events(EventKind.NOTE))
    async with house.store.transaction() as tx:
        incident = await tx.session.get_one(records.Incident, 1)
        await approvals.expire(tx, incident, await tx.session.get_one(records.Approval, approval.id))
    assert await house.waiting(":approval:") == {}


async def test_a_change_of_severity_changes_when_a_waiting_decision_escalates(house: Any) -> None:
    approval = await asked(house)
    key = f"inc-1:approval:{approval.id}:escalate"
    for severity, until in ((Severity.HIGH, 20), (Severity.MEDIUM, None), (Severity.CRITICAL, 7)):
        async with house.store.transaction() as tx:
            await respond.change_severity(tx, house.ctx, 1, "U0ANA", severity, "seen")
        due = (await house.waiting(key)).get(key)
        assert due == (timedelta(minutes=until) if until else None)
