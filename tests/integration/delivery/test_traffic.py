"""Slack says slow down, refuses, is away, or shuts us out: what is urgent still goes, and nothing is lost."""

import asyncio
import time
from datetime import timedelta

import pytest

from bot.delivery import settling
from bot.delivery.choosing import LOOKED_AT
from bot.delivery.roads import Drawing
from bot.delivery.trip import Trip, Undelivered
from bot.delivery.web import Json
from bot.slack_errors import Refusal, Verdict
from bot.workspace.config import LimitConfig
from bot.workspace.server import Workspace
from incidents import homes, sending
from incidents.context import Context
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Action, Lane, Notice, Road
from tests.integration.delivery.conftest import Post, configuration, note, posting


async def test_slowed_down_channel_holds_up_no_other(post: Post) -> None:
    slow, other = await post.room(), await post.room()
    await post.faults({"method": "chat.postMessage", "kind": "429", "retry_after": 30, "times": 1})
    post.deliverer().start()
    await post.put(slow, note("slow"))
    row = await post.given_back("slow")
    assert row.first_tried_at is None  # Slack's refusal is definite: nothing to look for
    await post.put(slow, note("behind"))
    await post.put(other, note("other"))
    await post.wait("other")
    assert (await post.row("slow")).state == (await post.row("behind")).state == "pending"
    assert len(post.calls("chat.postMessage")) <= 2


async def test_whoever_opens_a_home_that_waits_to_be_redrawn_waits_no_longer_than_others(post: Post) -> None:
    async def opened(word: str) -> None:
        async with post.ctx.store.transaction() as tx:
            await homes.opened(tx, "U0BEN", word)

    await opened("once")
    async with post.ctx.store.transaction() as tx:
        (row,) = await sending.candidates(tx, 10, roads=[Road.SLACK])
        sending.begin(tx, row, "one")
    async with post.ctx.store.transaction() as tx:
        await sending.done(tx, row, {})
    async with post.ctx.store.transaction() as tx:
        assert await homes.redraw(tx) == ["U0BEN"]
    await opened("again")
    await opened("and again")  # as urgent as the one that waits
    async with post.ctx.store.transaction() as tx:
        assert await homes.redraw(tx) == []
    async with post.ctx.store.transaction() as tx:
        waiting = await sending.candidates(tx, 10, roads=[Road.SLACK])
        assert [(row.key, row.lane) for row in waiting] == [("home:U0BEN:again", Lane.ROOM)]


async def test_retry_after_is_obeyed(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "conversations.setTopic", "kind": "429", "retry_after": 1, "times": 1})
    post.deliverer().start()
    started = time.monotonic()
    await post.put(
        incident, Notice(key="t", lane=Lane.ROOM, action=Action.SET_TOPIC, target="channel", params={"topic": "x"})
    )
    await post.wait("t")
    assert time.monotonic() - started >= 1.0


async def test_road_that_asks_for_an_hour_is_left_alone_for_minutes(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "conversations.setTopic", "kind": "429", "retry_after": 3600})
    post.deliverer(others={Road.PAGER: _AnHour()}).start()
    fields = {"lane": Lane.ROOM, "target": "channel", "params": {"topic": "x"}}
    keys = {"call": (Road.PAGER, Action.PAGE), "topic": (Road.SLACK, Action.SET_TOPIC)}
    await post.put(incident, *(Notice(key=key, road=road, action=how, **fields) for key, (road, how) in keys.items()))
    for key in keys:
        await post.given_back(key)
    await post.put(incident, Notice(key="other topic", action=Action.SET_TOPIC, **fields), note("meanwhile"))
    await post.wait("meanwhile")
    for key, tries in (("call", 1), ("topic", 1), ("other topic", 0)):
        row = await post.row(key)
        assert row.attempts == tries
        assert timedelta(minutes=8) < row.not_before - post.clock.now() <= sending.LONGEST_WAIT
    async with post.ctx.store.transaction() as tx:
        assert await sending.candidates(tx, 9, roads=list(Road)) == []


class _AnHour:
    """A road whose other side takes nothing for an hour, and says so."""

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        raise Undelivered(Refusal(Verdict.AGAIN, "later", "The pager answers 429.", retry_after_seconds=3600))


async def test_posts_into_one_channel_keep_slacks_pace(ctx: Context) -> None:
    async with Workspace(configuration(limits=LimitConfig(enabled=True))) as workspace, posting(workspace, ctx) as post:
        incident = await post.room()
        post.deliverer().start()
        await post.put(incident, *(note(f"n{number}") for number in range(7)))
        for number in range(7):
            await post.wait(f"n{number}")
        assert [call["error"] for call in post.calls("chat.postMessage")] == [None] * 7


async def test_page_goes_before_waiting_chatter(post: Post) -> None:
    incident = await post.room()
    deliverer = post.deliverer()
    await post.put(incident, *(note(f"n{number}") for number in range(30)))
    await post.put(incident, note("page", action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE))
    deliverer.start()
    await post.wait("page")
    assert (await post.row("n29")).state == "pending"
    posts = post.calls("chat.postMessage")
    assert [call["args"]["text"] for call in posts].index("page") < 5


async def test_chatter_leaves_room_for_a_page(post: Post) -> None:
    rooms = [await post.room() for _ in range(15)]
    await post.faults({"method": "chat.postMessage", "kind": "latency", "seconds": 4})
    for number, incident in enumerate(rooms):
        await post.put(incident, note(f"n{number}"))
    post.deliverer().start()
    await post.wait("n0", "sending")
    post.workspace.core.faults.clear()
    await post.put(rooms[0], note("page", action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE))
    await post.wait("page", timeout=3)


async def test_mail_server_that_hangs_holds_up_no_page_no_channel_and_no_other_road(post: Post) -> None:
    mail, pager = _Hanging(), _Hanging()
    pager.answers.set()
    post.deliverer(others={Road.EMAIL: mail, Road.PAGER: pager}).start()
    incident = await post.room()
    to = {"lane": Lane.PAGE, "road": Road.EMAIL, "action": Action.MAIL, "target": "mail:ava@example.com"}
    letters = [Notice(key=f"letter {number}", **to) for number in range(LOOKED_AT + 8)]
    try:
        await post.put(incident, *letters)
        await post.until(lambda: len(mail.carried) > 0)
        await post.put(
            incident,
            note("page", action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE),
            Notice(key="room", lane=Lane.ROOM, action=Action.CREATE_CHANNEL, params={"name": "r", "private": False}),
            Notice(key="call", lane=Lane.PAGE, road=Road.PAGER, action=Action.PAGE),
        )
        for key in ("page", "room", "call"):
            await post.wait(key, timeout=4)
        assert len(mail.carried) < 10
    finally:
        mail.answers.set()
    for letter in letters:
        await post.wait(letter.key)
    assert sorted(mail.carried) == sorted(letter.key for letter in letters)


class _Hanging:
    """A road that answers nobody until `answers` is set."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.carried: list[str] = []

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        self.carried.append(trip.row.key)
        await self.answers.wait()
        return {}


async def test_waiting_edits_of_a_card_become_one(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("card"))
    await post.wait("card")
    await post.faults({"method": "chat.update", "kind": "latency", "seconds": 2})
    for number in range(5):
        edit = note(
            f"e{number}",
            action=Action.EDIT,
            of="card",
            after="card",
            coalesce="card",
            params={"text": f"version {number}"},
        )
        await post.put(incident, edit)
        if number == 0:
            await post.wait("e0", "sending")
    post.workspace.core.faults.clear()
    await post.wait("e4")
    assert await post.texts(incident.channel) == ["version 4"]
    assert [(await post.row(f"e{number}")).state for number in range(1, 4)] == ["superseded"] * 3
    assert len(post.calls("chat.update")) == 2


async def test_edit_that_changes_nothing_is_not_sent(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("card", params={"text": "same"}))
    await post.wait("card")
    await post.put(incident, note("e", action=Action.EDIT, of="card", coalesce="card", params={"text": "same"}))
    assert (await post.wait("e")).result["unchanged"]
    assert post.calls("chat.update") == []


async def test_edit_waits_for_the_message_it_edits(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "chat.postMessage", "kind": "latency", "seconds": 0.2})
    post.deliverer().start()
    edit = note("e", action=Action.EDIT, of="card", params={"text": "after"})
    await post.put(incident, note("card", lane=Lane.CHATTER), edit)
    await post.wait("e")
    assert await post.texts(incident.channel) == ["after"]


async def test_page_that_was_answered_is_not_sent(post: Post) -> None:
    incident = await post.room()
    deliverer = post.deliverer()
    await post.put(
        incident,
        note("page", action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE, holds_while="unacknowledged"),
        note("old", expires_at=post.clock.now() - timedelta(minutes=1)),
        note("still", holds_while="open"),
    )
    async with post.ctx.store.transaction() as tx:
        (await tx.session.get_one(type(incident), incident.id)).acknowledged_at = tx.now
    deliverer.start()
    await post.wait("still")
    assert (await post.row("page")).state == "dropped"
    assert "acknowledged" in (await post.row("page")).error
    assert (await post.row("old")).state == "dropped"


async def test_what_waits_for_something_that_will_not_be_sent_ends_with_it(post: Post) -> None:
    incident = await post.room()
    deliverer = post.deliverer()
    await post.put(
        incident,
        note("call", expires_at=post.clock.now() - timedelta(minutes=1)),
        note("hang up", after="call", target="thread:call"),
        note("thanks", after="hang up", target="thread:hang up"),
    )
    deliverer.start()
    await post.wait("call", "dropped")
    assert "needed call" in (await post.wait("hang up", "dropped")).error
    await post.wait("thanks", "dropped")
    await post.put(incident, note("later", after="call", target="thread:call"))
    assert (await post.row("later")).state == "dropped"


async def test_reminder_of_a_resolved_incident_is_not_sent(post: Post) -> None:
    incident = await post.room(status=Status.RESOLVED)
    deliverer = post.deliverer()
    await post.put(incident, note("n", holds_while="open"))
    deliverer.start()
    assert "resolved" in (await post.wait("n", "dropped")).error


async def test_slack_out_of_reach_is_waited_for(ctx: Context) -> None:
    first = Workspace(configuration())
    await first.start()
    port = int(first.url.rpartition(":")[2])
    async with posting(first, ctx) as post:
        incident = await post.incident()
        await first.stop()
        deliverer = post.deliverer()
        deliverer.start()
        await post.put(incident, note("n", target="channel:C0GENERAL"))
        await post.given_back("n")
        assert "cannot be reached" in deliverer.trouble
        async with Workspace(configuration(), port=port) as second:
            general = next(channel.id for channel in second.core.team.channels.values() if channel.name == "general")
            await post.put(incident, note("m", target=f"channel:{general}"))
            await post.wait("m")
            await post.until(lambda: deliverer.trouble == "")


async def test_revoked_token_stops_the_road_and_loses_nothing(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "*", "kind": "error", "error": "token_revoked"})
    deliverer = post.deliverer()
    deliverer.start()
    await post.put(incident, *(note(f"n{number}") for number in range(3)))
    await post.until(lambda: "revoked" in deliverer.trouble)
    await asyncio.sleep(0)
    tried = len(post.calls("chat.postMessage"))
    await post.put(incident, note("later"))
    assert (await post.row("later")).state == "pending"
    assert tried <= 3
    post.workspace.core.faults.clear()
    deliverer._outage.probe_at = 0.0  # a quarter of a minute goes by
    for key in ("n0", "n1", "n2", "later"):
        await post.wait(key)
    assert deliverer.trouble == ""
    assert sorted(await post.texts(incident.channel)) == ["later", "n0", "n1", "n2"]


@pytest.mark.parametrize("error", ["access_denied", "account_inactive"])
async def test_what_slack_refuses_one_notice_though_it_takes_the_token_shuts_nobody_elses_road(
    post: Post, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_LONGEST_BACKOFF_SECONDS", 0.1)
    incident = await post.room()
    await post.faults({"method": "pins.add", "kind": "error", "error": error})
    deliverer = post.deliverer()
    deliverer.start()
    await post.put(incident, note("n"), note("pin", action=Action.PIN, of="n", after="n"))
    pin = await post.wait("pin", "failed", timeout=10)
    assert deliverer.trouble == ""
    assert pin.error
    assert [event.data["key"] for event in await post.events(incident) if event.kind is EventKind.DELIVERY_FAILED] == [
        "pin"
    ]
    await post.put(incident, note("page", action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE))
    await post.wait("page", timeout=5)


async def test_archived_channel_is_told_to_whoever_is_in_charge(post: Post) -> None:
    incident = await post.room()
    await post.client.conversations_archive(channel=incident.channel)
    post.deliverer().start()
    await post.put(incident, note("n"), note("after", after="n", target="thread:n"))
    row = await post.wait("n", "failed")
    assert "archived" in row.error
    assert "Unarchive" in row.error
    assert (await post.row("after")).state == "failed"
    told = await post.wait(f"{incident.key}:lost_room:is_archived")
    messages = (await post.client.conversations_history(channel=told.result["channel"]))["messages"]
    assert incident.key in messages[0]["text"]
    failed = [event for event in await post.events(incident) if event.kind is EventKind.DELIVERY_FAILED]
    assert [event.data["key"] for event in failed] == ["n"]


async def test_missing_scope_says_which_and_what_to_do(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "chat.postMessage", "kind": "error", "error": "missing_scope"})
    post.deliverer().start()
    await post.put(incident, note("n"))
    row = await post.wait("n", "failed")
    assert "lacks" in row.error
    assert "manifest.yml" in row.error


async def test_refused_blocks_leave_the_words(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("n", params={"text": "read me", "blocks": [{"type": "no_such_block"}]}))
    await post.wait("n")
    assert await post.texts(incident.channel) == ["read me"]


async def test_telling_somebody_is_recorded_with_its_lateness(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    due = post.clock.now() - timedelta(minutes=3)
    await post.put(
        incident,
        note(
            "m",
            action=Action.DIRECT,
            target="user:U0BEN",
            due_at=due,
            params={"audience": "cto", "person": "U0BEN"},
        ),
    )
    await post.wait("m")
    told = next(event for event in await post.events(incident) if event.kind is EventKind.TOLD)
    assert told.data["audience"] == "cto"
    assert told.data["road"] == "slack"
    assert 180 <= told.data["late_seconds"] <= 183


async def test_road_that_is_not_configured_fails_with_what_to_set(post: Post) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("m", road="email", action=Action.MAIL, target="mail:x@example.com"))
    assert "SMTP_URL" in (await post.wait("m", "failed")).error


async def test_stopping_finishes_what_is_under_way_and_begins_nothing(post: Post) -> None:
    incident = await post.room()
    await post.faults({"method": "chat.postMessage", "kind": "latency", "seconds": 0.3})
    deliverer = post.deliverer()
    deliverer.start()
    await post.put(incident, note("n"))
    await post.wait("n", "sending")
    await asyncio.gather(deliverer.stop(), post.put(incident, note("late")))
    assert (await post.row("n")).state == "done"
    assert (await post.row("late")).state == "pending"
