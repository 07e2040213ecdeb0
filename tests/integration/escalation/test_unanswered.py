"""A question of a run is not forgotten."""

from typing import Any

from escalation.unanswered import REMIND_AFTER
from incidents import records
from incidents.lifecycle import Role
from incidents.response import questions, runs
from incidents.response.questions import About, Choice, Does
from incidents.service import respond

FIVE = REMIND_AFTER.total_seconds()


async def test_the_commander_then_the_deputy_are_reminded_until_it_is_answered(house: Any) -> None:
    await house.declare()
    async with house.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, 1, "U0ANA")
        await respond.take_role(tx, house.ctx, 1, "U0CY", Role.DEPUTY)
        incident = await tx.session.get_one(records.Incident, 1)
        run = await runs.start(tx, house.ctx, incident)
        go_on = [Choice(label="Continue", does=Does.KEEP)]
        asked = await questions.ask(tx, incident, run, "", About.NEWS, "It is the cache", go_on)
    await house.pass_time(seconds=FIVE)
    assert [row.target for row in await house.outbox(":remind:")] == ["user:U0ANA"]
    await house.pass_time(seconds=FIVE)
    assert [row.target for row in await house.outbox(":remind:")] == ["user:U0ANA", "user:U0CY"]
    await house.deliver()
    async with house.store.transaction() as tx:
        question = await tx.session.get_one(records.Question, asked.number)
        await questions.withdraw(tx, await tx.session.get_one(records.Incident, 1), question)
    assert await house.waiting(":question:") == {}
    assert [row.action for row in await house.outbox(":remind:")].count("edit") == 2
