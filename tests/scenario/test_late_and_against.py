"""People who answer late, against each other, twice, or from outside: one word counts, everybody else reads whose."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.workspace.driver import Person
from incidents import records
from incidents.events import EventKind
from incidents.response import approvals
from incidents.service import queries
from tests.integration.agents.shop import GOOD, PRICING, Shop
from tests.scenario.office import PEOPLE, Office, eventually, has_button, opened, text_of
from tests.scenario.test_deciding import declared_and_commanded

ALREADY = r"Already {} by <@{}> at "


async def approval(office: Office, kind: str) -> records.Approval:
    async with office.ctx.store.read() as session:
        return [each for each in await queries.approvals(session, 1) if each.kind == kind][-1]


async def events(office: Office, kind: EventKind) -> list[records.Event]:
    async with office.ctx.store.read() as session:
        return await queries.events_of(session, 1, kind)


async def warnings(person: Person, channel: str) -> list[str]:
    return [text_of(row) for row in await person.ephemerals(channel) if ":warning:" in text_of(row)]


async def refused(person: Person, *words: str) -> dict[str, Any]:
    return await person.wait_for_ephemeral(lambda row: all(each in text_of(row) for each in words))


async def became(person: Person, channel: str, card: dict[str, Any], words: str) -> dict[str, Any]:
    """Return a message once it says `words`."""
    return await person.wait_for_message(channel, lambda row: row["ts"] == card["ts"] and words in text_of(row))


async def test_of_two_who_decide_against_each_other_one_wins_and_the_other_reads_who_and_when(office: Office) -> None:
    channel = await declared_and_commanded(office)
    await office.ana.command("/incident", f"role deputy <@{PEOPLE['bo']}>", channel)
    await office.ana.wait_for_ephemeral(lambda row: "is deputy now" in text_of(row))
    card = await office.bo.wait_for_message(channel, has_button("Choose 1"))
    before = await office.bo.post(channel, "Let me think about it", card["ts"])
    live = await office.bo.wait_for_message(channel, has_button("Choose the fix"))
    await office.bo.click(channel, live, "Choose the fix")
    open_ = await office.bo.wait_for_view(lambda view: "Choose 1" in text_of(view))
    people = {PEOPLE["ana"]: office.ana, PEOPLE["bo"]: office.bo}

    await asyncio.gather(
        office.ana.click(channel, card, "Choose 1"), office.bo.post(channel, "No, >option 2", card["ts"])
    )
    fix = await eventually(lambda: decided(office, "choose_fix"))
    number = fix.decision["number"]
    [loser] = people.keys() - {fix.decided_by}
    against = await refused(people[loser], ALREADY.format("approved", fix.decided_by), f"(option {number})")
    assert "Nothing was changed" in text_of(against)
    # Whoever decided it says so once more, by another way: it stands, and nobody is frightened.
    await people[fix.decided_by].command("/incident", f"option {number}", channel)
    await refused(people[fix.decided_by], "✓ Your word stands: the choice of a fix")
    # So does a press in a form that stood open, which shows then what was decided.
    await office.bo.click_in_view(open_, "Choose 1")
    late = await office.bo.wait_for_view(lambda view: "Already approved by" in text_of(view))
    await office.bo.close(late)
    await office.bo.close(await office.bo.wait_for_view(lambda view: "*Chosen*" in text_of(view)))
    # An edit that chooses comes too late as well.
    seen = len(await office.bo.ephemerals(channel))
    await office.bo.api("chat.update", channel=channel, ts=before["ts"], text=">option 3")
    await eventually(lambda: more_ephemerals(office.bo, channel, seen))
    unchanged = await decided(office, "choose_fix")
    assert unchanged.decision["number"] == number

    deploy = await to_the_deploy_after_a_choice(office, channel)
    await asyncio.gather(
        office.ana.click(channel, deploy, "Approve and deploy"),
        office.ana.click(channel, deploy, "Approve and deploy"),
        office.bo.command("/incident", "reject Keep the rounding", channel),
    )
    row = await eventually(lambda: decided(office, "deploy"))
    done = [each for each in await events(office, EventKind.APPROVAL_DECIDED) if each.data["about"] == "deploy"]
    assert [each.actor for each in done] == [row.decided_by]
    if row.decided_by == PEOPLE["ana"]:
        told = await refused(office.bo, ALREADY.format("approved", PEOPLE["ana"]), "the deploy")
        assert "You typed: `/incident reject Keep the rounding`" in text_of(told)
        assert len(await warnings(office.ana, channel)) == (loser == PEOPLE["ana"]), "two presses frighten nobody"
    else:
        await refused(office.ana, ALREADY.format("sent back", PEOPLE["bo"]), "the deploy")


async def decided(office: Office, kind: str) -> records.Approval | None:
    row = await approval(office, kind)
    return row if row.state in ("approved", "rejected") else None


async def more_ephemerals(person: Person, channel: str, seen: int) -> bool:
    return len(await person.ephemerals(channel)) > seen


async def to_the_deploy_after_a_choice(office: Office, channel: str) -> dict[str, Any]:
    gate = await office.ana.wait_for_message(channel, has_button("Attest"))
    await asyncio.gather(office.ana.click(channel, gate, "Attest"), office.ana.click(channel, gate, "Attest"))
    return await office.ana.wait_for_message(channel, has_button("Approve and deploy"), 20)


async def test_whoever_left_and_whoever_comes_after_the_time_decides_nothing_and_reads_the_way_on(
    office: Office,
) -> None:
    channel = await declared_and_commanded(office)
    card = await office.ana.wait_for_message(channel, has_button("Choose 1"))
    await office.ana.click(channel, card, "Send back")
    form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "send_back")
    await office.ana.leave(channel)
    await office.dee.wait_for_message(channel, lambda row: "left this channel" in text_of(row))
    await office.ana.command("/incident", "inc-1 option 1")
    await refused(office.ana, "You left inc-1", f"Join <#{channel}>")
    await office.ana.api("conversations.join", channel=channel)
    await office.dee.wait_for_message(channel, lambda row: "<@U01ANA> is back" in text_of(row))

    row = await approval(office, "choose_fix")
    async with office.ctx.store.transaction() as tx:
        asked = await tx.session.get_one(records.Approval, row.number)
        asked.expires_at = tx.now - timedelta(minutes=1)
        tx.session.add(asked)
    await office.ana.click(channel, card, "Choose 1")
    await refused(office.ana, "This has expired: nobody decided by", f"`/incident retry {row.step}` asks anew")
    async with office.ctx.store.transaction() as tx:
        incident = await queries.get(tx.session, 1)
        await approvals.expire(tx, incident, await tx.session.get_one(records.Approval, row.number))
    over = await office.ana.wait_for_message(
        channel, lambda each: each["ts"] == card["ts"] and "Expired" in text_of(each)
    )
    assert "asks anew" in text_of(over)
    assert not has_button("Choose 1")(over)
    # What was typed meanwhile stays where it was typed.
    late = await office.ana.submit(form, {"feedback": "Keep the rounding"})
    assert "This has expired" in late["errors"]["feedback"]
    await office.ana.command("/incident", f"retry {row.step}", channel)
    anew = await office.ana.wait_for_message(
        channel, lambda each: each["ts"] > card["ts"] and has_button("Choose 1")(each)
    )
    # In the old card's thread its own question is meant, not the one that is asked now.
    await office.ana.post(channel, ">option 2", card["ts"])
    await eventually(lambda: more_than(office, channel, "This has expired", 2))
    assert (await approval(office, "choose_fix")).state == "pending"

    asked = await office.dee.wait_for_message(channel, lambda each: "What we still need" in text_of(each))
    await office.ana.command("/incident", "resolve Rolled back by hand", channel)
    await became(office.ana, channel, anew, "No longer asked")
    await office.ana.post(channel, ">option 1", anew["ts"])
    await refused(office.ana, "inc-1 is already resolved", "`/incident reopen`")
    facts = (await office.incident()).facts
    await office.dee.post(channel, "Environment: production", asked["ts"])
    await refused(office.dee, "already resolved, so its facts stay as they are")
    assert (await office.incident()).facts == facts


async def more_than(office: Office, channel: str, words: str, count: int) -> bool:
    return sum(words in text_of(row) for row in await office.ana.ephemerals(channel)) >= count


async def test_a_fact_is_what_its_message_says_now_and_stays_when_the_message_is_deleted(office: Office) -> None:
    channel = await office.declare(office.dee)
    asked = await office.dee.wait_for_message(channel, lambda row: "What we still need" in text_of(row))
    said = await office.dee.post(channel, "Versions: release 41\nEnvironment: production", asked["ts"])

    async def shows(words: str) -> dict[str, Any]:
        return await office.dee.wait_for_message(
            channel, lambda row: row["ts"] == asked["ts"] and words in text_of(row)
        )

    await became(office.dee, channel, asked, "release 41")
    await office.dee.api("chat.update", channel=channel, ts=said["ts"], text="Versions: release 42")
    corrected = await became(office.dee, channel, asked, "release 42")
    assert "release 41" not in text_of(corrected)
    assert "environment" not in (await office.incident()).facts, "it says so no longer, so it is asked again"
    await office.ana.post(channel, "Versions: release 43", asked["ts"])
    await refused(office.ana, "<@U05DEE> said “release 42”, and that stands", "editing their message")
    plain = await office.bo.post(channel, "Put an old cart into the till", asked["ts"])
    await became(office.dee, channel, asked, "old cart into the till")
    await office.bo.api("chat.update", channel=channel, ts=plain["ts"], text="Put two old carts into the till")
    await became(office.dee, channel, asked, "two old carts")
    await office.bo.api("chat.delete", channel=channel, ts=plain["ts"])
    await office.bo.post(channel, "Environment: EU", asked["ts"])
    kept = text_of(await became(office.dee, channel, asked, "✓ Environment: EU"))
    assert "two old carts" in kept
    await office.dee.command("/incident", "timeline", channel)
    await office.dee.wait_for_ephemeral(
        lambda row: "facts corrected: versions (was release 41); facts taken back: environment" in text_of(row)
    )


async def test_of_a_fix_by_hand_the_branch_is_typed_and_git_says_the_rest(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "there")
    shop.broken()
    shop.git("switch", "--quiet", "--create", "fix/old-carts")
    fixed = shop.commit("Price old carts", {PRICING: GOOD})
    shop.git("switch", "--quiet", "main")
    service = shop.service().model_copy(update={"key": "checkout"})
    async with opened(tmp_path, "dee", "ana", "bo", services={"checkout": service}) as office:
        channel = await declared_and_commanded(office)
        await office.ana.command("/incident", "takeover 2.1", channel)
        form = await office.ana.wait_for_view(lambda view: view["callback_id"] == "take_over")
        branch, commit = "output:emergency_fix_code.branch", "output:emergency_fix_code.commit"
        typed = {"summary": "Wrote it myself", branch: "fix/old-cart"}
        wrong = await office.ana.submit(form, typed)
        assert wrong["errors"] == {branch: "checkout has no branch 'fix/old-cart'. Push it, or correct its name."}
        wrong = await office.ana.submit(form, {branch: "fix/old-carts", commit: "1234567"})
        assert "checkout has no commit '1234567'" in wrong["errors"][commit]
        await office.ana.submit(form, {branch: "fix/old-carts", commit: ""})
        await office.ana.wait_until_no_view()
        async with office.ctx.store.read() as session:
            outputs = await queries.outputs(session, 1)
    code = outputs["emergency_fix_code"]
    assert isinstance(code, dict)
    assert (code["commit"], code["files"], code["additions"]) == (fixed, [PRICING], 1)
    assert code["base"] == shop.git("rev-parse", "main")
    assert "cart.get('currency', 'EUR')" in code["diff"]
