"""What no longer holds is not sent; what a lost process had sent of it is found, and shows how it ended."""

from datetime import timedelta

import pytest

from bot.delivery import returning
from incidents import records, sending
from incidents.notices import Action, Lane, Notice, Road
from tests.integration.delivery.conftest import Post, note

PAGE = "inc-1:page:2:U0BEN"


async def taken_up_by_a_process_that_dies(post: Post) -> records.Incident:
    """Put a page, let a process claim it, and let somebody have the incident; returns the incident."""
    incident = await post.room()
    await post.put(
        incident,
        note(PAGE, action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE, holds_while="unacknowledged"),
    )
    async with post.ctx.store.transaction() as tx:
        (row,) = await sending.candidates(tx, 10, roads=[Road.SLACK])
        sending.begin(tx, row, "killed")
    edit = Notice(
        key=f"{PAGE}:edit:6",
        lane=Lane.STATUS,
        action=Action.EDIT,
        target="user:U0BEN",
        of=PAGE,
        after=PAGE,
        params={"text": "Ava has it"},
    )
    await post.put(incident, edit)
    async with post.ctx.store.transaction() as tx:
        row = await tx.session.get_one(records.Incident, incident.id)
        row.acknowledged_at = tx.now
    return incident


async def texts_to_ben(post: Post) -> list[str]:
    answer = await post.client.conversations_open(users="U0BEN")
    return await post.texts(answer["channel"]["id"])


async def test_page_that_a_killed_process_had_posted_shows_who_has_it(post: Post) -> None:
    await taken_up_by_a_process_that_dies(post)
    metadata = {"event_type": "sitrep_notice", "event_payload": {"key": PAGE}}
    opened = await post.client.conversations_open(users="U0BEN")
    await post.client.chat_postMessage(channel=opened["channel"]["id"], text="Please help", metadata=metadata)
    post.clock.advance(sending.LEASE + timedelta(seconds=1))
    post.deliverer().start()
    await post.wait(f"{PAGE}:edit:6")
    assert (await post.row(PAGE)).state == "done"
    assert await texts_to_ben(post) == ["Ava has it"]


@pytest.mark.parametrize("key", [PAGE, f"{PAGE}:edit:6"])
async def test_page_that_was_never_posted_is_left_out_with_its_edits(post: Post, key: str) -> None:
    await taken_up_by_a_process_that_dies(post)
    post.clock.advance(sending.LEASE + timedelta(seconds=1))
    post.deliverer().start()
    row = await post.wait(key, "dropped")
    assert "acknowledged" in row.error
    assert await texts_to_ben(post) == []


@pytest.mark.parametrize("posted", [True, False])
async def test_older_page_whose_answer_was_lost_as_slack_went_away_is_looked_for_and_never_sent_again(
    post: Post, posted: bool
) -> None:
    incident = await post.room()
    page = {"action": Action.DIRECT, "target": "user:U0BEN", "lane": Lane.PAGE, "surface": "page"}
    await post.put(incident, note("inc-1:page:1:U0BEN", **page))
    async with post.ctx.store.transaction() as tx:
        (row,) = await sending.candidates(tx, 10, roads=[Road.SLACK])
        sending.begin(tx, row, "one")
    edit = {"of": "inc-1:page:1:U0BEN", "after": "inc-1:page:1:U0BEN", "params": {"text": "Ava has it"}}
    await post.put(incident, note("edit", action=Action.EDIT, target="user:U0BEN", **edit))
    opened = await post.client.conversations_open(users="U0BEN")
    if posted:
        metadata = {"event_type": "sitrep_notice", "event_payload": {"key": "inc-1:page:1:U0BEN"}}
        await post.client.chat_postMessage(channel=opened["channel"]["id"], text="Please help", metadata=metadata)
    async with post.ctx.store.transaction() as tx:
        await sending.doubt(tx, row, tx.now, "The line to Slack broke before it answered.")
    await post.put(incident, note("inc-1:page:2:U0BEN", **page))
    post.clock.advance(returning.STALE + timedelta(minutes=1))
    post.deliverer().start()
    await post.wait("inc-1:page:2:U0BEN")
    ended = "done" if posted else "dropped"
    await post.wait("inc-1:page:1:U0BEN", ended, timeout=5)
    await post.wait("edit", ended, timeout=5)
    seen = await post.texts(opened["channel"]["id"])
    assert sorted(seen) == (["Ava has it"] if posted else []) + ["inc-1:page:2:U0BEN"]


@pytest.mark.parametrize("end", ["killed", "given back"])
async def test_what_a_newer_one_says_already_is_not_painted_over_by_an_older_one_that_was_tried(
    post: Post, end: str
) -> None:
    incident = await post.room()
    await post.put(incident, _topic("old", Lane.CHATTER))
    async with post.ctx.store.transaction() as tx:
        (old,) = await sending.candidates(tx, 10, roads=[Road.SLACK])
        sending.begin(tx, old, "killed")
    await post.put(incident, _topic("new", Lane.ROOM))
    if end == "given back":
        async with post.ctx.store.transaction() as tx:
            await sending.retry(tx, old, tx.now + timedelta(seconds=5), "Slack answered 500")
    else:
        post.clock.advance(sending.LEASE * 1.1)
    async with post.ctx.store.transaction() as tx:  # whose last look has no place for more
        (new,) = await sending.candidates(tx, 1, roads=[Road.SLACK])
        sending.begin(tx, new, "here")
    async with post.ctx.store.transaction() as tx:
        assert await sending.done(tx, new, {})
    post.clock.advance(sending.LEASE * 1.1)
    async with post.ctx.store.transaction() as tx:
        assert await sending.candidates(tx, 10, roads=[Road.SLACK]) == []
    assert new.key == "new"
    assert (await post.row("old")).state == "superseded"


async def test_look_that_read_as_many_as_it_may_says_so_though_some_are_superseded(post: Post) -> None:
    incident = await post.room()
    await post.put(incident, _topic("old", Lane.CHATTER))
    async with post.ctx.store.transaction() as tx:
        (old,) = await sending.candidates(tx, 10, roads=[Road.SLACK])
        sending.begin(tx, old, "here")
    await post.put(incident, _topic("new", Lane.ROOM))
    async with post.ctx.store.transaction() as tx:
        await sending.retry(tx, old, tx.now, "Slack answered 500")
    async with post.ctx.store.transaction() as tx:
        found = await sending.candidates(tx, 2, roads=[Road.SLACK])
        assert ([row.key for row in found], found.more) == (["new"], True)


def _topic(words: str, lane: Lane) -> Notice:
    return Notice(
        key=words,
        lane=lane,
        action=Action.SET_TOPIC,
        target="channel",
        params={"topic": words},
        coalesce="topic",
    )
