"""People who leave: whoever is counted on is missed at once, where the others look, with what to do about it."""

import contextlib
from typing import Any

from bot.listeners import arriving, leaving
from bot.listeners.sharing import SeenBefore
from incidents.definitions import Severity
from incidents.errors import NotAllowed
from incidents.lifecycle import Role
from incidents.service import presence, queries
from tests.scenario.office import PEOPLE, Office, eventually, has_button, opened, text_of
from tests.scenario.test_roles import commanded, holders, offer_to


async def test_the_command_of_whoever_leaves_is_offered_to_the_deputy_until_they_are_back(office: Office) -> None:
    channel = await commanded(office)
    await office.ana.command("/incident", f"role deputy <@{PEOPLE['dee']}>", channel)
    await office.ana.wait_for_ephemeral(lambda row: "is deputy now" in text_of(row))
    await office.dee.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.leave(channel)
    line = await office.dee.wait_for_message(channel, lambda row: "left this channel" in text_of(row))
    assert "<@U01ANA>, commander," in text_of(line)
    assert "`/incident role commander` takes over" in text_of(line)
    assert "A decision waits for them: <@U05DEE> may take it" in text_of(line)
    direct, offer = await offer_to(office, office.dee)
    assert await holders(office, Role.COMMANDER) == [PEOPLE["ana"]]  # who is on the phone for a minute keeps it
    await office.dee.api("conversations.invite", channel=channel, users=PEOPLE["ana"])
    await office.dee.wait_for_message(channel, lambda row: "<@U01ANA> is back" in text_of(row))
    await office.dee.wait_for_message(
        direct, lambda row: row["ts"] == offer["ts"] and not has_button("Take command")(row)
    )
    await office.dee.api("conversations.kick", channel=channel, user=PEOPLE["ana"])
    again = await office.dee.wait_for_message(
        direct, lambda row: row["ts"] > offer["ts"] and has_button("Take command")(row)
    )
    await office.dee.click(direct, again, "Take command")
    await office.dee.wait_for_message(channel, lambda row: "*commander*, instead of <@U01ANA>" in text_of(row))
    assert await holders(office, Role.COMMANDER) == [PEOPLE["dee"]]


async def test_a_deactivated_account_commands_and_approves_nothing_and_is_named_with_what_it_leaves_open(
    tmp_path,
) -> None:
    async with opened(tmp_path, "dee", "ana", "bo") as office:
        channel = await commanded(office)
        await office.dee.deactivate(PEOPLE["ana"])
        line = text_of(await office.dee.wait_for_message(channel, lambda row: "deactivated in Slack" in text_of(row)))
        assert "Nobody else is named as on-call engineer: name somebody in `sitrep.yml`" in line
        await office.dee.wait_for_message(channel, lambda row: "*no longer commander*" in text_of(row))
        assert await holders(office, Role.COMMANDER) == []
        # Ana was the first level of paging: the next hears that nobody commands.
        direct, offer = await offer_to(office, office.bo)
        assert "is deactivated in Slack; nobody commands" in text_of(offer)
        await office.bo.click(direct, offer, "Take command")
        await eventually(lambda: holds(office, "bo"))
        assert (await office.incident()).severity is Severity.CRITICAL


def heard(kind: str, who: str, channel: str, at: float) -> dict[str, Any]:
    """Return what Slack sends of somebody who joined or left; later than all that really happened."""
    event = {"type": kind, "user": PEOPLE[who], "channel": channel, "event_ts": f"{4_000_000_000 + at:.6f}"}
    return {"event_id": f"Ev{kind}{at}", "event": event}


async def may_decide(office: Office, who: str) -> bool:
    async with office.ctx.store.transaction() as tx:
        try:
            await presence.require(tx, await queries.get(tx.session, 1), PEOPLE[who])
        except NotAllowed:
            return False
    return True


async def test_whoever_is_back_before_their_leaving_is_heard_of_still_decides(office: Office) -> None:
    desk, channel = office.app.desk, await commanded(office)
    await arriving.joined(desk, heard("member_joined_channel", "ana", channel, 3.2))
    await leaving.left(desk, heard("member_left_channel", "ana", channel, 0.1))
    assert await may_decide(office, "ana")
    await leaving.left(desk, heard("member_left_channel", "ana", channel, 5.0))
    assert not await may_decide(office, "ana")


async def test_a_joining_that_is_heard_of_again_after_they_left_brings_nobody_back(office: Office) -> None:
    desk, channel = office.app.desk, await commanded(office)
    await leaving.left(desk, heard("member_left_channel", "ana", channel, 0.1))
    await arriving.joined(desk, heard("member_joined_channel", "ana", channel, 3.2))
    assert await may_decide(office, "ana")
    await leaving.left(desk, heard("member_left_channel", "ana", channel, 5.0))
    with contextlib.suppress(SeenBefore):
        await arriving.joined(desk, heard("member_joined_channel", "ana", channel, 3.2))
    assert not await may_decide(office, "ana")
    await arriving.joined(desk, heard("member_joined_channel", "ana", channel, 7.0))
    assert await may_decide(office, "ana")


async def holds(office: Office, who: str) -> bool:
    return await holders(office, Role.COMMANDER) == [PEOPLE[who]]


async def test_whoever_has_no_part_leaves_without_a_word(office: Office) -> None:
    channel = await commanded(office, severity="high")
    await office.dee.leave(channel)  # the reporter, whom nothing waits for
    await office.bo.api("conversations.join", channel=channel)
    await office.bo.leave(channel)
    await office.ana.command("/incident", "note the pool is fine", channel)
    await office.ana.wait_for_ephemeral(lambda row: "✓" in text_of(row) and "timeline" in text_of(row).lower())
    assert not [row for row in await office.ana.messages(channel) if "left this channel" in text_of(row)]
