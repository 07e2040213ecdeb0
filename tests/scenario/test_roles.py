"""Roles: taken, given away, given back; by button and by word, each checked where it is done."""

import asyncio
from typing import Any

import pytest

from bot.workspace.driver import Person
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.service import queries
from tests.scenario.office import PEOPLE, Office, eventually, has_button, text_of


async def holders(office: Office, role: Role) -> list[str]:
    async with office.ctx.store.read() as session:
        return (await queries.roles(session, (await office.incident()).number)).get(role, [])


async def commanded(office: Office, *, severity: str = "critical") -> str:
    """Return the channel of an incident that Ana commands."""
    channel = await office.declare(office.dee, severity=severity)
    await office.ana.command("/incident", "inc-1 ack")
    await office.ana.wait_for_ephemeral(lambda row: "you command" in text_of(row))
    return channel


async def offer_to(office: Office, person: Person) -> tuple[str, dict[str, Any]]:
    """Return the direct channel and the message that offers this person the command."""
    direct = await office.direct(person)
    return direct, await person.wait_for_message(direct, has_button("Take command"))


async def test_a_role_is_given_back_in_the_panel_and_the_channel_hears_it_in_one_line(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low")
    await office.dee.command("/incident", "role scribe", channel)
    await office.dee.wait_for_ephemeral(lambda row: "You are scribe" in text_of(row))
    await office.dee.command("/incident", "roles", channel)
    panel = await office.dee.wait_for_ephemeral(has_button("Give it back"))
    await office.dee.click(channel, panel, "release_role_scribe")
    await office.dee.wait_for_message(channel, lambda row: "*no longer scribe*" in text_of(row))
    await office.dee.wait_for_ephemeral(
        lambda row: "Roles in inc-1" in text_of(row) and not has_button("Give it back")(row)
    )
    assert await holders(office, Role.SCRIBE) == []
    async with office.ctx.store.read() as session:
        kinds = [event.kind for event in await queries.events(session, 1)]
    assert kinds.count(EventKind.ROLE_RELEASED) == 1


@pytest.mark.parametrize(("role", "label"), [(Role.COMMANDER, "Take command"), (Role.COMMS, "Take comms")])
async def test_of_two_who_press_for_a_role_at_once_one_has_it_and_the_other_hears_who(
    office: Office, role: Role, label: str
) -> None:
    channel = await (commanded(office) if role is Role.COMMS else office.declare(office.dee))
    card = await office.bo.wait_for_message(channel, has_button(label))
    await asyncio.gather(office.dee.click(channel, card, label), office.bo.click(channel, card, label))
    people = {PEOPLE["dee"]: office.dee, PEOPLE["bo"]: office.bo}
    [first] = await eventually(lambda: holders(office, role))
    await people.pop(first).wait_for_ephemeral(lambda row: f"You are {role} now" in text_of(row))
    [second] = people.values()
    refused = await second.wait_for_ephemeral(lambda row: f"<@{first}> took it at" in text_of(row))
    assert f"`/incident inc-1 role {role}` takes it over." in text_of(refused)
    assert await holders(office, role) == [first]


async def test_who_is_replaced_by_word_is_told_in_the_channel(office: Office) -> None:
    channel = await commanded(office)
    await office.bo.command("/incident", "role commander", channel)
    await office.bo.wait_for_ephemeral(lambda row: "You are commander now, instead of <@U01ANA>" in text_of(row))
    await office.ana.wait_for_message(
        channel, lambda row: "<@U02BO> is *commander*, instead of <@U01ANA>" in text_of(row)
    )


async def test_the_panel_takes_a_role_over_only_from_whom_it_shows(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.dee.command("/incident", "role comms", channel)
    await office.dee.wait_for_ephemeral(lambda row: "You are comms" in text_of(row))
    await office.ana.command("/incident", "roles", channel)
    panel = await office.ana.wait_for_ephemeral(has_button("Take it over"))
    await office.bo.command("/incident", "role comms", channel)
    await office.bo.wait_for_ephemeral(lambda row: "You are comms now" in text_of(row))
    await office.ana.click(channel, panel, "take_role_comms")
    await office.ana.wait_for_ephemeral(lambda row: "<@U02BO> took it at" in text_of(row))
    assert await holders(office, Role.COMMS) == [PEOPLE["bo"]]
    shown = await office.ana.wait_for_ephemeral(lambda row: "*Comms*  <@U02BO>" in text_of(row))
    await office.ana.click(channel, shown, "take_role_comms")
    await office.ana.wait_for_message(channel, lambda row: "<@U01ANA> is *comms*, instead of <@U02BO>" in text_of(row))


async def test_a_role_is_given_back_by_word(office: Office) -> None:
    channel = await office.declare(office.dee, severity="low")
    await office.dee.command("/incident", "role comms", channel)
    await office.dee.wait_for_ephemeral(lambda row: "You are comms" in text_of(row))
    await office.dee.command("/incident", "role comms none", channel)
    await office.dee.wait_for_ephemeral(lambda row: "You are no longer comms" in text_of(row))
    await office.dee.command("/incident", "role comms none", channel)
    await office.dee.wait_for_ephemeral(lambda row: "Nobody is comms" in text_of(row))
    await office.dee.command("/incident", "timeline", channel)
    await office.dee.wait_for_ephemeral(lambda row: "<@U05DEE> is no longer comms" in text_of(row))


async def test_of_several_responders_each_gives_back_their_own_part(office: Office) -> None:
    channel = await commanded(office, severity="low")
    for person in (office.dee, office.bo):
        await person.command("/incident", "inc-1 role responder")
        await person.wait_for_ephemeral(lambda row: "You are responder" in text_of(row))
    await office.dee.command("/incident", "role responder none", channel)
    await office.dee.wait_for_ephemeral(lambda row: "You are no longer responder" in text_of(row))
    assert await holders(office, Role.RESPONDER) == [PEOPLE["bo"]]
    await office.ana.command("/incident", f"inc-1 role responder none <@{PEOPLE['bo']}>")
    await office.ana.wait_for_ephemeral(lambda row: "is no longer responder" in text_of(row))
    assert await holders(office, Role.RESPONDER) == []


async def test_only_who_leads_takes_a_role_away_from_somebody_else(office: Office) -> None:
    channel = await commanded(office, severity="low")
    await office.dee.command("/incident", "role commander none", channel)
    refused = await office.dee.wait_for_ephemeral(lambda row: "may take a role away" in text_of(row))
    assert "<@U01ANA>" in text_of(refused)
    assert await holders(office, Role.COMMANDER) == [PEOPLE["ana"]]


async def test_the_command_of_a_critical_incident_given_back_is_offered_to_the_next_in_line(office: Office) -> None:
    channel = await commanded(office)
    await office.ana.command("/incident", "role commander none", channel)
    await office.ana.wait_for_message(channel, lambda row: "*no longer commander*" in text_of(row))
    await office.ana.wait_for_message(
        channel, lambda row: "*Commander*  _open_" in text_of(row) and "nobody commands" in text_of(row)
    )
    # Ana is on call and does not want it: the team lead is next.
    direct, offer = await offer_to(office, office.bo)
    assert "gave the command back" in text_of(offer)
    await office.bo.click(direct, offer, "Take command")
    await office.bo.wait_for_message(direct, lambda row: row["ts"] == offer["ts"] and "<@U02BO> has it" in text_of(row))
    assert await holders(office, Role.COMMANDER) == [PEOPLE["bo"]]


async def test_the_deputy_is_offered_the_command_first(office: Office) -> None:
    channel = await commanded(office)
    await office.ana.command("/incident", f"role deputy <@{PEOPLE['dee']}>", channel)
    await office.ana.wait_for_ephemeral(lambda row: "is deputy now" in text_of(row))
    await office.ana.command("/incident", "role commander none", channel)
    await offer_to(office, office.dee)
    async with office.ctx.store.read() as session:
        offered = await queries.deliveries(session, 1, "inc-1:nobody_commands:")
    assert [row.params["person"] for row in offered] == [PEOPLE["dee"]]


async def test_nobody_is_woken_for_the_command_of_a_lesser_incident(office: Office) -> None:
    channel = await commanded(office, severity="low")
    await office.ana.command("/incident", "role commander none", channel)
    await office.ana.wait_for_ephemeral(lambda row: "You are no longer commander" in text_of(row))
    async with office.ctx.store.read() as session:
        assert not await queries.deliveries(session, 1, "inc-1:nobody_commands:")
