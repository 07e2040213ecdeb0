"""The hourly summary of a critical incident: beside the updates, to who was told before, until it is over."""

from typing import Any

from escalation import letters
from incidents.definitions import Severity
from incidents.service import resolve, respond


async def test_everybody_told_before_hears_each_hour_what_changed_in_it(house: Any) -> None:
    await house.declare(Severity.CRITICAL)
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0BO")
    await house.pass_time(minutes=30)
    async with house.store.transaction() as tx:
        await respond.add_note(tx, house.ctx, 1, "U0BO", "restarted the first host")
    await house.pass_time(minutes=30)
    first = await house.outbox(":summary:")
    # Bo commands; flo and gus hear of the incident in this very minute, by the matrix.
    assert {"user:U0ANA", "user:U0CY", "user:U0DEE", "user:U0ELI"} <= {row.target for row in first}
    assert "user:U0BO" not in {row.target for row in first}
    assert "restarted the first host" in first[0].params["fields"]["done"]
    await house.pass_time(minutes=20)
    async with house.store.transaction() as tx:
        await respond.add_note(tx, house.ctx, 1, "U0BO", "restarted the second host")
    await house.pass_time(minutes=40)
    second = (await house.outbox(":summary:"))[len(first) :]
    assert len({row.target for row in second}) == len(second) == 6
    assert "second host" in second[0].params["fields"]["done"]
    assert "first host" not in second[0].params["fields"]["done"]


async def test_it_ends_with_the_incident_and_follows_the_severity(house: Any) -> None:
    await house.declare(Severity.HIGH)
    assert await house.waiting(":summary") == {}
    async with house.store.transaction() as tx:
        await respond.change_severity(tx, house.ctx, 1, "U0BO", Severity.CRITICAL)
    assert list(await house.waiting(":summary")) == ["inc-1:summary"]
    async with house.store.transaction() as tx:
        await resolve.resolve(tx, house.ctx, 1, "U0BO", "rolled back release 41")
    assert await house.waiting(":summary") == {}


async def test_who_is_not_in_slack_gets_the_same_by_mail(wired_house: Any) -> None:
    await wired_house.declare(Severity.CRITICAL)
    await wired_house.pass_time(minutes=60)
    row = (await wired_house.outbox(":summary:"))[0]
    row.surface, row.params = "mail_summary", {**row.params, "to": ["ana@example.com"]}
    async with wired_house.store.read() as session:
        letter = await letters.letter(session, wired_house.ctx, row)
    assert letter.subject == "[inc-1] Summary: Checkout returns 500s"
    assert "Since the last summary:" in letter.body
