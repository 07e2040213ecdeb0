"""The lease of a notice lasts while it is on its way, and never longer than the database has said."""

import time

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from bot.delivery.renewal import Renewal
from bot.delivery.trip import Place, Trip
from incidents import records, sending, store
from incidents.notices import Road
from tests.integration.delivery.conftest import Post, note

_LEASE = sending.LEASE.total_seconds()


async def _under_way(post: Post, *, seconds: float) -> Trip:
    """Begin a notice; returns its trip as if it had taken `seconds` until now."""
    await post.put(await post.room(), note("n"))
    async with post.ctx.store.transaction() as tx:
        (row,) = await sending.candidates(tx, 9, roads={Road.SLACK})
        sending.begin(tx, row, "here")
    return Trip(row, Place(), None, unclear=False, began_at=time.monotonic() - seconds)


def _renewal(post: Post, *trips: Trip) -> Renewal:
    return Renewal(post.ctx.store, "here", lambda: trips)


async def test_lease_is_prolonged_once_a_third_of_it_is_over(post: Post) -> None:
    trip = await _under_way(post, seconds=_LEASE * 0.3)
    before = (await post.row("n")).lease_until
    await _renewal(post, trip).renew()
    assert (await post.row("n")).lease_until == before
    trip.began_at -= _LEASE * 0.1
    await _renewal(post, trip).renew()
    after = (await post.row("n")).lease_until
    assert before is not None
    assert after is not None
    assert after > before
    assert trip.seconds_left > _LEASE * 0.8


async def test_only_what_the_database_has_answered_gives_a_trip_more_time(post: Post) -> None:
    trip = await _under_way(post, seconds=10)
    breaks = [OperationalError("COMMIT", {}, OSError("server closed the connection unexpectedly"))]

    async def broken(tx: store.Tx) -> None:
        if breaks:
            raise breaks.pop()

    post.ctx.store.before_commit(broken)
    with pytest.raises(OperationalError):
        await _renewal(post, trip).renew()
    assert trip.seconds_left <= _LEASE - 10
    await _renewal(post, trip).renew()
    assert trip.seconds_left > _LEASE - 10


@pytest.mark.parametrize(
    "change",
    [{"owner": "another"}, {"attempts": 2}, {"state": "pending"}, {}],
    ids=["taken over", "begun anew", "given back", "run out"],
)
async def test_lease_that_is_no_longer_ours_is_not_prolonged(post: Post, change: dict[str, object]) -> None:
    trip = await _under_way(post, seconds=10)
    if change:
        async with post.ctx.store.transaction() as tx:
            await tx.session.execute(update(records.Outbox).values(**change))
    else:
        post.clock.advance(sending.LEASE * 1.1)
    before = (await post.row("n")).lease_until
    await _renewal(post, trip).renew()
    assert (await post.row("n")).lease_until == before
    assert trip.seconds_left <= _LEASE - 10


async def test_trip_that_never_ends_is_left_to_another_process(post: Post) -> None:
    trip = await _under_way(post, seconds=181)
    trip.renewed_at = time.monotonic() - 10
    await _renewal(post, trip).renew()
    assert trip.seconds_left <= _LEASE - 10
