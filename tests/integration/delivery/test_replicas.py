"""Several processes share one outbox: each row is sent by one of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col, select

from bot.delivery import ledger
from bot.delivery.roads import Drawing
from bot.delivery.trip import Trip
from bot.delivery.web import Json
from bot.workspace.server import Workspace
from incidents import homes, migrations, outbox, records, sending, shared_clock, store
from incidents.catalog import Settings
from incidents.context import Context
from incidents.notices import Action, Lane, Notice, Road
from incidents.shared_clock import SharedClock
from incidents.store import Store
from tests import installation
from tests.integration.delivery.conftest import Post, RunningClock, note, posting
from tests.processes import database_on


@pytest.fixture
async def replicas(workspace: Workspace, postgres: str) -> AsyncIterator[tuple[Post, Post]]:
    """Two processes' worth of store and deliverer, over one PostgreSQL database."""
    async with database_on(postgres) as url:
        library = installation.library()
        stores = [Store(url, RunningClock()), Store(url, RunningClock())]
        await migrations.upgrade(stores[0])
        contexts = [Context(each, each.clock, library, Settings()) for each in stores]
        async with posting(workspace, contexts[0]) as first, posting(workspace, contexts[1]) as second:
            yield first, second
        for each in stores:
            await each.close()


async def test_two_processes_send_each_row_once(replicas: tuple[Post, Post]) -> None:
    first, second = replicas
    rooms = [await first.room() for _ in range(10)]
    for number, incident in enumerate(rooms):
        await first.put(incident, *(note(f"{number}:{each}") for each in range(4)))
    first.deliverer(owner="first").start()
    second.deliverer(owner="second").start()
    for number in range(len(rooms)):
        for each in range(4):
            await first.wait(f"{number}:{each}", timeout=20)
    for number, incident in enumerate(rooms):
        assert sorted(await first.texts(incident.channel)) == [f"{number}:{each}" for each in range(4)]
    assert len(first.calls("chat.postMessage")) == 40


async def test_rows_of_a_lost_process_go_to_the_other(replicas: tuple[Post, Post]) -> None:
    first, second = replicas
    incident = await first.room()
    await first.faults({"method": "chat.postMessage", "kind": "latency", "seconds": 60})
    lost = first.deliverer(owner="lost")
    lost.start()
    await first.put(incident, note("a"), note("b"))
    await first.wait("a", "sending")
    await first.wait("b", "sending")
    for task in list(lost._under_way):  # what kill -9 does to calls that are under way
        task.cancel()
    lost._stopping = True
    first.workspace.core.faults.clear()
    second.deliverer(owner="other").start()
    second.clock.advance(sending.LEASE * 1.1)
    await second.wait("a", timeout=15)
    await second.wait("b", timeout=15)
    assert sorted(await second.texts(incident.channel)) == ["a", "b"]


async def test_letter_that_takes_longer_than_its_lease_is_sent_once(
    replicas: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LEASE", timedelta(seconds=1))
    mail = _SlowMail()
    for post in replicas:
        post.deliverer(others={Road.EMAIL: mail}).start()
    letter = Notice(key="letter", lane=Lane.PAGE, road=Road.EMAIL, action=Action.MAIL, target="mail:ava@example.com")
    await replicas[0].put(None, letter)
    row = await replicas[0].wait("letter", timeout=6)
    assert (mail.carried, row.attempts) == (["letter"], 1)


class _SlowMail:
    """A mail server of which each answer takes long."""

    def __init__(self) -> None:
        self.carried: list[str] = []

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        self.carried.append(trip.row.key)
        await asyncio.sleep(2.2 * sending.LEASE.total_seconds())
        return {}


async def test_edit_back_to_what_a_process_last_showed_is_sent_where_another_showed_something_else(
    replicas: tuple[Post, Post],
) -> None:
    first, second = replicas
    incident = await first.room()
    edit = {"action": Action.EDIT, "of": "card", "after": "card", "coalesce": "card"}
    one = first.deliverer()
    one.start()
    await first.put(incident, note("card", params={"text": "before"}))
    await first.wait("card")
    async with second.ctx.store.transaction() as tx:
        await outbox.put(tx, incident.number, note("there", params={"text": "after"}, **edit))
        (there,) = await sending.candidates(tx, 9, roads={Road.SLACK})
        sending.begin(tx, there, "second")
    shown = (await first.row("card")).result
    await second.client.chat_update(channel=shown["channel"], ts=shown["ts"], text="after")
    async with second.ctx.store.transaction() as tx:
        assert await sending.done(tx, there, shown)
    await first.put(incident, note("back", params={"text": "before"}, **edit))
    await first.wait("back")
    assert await first.texts(incident.channel) == ["before"]


def _topic(number: int) -> Notice:
    return Notice(
        key=f"topic {number}", lane=Lane.CHATTER, action=Action.SET_TOPIC, target="channel", params={"topic": "x"}
    )


async def test_replicas_share_what_slack_allows(replicas: tuple[Post, Post]) -> None:
    first, second = replicas
    keys = [_topic(number).key for number in range(24)]
    for number in range(len(keys)):
        await first.put(await first.room(), _topic(number))
    first.deliverer(owner="first").start()
    second.deliverer(owner="second").start()
    async with asyncio.timeout(20):
        while not all([await _went_or_waits(first, key) for key in keys]):  # noqa: ASYNC110 - rows tell nobody
            await asyncio.sleep(0.05)
    # Ten at once and one every three seconds, of both together.
    seconds = 1 + (first.clock.now() - min([(await first.row(key)).created_at for key in keys])).total_seconds()
    assert 10 <= len(first.calls("conversations.setTopic")) <= 10 + seconds / 3


async def _went_or_waits(post: Post, key: str) -> bool:
    row = await post.row(key)
    return row.state == "done" or (row.state == "pending" and row.not_before > post.clock.now())


@pytest.mark.parametrize("by", [timedelta(minutes=1), timedelta(minutes=-1)], ids=["ahead", "behind"])
async def test_what_is_being_sent_is_nobody_elses_where_one_machines_clock_differs(
    replicas: tuple[Post, Post], by: timedelta
) -> None:
    right, wrong = replicas
    wrong.clock.advance(by)
    for post in replicas:
        post.ctx.store.clock = clock = SharedClock(post.clock)
        await clock.compare(post.ctx.store.engine)
    sender, other = (right, wrong) if by > timedelta() else (wrong, right)
    await _card_under_way(sender)
    async with other.ctx.store.transaction() as tx:
        assert await sending.candidates(tx, 9, roads={Road.SLACK}) == []
        assert abs(tx.now - right.clock.now()) < timedelta(seconds=3)


async def test_clock_is_compared_on_after_a_time_without_a_free_connection(
    replicas: tuple[Post, Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_clock, "_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(shared_clock, "_LOOK_SECONDS", 0.02)
    wrong, right = replicas
    wrong.clock.advance(timedelta(minutes=1))
    engine = create_async_engine(wrong.ctx.store.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    clock, stopping = SharedClock(wrong.clock), asyncio.Event()
    async with engine.connect():
        keeping = asyncio.create_task(clock.keep(engine, stopping))
        await asyncio.wait({keeping}, timeout=0.3)
    assert not keeping.done()
    await clock.compare(engine)
    stopping.set()
    await keeping
    await engine.dispose()
    assert abs(clock.now() - right.clock.now()) < timedelta(seconds=3)


async def test_replica_whose_clock_is_behind_is_not_starved_of_calls(replicas: tuple[Post, Post]) -> None:
    ahead, behind = replicas
    ahead.clock.advance(timedelta(minutes=1))
    incident = await ahead.room()
    await ahead.put(incident, *(note(f"ahead:{each}") for each in range(4)))  # all that a channel takes at once
    sending = ahead.deliverer()
    sending.start()
    for each in range(4):
        await ahead.wait(f"ahead:{each}")
    await sending.stop()
    behind.deliverer().start()
    await behind.put(incident, note("behind"))
    await behind.wait("behind", timeout=5)


async def test_database_whose_clock_was_set_back_starves_nobody(replicas: tuple[Post, Post]) -> None:
    first, _ = replicas
    incident = await first.room()
    async with first.ctx.store.transaction() as tx:
        for scope in ("chat.postMessage", f"chat.postMessage {incident.channel}"):
            tx.session.add(records.Allowance(scope=scope, level=0.0, at=tx.now + timedelta(hours=1)))
    first.deliverer().start()
    await first.put(incident, note("n"))
    await first.wait("n", timeout=15)


async def _card_under_way(first: Post) -> records.Incident:
    """Put a card and begin it; returns its incident."""
    incident = await first.room()
    await first.put(incident, note("card"))
    async with first.ctx.store.transaction() as tx:
        (card,) = await sending.candidates(tx, 9, roads={Road.SLACK})
        sending.begin(tx, card, "first")
    return incident


async def _edit_of_a_card_under_way(first: Post) -> None:
    """Put a card, begin it, and put an edit of it, which nobody can send yet."""
    incident = await _card_under_way(first)
    await first.put(incident, note("edit", action=Action.EDIT, of="card"))


async def _end(post: Post, tx: store.Tx) -> None:
    assert await sending.done(tx, await post.row("card"), {"channel": "C1", "ts": "1.1"})


async def test_what_begins_to_wait_while_another_replica_ends_what_it_waits_for_is_released(
    replicas: tuple[Post, Post],
) -> None:
    first, second = replicas
    await _edit_of_a_card_under_way(first)

    async def end() -> None:
        async with second.ctx.store.transaction() as tx:
            await _end(second, tx)

    async with first.ctx.store.transaction() as tx:
        (edit,) = await sending.candidates(tx, 9, roads={Road.SLACK})
        assert await sending.wait_for(tx, edit, "card") is None
        await tx.session.flush()
        ending = asyncio.create_task(end())
        await asyncio.wait({ending}, timeout=0.3)  # as far as it gets while the other has not committed
    await ending
    assert (await first.row("edit")).state == "pending"


async def test_what_would_wait_for_a_notice_that_another_replica_is_ending_looks_again_in_a_moment(
    replicas: tuple[Post, Post],
) -> None:
    first, second = replicas
    await _edit_of_a_card_under_way(first)
    async with second.ctx.store.transaction() as ending:
        await _end(second, ending)
        async with first.ctx.store.transaction() as tx:
            (edit,) = await sending.candidates(tx, 9, roads={Road.SLACK})
            again_at = await sending.wait_for(tx, edit, "card")
            assert again_at is not None
            assert again_at - tx.now < timedelta(seconds=1)
    row = await first.row("edit")
    assert (row.state, row.not_before) == ("pending", again_at)


async def _drop(post: Post, tx: store.Tx) -> None:
    assert await sending.drop(tx, await post.row("card"), "it is resolved")


async def test_what_is_put_while_another_replica_leaves_out_what_it_waits_for_is_left_out_too(
    replicas: tuple[Post, Post],
) -> None:
    first, second = replicas
    incident = await _card_under_way(first)

    async def drop() -> None:
        async with second.ctx.store.transaction() as tx:
            await _drop(second, tx)

    async with first.ctx.store.transaction() as tx:
        await outbox.put(tx, incident.id, note("reply", after="card", target="thread:card"))
        dropping = asyncio.create_task(drop())
        await asyncio.wait({dropping}, timeout=0.3)  # as far as it gets while the other has not committed
    await dropping
    assert (await first.row("reply")).state == "dropped"


async def test_what_would_wait_for_a_notice_that_another_replica_is_leaving_out_is_left_out_too(
    replicas: tuple[Post, Post],
) -> None:
    first, second = replicas
    incident = await _card_under_way(first)
    async with second.ctx.store.transaction() as tx:
        await _drop(second, tx)
        putting = asyncio.create_task(first.put(incident, note("reply", after="card", target="thread:card")))
        await asyncio.wait({putting}, timeout=0.3)
    await putting
    assert (await first.row("reply")).state == "dropped"


def _home(person: str, word: str) -> Notice:
    key, params = f"home:{person}:{word}", {"person": person}
    return Notice(key=key, lane=Lane.ROOM, action=Action.HOME, surface="home", params=params, coalesce=f"home:{person}")


async def _hold(tx: store.Tx, person: str, *, error: str = "") -> None:
    of = update(records.Outbox).where(col(records.Outbox.coalesce) == f"home:{person}")
    await tx.session.execute(of.values(error=error))


async def _someone_waits(post: Post) -> None:
    """Wait until a transaction waits for what another one holds."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    async with asyncio.timeout(5), post.ctx.store.read() as session:
        while not await session.scalar(waiting):
            await session.rollback()
            await asyncio.sleep(0.02)


async def test_replicas_that_redraw_the_same_homes_do_not_wait_for_each_other(replicas: tuple[Post, Post]) -> None:
    first, second = replicas
    for person in "mabc":
        await first.put(None, _home(person, "open"))

    async def redraw(post: Post, people: str) -> None:
        await post.put(None, *(_home(person, f"again-{people}") for person in people))

    async with first.ctx.store.transaction() as between:
        await _hold(between, "b")
        async with second.ctx.store.transaction() as moving:
            await _hold(moving, "m")
            await _hold(moving, "a", error="its row now lies behind the others")
            one = asyncio.create_task(redraw(first, "mabc"))  # sees it where it lay
            await _someone_waits(first)
        await asyncio.sleep(0)
        await _someone_waits(first)
        two = asyncio.create_task(redraw(second, "ac"))  # sees it where it lies
        await asyncio.wait({two}, timeout=0.3)
    await asyncio.gather(one, two)
    assert {(await first.row(f"home:{person}:open")).state for person in "mabc"} == {"pending"}  # and says it newest


async def test_homes_that_another_replica_tidies_are_left_to_it(replicas: tuple[Post, Post]) -> None:
    first, second = replicas
    for word in ("open", "again:then"):
        await first.put(None, *(_home(person, word) for person in "ab"))
        async with first.ctx.store.transaction() as tx:
            await tx.session.execute(update(records.Outbox).values(state="done"))
    async with first.ctx.store.transaction() as tidying:
        await _hold(tidying, "b")
        async with asyncio.timeout(10), second.ctx.store.transaction() as tx:
            assert sorted(await homes.redraw(tx)) == ["a", "b"]
    async with first.ctx.store.read() as session:
        left = (await session.scalars(select(records.Outbox.key).where(col(records.Outbox.state) == "done"))).all()
    assert sorted(left) == ["home:a:open", "home:b:again:then", "home:b:open"]


async def test_channels_that_are_quiet_are_forgotten(replicas: tuple[Post, Post]) -> None:
    first, _ = replicas
    incident = await first.room()
    first.deliverer().start()
    await first.put(incident, note("n"))
    await first.wait("n")
    async with first.ctx.store.transaction() as tx:
        scopes = list((await tx.session.scalars(select(records.Allowance))).all())
        assert {"chat.postMessage", f"chat.postMessage {incident.channel}"} <= {each.scope for each in scopes}
        for each in scopes:
            each.at -= timedelta(minutes=11)
    async with first.ctx.store.transaction() as tx:
        await ledger.tidy(tx)
    async with first.ctx.store.read() as session:
        assert (await session.scalars(select(records.Allowance.scope))).all() == []
