"""Two hours without Slack, on a clock moved by hand: nothing is lost, and what went stale is not replayed."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from bot.delivery import settling
from bot.delivery.deliverer import Deliverer
from bot.surfaces import draw
from incidents import outbox, records
from incidents.events import EventKind
from incidents.notices import Action, Lane, Notice
from incidents.service import respond
from tests.integration.outage.conftest import MINUTE, House, living

pytestmark = pytest.mark.long

SAID = "another road"


async def outage(house: House, minutes: int, step: int = 5) -> None:
    """Let Slack be away for `minutes`, noticed at once."""
    await house.slack_goes()
    async with house.ctx.store.transaction() as tx:  # what Slack has to be called for, whatever the card says
        topic = {"topic": "is anybody there?"}
        await outbox.put(
            tx,
            1,
            Notice(key="inc-1:asked", lane=Lane.CHATTER, action=Action.SET_TOPIC, target="channel", params=topic),
        )
    await house.slack_is_missed()
    for _ in range(minutes // step):
        await house.pass_time(step * MINUTE)
        await house.eventually(lambda: all_told(house))  # as it is where minutes take minutes


async def all_told(house: House) -> bool:
    """Tell whether nobody waits for longer than it takes until another road is used."""
    since = house.clock.now() - house.ctx.settings.while_slack_is_away.notice_after
    waiting = [row for row in await house.rows() if row.action == Action.DIRECT and row.state in ("pending", "sending")]
    return all(row.created_at > since for row in waiting)


async def back(house: House) -> list[records.Outbox]:
    """Let Slack come back, and the seconds go by that tries have to wait; returns all rows, each at its end."""
    await house.slack_returns()
    await house.pass_time(timedelta(seconds=30))
    return await house.settled()


async def say(house: House, text: str) -> None:
    async with house.ctx.store.transaction() as tx:
        await respond.add_note(tx, house.ctx, 1, "U0REP", text)
    await house.pass_time(timedelta(seconds=1))


def edits(house: House) -> int:
    """Return how many edits Slack has taken."""
    calls = house.workspace.core.calls.entries()
    return sum(call["method"] == "chat.update" and not call["error"] for call in calls)


async def channel(house: House) -> list[str]:
    async with house.ctx.store.read() as session:
        incident = await session.get_one(records.Incident, 1)
    return [message["text"] for message in await house.history(incident.channel)]


async def test_of_two_hours_the_channel_reads_only_what_is_still_true(house: House) -> None:
    await house.declare()
    await house.settled()
    before, edited = await channel(house), edits(house)
    await outage(house, 120)
    missed = len(await house.events(EventKind.UPDATE_MISSED))
    await back(house)
    came = (await channel(house))[len(before) :]
    assert missed >= 3
    assert sum("was not sent in time" in text for text in came) == 1
    assert sum("inc-1 status:" in text for text in came) == 1
    assert sum(SAID in text for text in came) == 1
    assert len(came) <= 8
    assert edits(house) - edited <= 5
    assert set(house.posted().values()) == {1}


async def test_over_two_hours_everybody_was_told_once_by_some_road(house: House) -> None:
    await house.declare()
    await house.settled()
    await outage(house, 120)
    rows = [row for row in await back(house) if row.action == "direct"]
    assert {row.state for row in rows} == {"done"}
    posted = house.posted()
    for row in rows:
        assert (row.key in posted) != ("told_by" in row.result), row.key
    assert house.mailbox.twice == []
    # Each level of paging, each escalation of the seed: none is missing.
    assert {row.params["level"] for row in rows if row.surface == "page"} == {1, 2, 3, 4}
    assert len(house.mailbox.to("eli", "Escalated")) >= 1


async def test_without_another_road_each_gets_the_newest_page_alone_when_slack_is_back(tmp_path: Path) -> None:
    async with living(tmp_path, letters=False) as house:
        await house.slack_goes()
        await house.declare()
        await house.slack_is_missed()
        for _ in range(12):
            await house.pass_time(5 * MINUTE)
        owed = [row for row in await house.rows() if row.surface == "page" and row.params["person"] == "U0ANA"]
        assert len(owed) > 1
        await back(house)
        told = [message["text"] for message in await house.direct("ana") if "Escalated" not in message["text"]]
        summaries = [text for text in told if "summary" in text]
        assert (len(told) - len(summaries), len(summaries)) == (1, 1)


async def test_forty_edits_of_the_card_become_one(house: House) -> None:
    await house.declare()
    await house.settled()
    edited = edits(house)
    await outage(house, 5)
    for number in range(40):
        await say(house, f"fact {number}")
    await back(house)
    struck = [
        call for call in house.workspace.core.calls.entries() if call["method"] == "chat.update" and call["error"]
    ]
    assert edits(house) - edited - len(struck) <= 2


async def test_an_answer_for_one_persons_eyes_is_not_shown_hours_later(house: House) -> None:
    incident = await house.declare()
    await house.settled()
    await outage(house, 5)
    async with house.ctx.store.transaction() as tx:
        note = Notice(
            key="inc-1:whisper",
            lane=Lane.CHATTER,
            action=Action.EPHEMERAL,
            target="channel",
            surface="live_card",
            params={"person": "U0REP"},
        )
        await outbox.put(tx, incident.number, note)
    await house.pass_time(60 * MINUTE)
    await back(house)
    assert (await house.row("inc-1:whisper")).state == "dropped"


async def test_a_process_that_starts_after_the_outage_sorts_out_what_the_former_left(tmp_path: Path) -> None:
    async with living(tmp_path, letters=False) as house:
        await house.declare()
        await house.settled()
        await house.deliverer.stop()
        for _ in range(24):
            await house.pass_time(5 * MINUTE)
        before = await channel(house)
        house.deliverer = Deliverer(house.ctx, house.client, draw)
        house.deliverer.start()
        await house.settled()
        came = (await channel(house))[len(before) :]
        await house.deliverer.stop()
        assert sum("was not sent in time" in text for text in came) == 1
        assert sum("inc-1 status:" in text for text in came) == 1


async def test_pages_that_failed_are_due_within_a_second_of_slacks_return_and_go(house: House) -> None:
    incident = await house.declare()
    await house.settled()
    await outage(house, 5)
    gave_no_answer = "The line to Slack broke before it answered."
    tried = {
        "refused": (Lane.PAGE, None, "Slack cannot be reached."),
        "unclear": (Lane.DECISION, house.clock.now(), gave_no_answer),  # tried 20 s ago: its effect would be seen
        "asked to wait": (Lane.PAGE, None, "Slack asks to slow down (chat.postMessage)."),
        "chatter": (Lane.CHATTER, None, "Slack cannot be reached."),
    }
    async with house.ctx.store.transaction() as tx:
        for key, (lane, first_tried_at, error) in tried.items():
            note = Notice(key=key, lane=lane, action=Action.SET_TOPIC, target="channel", params={"topic": key})
            await outbox.put(tx, incident.number, note)
            row = (await tx.session.scalars(select(records.Outbox).where(records.Outbox.key == key))).one()
            row.attempts, row.first_tried_at, row.error = 9, first_tried_at, error
            row.not_before = tx.now + settling.backoff(row) / 3
    await house.slack_returns()
    back = house.clock.now()
    for key in ("refused", "unclear"):
        await house.settled(part=key)
        row = await house.row(key)
        assert row.not_before - back < timedelta(seconds=1), key  # 10 s as they had been put off
        assert (row.state, row.attempts) == ("done", 10), key
    assert {key: (await house.row(key)).state for key in ("asked to wait", "chatter")} == {
        "asked to wait": "pending",
        "chatter": "pending",
    }


async def test_other_roads_go_on_while_slack_only_hangs(house: House) -> None:
    await house.faults({"method": "*", "kind": "latency", "seconds": 60})
    await house.declare()
    await house.pass_time(61 * timedelta(seconds=1))
    await house.until(lambda: len(house.mailbox.to("ana", "PAGE")) == 1, timeout=40)
    house.workspace.core.faults.clear()
