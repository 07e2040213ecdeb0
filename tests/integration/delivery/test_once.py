"""Whatever breaks on the way, people read each message once."""

import asyncio
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from bot.views.message import Message
from incidents import records, store
from incidents.context import Context
from incidents.events import EventKind
from incidents.notices import Action, Lane, Notice
from tests.integration.delivery.conftest import Post, note, plain


async def test_message_carries_its_key(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("inc-1:line:4", params={"text": "Severity is now high"}))
    await post.wait("inc-1:line:4")
    message = (await post.history(incident.channel))[-1]
    assert message["metadata"] == {"event_type": "sitrep_notice", "event_payload": {"key": "inc-1:line:4"}}


@pytest.mark.parametrize("target", ["channel", "thread:head", "user:U0BEN"])
async def test_message_whose_answer_was_lost_is_found_again(post: Post, target: str) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("head"))
    await post.wait("head")
    await post.faults({"method": "chat.postMessage", "kind": "drop_after", "times": 1})
    action = Action.DIRECT if target.startswith("user") else Action.POST
    await post.put(incident, note("n", target=target, action=action, lane=Lane.PAGE))
    row = await post.given_back("n")
    assert row.first_tried_at is not None
    post.clock.advance(timedelta(seconds=12))
    row = await post.wait("n")
    if target == "user:U0BEN":
        messages = (await post.client.conversations_history(channel=row.result["channel"]))["messages"]
    else:
        replies = await post.client.conversations_replies(channel=incident.channel, ts=row.result["ts"])
        messages = [each for each in replies["messages"] if each["text"] == "n"]
    assert [(each["text"], each["ts"]) for each in messages] == [("n", row.result["ts"])]


async def test_message_that_never_arrived_is_sent_again(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "chat.postMessage", "kind": "drop_before", "times": 1})
    post.deliverer().start()
    await post.put(incident, note("n"))
    await post.given_back("n")
    post.clock.advance(timedelta(seconds=12))
    await post.wait("n")
    assert await post.texts(incident.channel) == ["n"]


async def test_rows_of_a_lost_process_are_looked_for_when_their_lease_runs_out(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "chat.postMessage", "kind": "latency", "seconds": 60})
    lost = post.deliverer(owner="lost")
    lost.start()
    await post.put(incident, *(note(f"n{number}") for number in range(3)))
    for number in range(3):
        await post.wait(f"n{number}", "sending")
    for task in list(lost._under_way):  # what kill -9 does to calls that are under way
        task.cancel()
    lost._stopping = True
    post.workspace.core.faults.clear()
    await post.client.chat_postMessage(
        channel=incident.channel,
        text="n1",
        metadata={"event_type": "sitrep_notice", "event_payload": {"key": "n1"}},
    )
    post.deliverer(owner="next").start()
    assert (await post.row("n1")).state == "sending"
    post.clock.advance(timedelta(seconds=31))
    for number in range(3):
        await post.wait(f"n{number}")
    assert sorted(await post.texts(incident.channel)) == ["n0", "n1", "n2"]
    assert len(post.calls("conversations.history")) == 2  # one look for all three, and ours just now


async def test_private_message_is_shown_at_most_once(post: Post) -> None:
    incident = await post.room()
    await post.client.conversations_invite(channel=incident.channel, users="U0BEN")
    await post.faults({"method": "chat.postEphemeral", "kind": "drop_after", "times": 1})
    post.deliverer().start()
    await post.put(incident, note("n", action=Action.EPHEMERAL, params={"person": "U0BEN"}))
    await post.given_back("n")
    post.clock.advance(timedelta(seconds=12))
    row = await post.wait("n", "dropped")
    assert "twice" in row.error
    assert len(post.calls("chat.postEphemeral")) == 1


async def test_edit_of_unclear_end_is_simply_repeated(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("card", params={"text": "before"}))
    await post.wait("card")
    await post.faults({"method": "chat.update", "kind": "drop_after", "times": 1})
    edit = Notice(
        key="e",
        lane=Lane.ROOM,
        action=Action.EDIT,
        target="channel",
        of="card",
        after="card",
        coalesce="card",
        params={"text": "after"},
    )
    await post.put(incident, edit)
    await post.wait("e")
    assert await post.texts(incident.channel) == ["after"]


async def test_edit_back_to_what_stood_there_before_one_of_unclear_end_is_sent(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("card", params={"text": "before"}))
    await post.wait("card")
    await post.faults({"method": "chat.update", "kind": "drop_after", "times": 1})
    edit = {"action": Action.EDIT, "of": "card", "after": "card", "coalesce": "card"}
    await post.put(incident, note("there", params={"text": "after"}, **edit))
    await post.given_back("there")
    await post.put(incident, note("back", params={"text": "before"}, **edit))
    await post.wait("back")
    assert (await post.row("there")).state == "superseded"
    assert await post.texts(incident.channel) == ["before"]
    await post.put(incident, note("again", params={"text": "before"}, **edit))
    assert (await post.wait("again")).result["unchanged"]  # by then it is known


async def test_file_whose_answer_was_lost_is_not_shared_twice(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "files.completeUploadExternal", "kind": "drop_after", "times": 1})
    post.deliverer().start()
    params = {"filename": "postmortem-inc-1.md", "title": "Post-mortem", "text": "# inc-1"}
    await post.put(incident, note("f", action=Action.FILE, params=params))
    await post.given_back("f")
    post.clock.advance(timedelta(seconds=12))
    row = await post.wait("f")
    shared = [file["id"] for message in await post.history(incident.channel) for file in message.get("files", ())]
    assert shared == [row.result["file"]]


async def test_second_canvas_of_a_channel_replaces_the_first(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    for key, text in (("c1", "# Draft"), ("c2", "# Final")):
        await post.put(incident, note(key, action=Action.CANVAS, params={"title": "Post-mortem", "text": text}))
        row = await post.wait(key)
    assert post.workspace.core.team.canvases[row.result["canvas"]].markdown.strip() == "# Final"
    assert row.result["url"].endswith(row.result["canvas"])


async def test_drawing_that_fails_fails_its_row_alone(post: Post) -> None:
    incident = await post.room()

    async def draw(session, ctx, row):
        if row.key == "bad":
            raise KeyError("no such surface: token=xoxb-1234567890-abcdef " + "x" * 1000)
        return await plain(session, ctx, row)

    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logged:
        post.deliverer(draw=draw).start()
        await post.put(incident, note("bad"), note("good"))
        await post.wait("good")
        row = await post.wait("bad", "failed")
        while len(told := {each["key"]: each for each in logged if each["event"] == "notice"}) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (told["good"]["log_level"], told["good"].get("why")) == ("info", None)
    assert (told["bad"]["log_level"], told["bad"]["outcome"]) == ("warning", "fault")
    assert told["bad"]["why"].startswith("KeyError: 'no such surface: token=[redacted]")
    assert len(told["bad"]["why"]) == 300
    assert "could not make this message" in row.error
    assert [event.data["key"] for event in await post.events(incident) if event.kind is EventKind.DELIVERY_FAILED] == [
        "bad"
    ]


@pytest.mark.parametrize(
    "trouble",
    [
        OperationalError("SELECT", {}, OSError("server closed the connection unexpectedly")),
        NoConnectionFree("QueuePool limit of size 5 overflow 10 reached"),
    ],
    ids=["lost", "hanging"],
)
async def test_message_that_a_lost_database_kept_from_being_drawn_is_drawn_again(
    post: Post, trouble: Exception
) -> None:
    incident = await post.room()
    await post.client.conversations_invite(channel=incident.channel, users="U0BEN")
    breaks = ["n", "private"]

    async def draw(session: AsyncSession, ctx: Context, row: records.Outbox) -> Message:
        if row.key in breaks:
            breaks.remove(row.key)
            raise trouble
        return await plain(session, ctx, row)

    post.deliverer(draw=draw).start()
    await post.put(incident, note("n"), note("private", action=Action.EPHEMERAL, params={"person": "U0BEN"}))
    await post.wait("n")
    await post.wait("private")  # nobody has been shown it, so nobody would be shown it twice
    assert await post.texts(incident.channel) == ["n"]


async def test_what_came_of_a_notice_outlasts_a_database_that_went_away(post: Post) -> None:
    incident = await post.room()
    breaks = [OperationalError("COMMIT", {}, OSError("server closed the connection unexpectedly"))] * 2

    async def broken(tx: store.Tx) -> None:
        state = select(records.Outbox.state).where(records.Outbox.key == "n")
        if breaks and await tx.session.scalar(state) == "done":
            raise breaks.pop()

    post.ctx.store.before_commit(broken)
    post.deliverer().start()
    await post.put(incident, note("n"))
    row = await post.wait("n", timeout=10)  # a lease is longer
    assert not breaks
    assert row.attempts == 1
    assert len(post.calls("chat.postMessage")) == 1


async def test_what_another_took_over_is_not_counted_as_sent_by_us(post: Post) -> None:
    incident = await post.room()
    begun, taken = asyncio.Event(), asyncio.Event()

    async def draw(session: AsyncSession, ctx: Context, row: records.Outbox) -> Message:
        begun.set()
        await taken.wait()
        return await plain(session, ctx, row)

    deliverer = post.deliverer(draw=draw)
    deliverer.start()
    with structlog.testing.capture_logs() as logged:
        await post.put(incident, note("n"))
        await begun.wait()
        async with post.ctx.store.transaction() as tx:
            await tx.session.execute(update(records.Outbox).values(owner="another"))
        taken.set()
        await post.until(lambda: not deliverer._under_way)
    assert [each["outcome"] for each in logged if each["event"] == "notice"] == ["taken_over"]
