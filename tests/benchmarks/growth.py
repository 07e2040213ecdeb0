"""How what people wait for grows from 10 to 100,000 past incidents, with 500 open and 10,000 timers at every size.

On SQLite and on PostgreSQL, each beside itself at the smallest size: what is asked of the database, and what the other
measurements are about (acks, declaring, timers, steps, a restart), lived with that history behind it.

Not grown: the storm, bursts of 50 and 200 at once, refused submissions and 20 or 50 responses at once. They ask of the
database what a single one asks, more often; and the makespan of one response is its steps and their overhead, which is.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import func, update
from sqlmodel import col, select

from bot import gauges
from bot.surfaces import home, room
from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from escalation import timers
from escalation.timers import Timers
from incidents import loading, migrations, outbox_queries, records, sending
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Settings
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.response.engine import TOGETHER, Engine
from incidents.response.plan import StepState
from incidents.service import declare, finding
from incidents.store import Store
from tests.benchmarks import acks, engine, history, recovery, turns, usable_channel
from tests.benchmarks import timers as due
from tests.benchmarks.report import Line, percentile
from tests.processes import database_on, postgres_server

SIZES = (10, 1_000, 100_000)
OPEN, TIMERS = 500, 10_000
_ROUNDS, _STARTS, _ACKS, _SECONDS_OF_TIMERS = 9, 3, 100, 3
_AT_REST_SECONDS = 1.0  # what a start sets off is over before anything is measured beside it
_PAUSE_SECONDS = 3.0  # the first steps of one response end before the next is declared
_READER = "U0P007"
#: What is declared, three at each size of each database: so unlike each other and the history's titles that none is
#: taken for a duplicate, and no room for one of another size.
_THINGS = (
    *("Avatars", "Printers", "Calendars", "Coupons", "Ratings", "Wishlists", "Banners", "Polls", "Badges"),
    *("Streams", "Playlists", "Galleries", "Tickets", "Receipts", "Surveys", "Maps", "Replays", "Lockers"),
)
_TROUBLES = ("stay grey", "arrive twice", "jam at noon")

#: What is asked -> its limit at the largest size (ms), and how often the time at 10 it may take there. Search looks at
#: every incident that holds the words, a fifteenth of all; nothing else may depend on history.
_ASKED: dict[str, tuple[float, float]] = {
    "/incident list": (300, 2),
    "App Home": (300, 4),
    "search": (300, 200),
    "live card": (300, 2),
    "duplicate guard": (300, 2),
    "sweep for due timers and notices": (100, 3),
    "/metrics": (300, 3),
    "claim of steps": (300, 3),  # of eight that are ready, written down and told
}
#: The same for what is lived: the target where there is one that is no ratio to another app. None: only told, as the
#: second longest of a hundred is by chance.
_LIVED: dict[str, tuple[float | None, float | None]] = {
    "cold start to connected": (3000, 1.5),
    "restart to the first overdue notice": (2000, 1.5),
    **{f"ack of a {each}, p50": (None, 2) for each in ("command", "click", "stored submission")},
    **{f"ack of a {each}, p99": (None, None) for each in ("command", "click", "stored submission")},
    "submission to usable channel": (None, 2),
    "1000 timers in one second, p99": (due.LIMIT_MS, 2),
    "overhead of a step": (None, 2),
}


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return each figure at each size, beside the same at the smallest, on both databases."""
    found: dict[int, dict[str, float]] = {}
    timed, titles = acks.Acks(running), _titles()
    for past in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            history_ = _History(f"sqlite+aiosqlite:///{folder}/sitrep.db", past)
            found[past] = await _at(running, ava, timed, history_, next(titles))
    lines = _lines("SQLite", found)
    with postgres_server() as server:
        for past in SIZES:
            async with database_on(server) as url:
                found[past] = await _at(running, ava, timed, _History(url, past), next(titles))
    return [*lines, *_lines("PostgreSQL", found)]


def _titles() -> Iterator[Sequence[str]]:
    for first in range(0, len(_THINGS), len(_TROUBLES)):
        yield [f"{thing} {trouble}" for thing, trouble in zip(_THINGS[first:], _TROUBLES, strict=False)]


@dataclass(frozen=True)
class _History:
    """A database, and how many past incidents lie in it."""

    url: str
    past: int


async def _at(
    running: Workspace, ava: Person, timed: acks.Acks, behind: _History, titles: Sequence[str]
) -> dict[str, float]:
    """Return the ms of everything, with so many past incidents."""
    found = await _questions(behind.url, behind.past)
    store = Store(behind.url, SystemClock())
    try:
        found["overhead of a step"] = await engine.overhead_ms(behind.url)
        late = [await due.lateness(store, behind.past) for _ in range(_SECONDS_OF_TIMERS)]
        found["1000 timers in one second, p99"] = statistics.median(percentile(each, 0.99) for each in late)
        await _leave_out(store, behind.past + OPEN)
        return found | await _lived(running, ava, timed, store, titles)
    finally:
        await store.close()


async def _lived(
    running: Workspace, ava: Person, timed: acks.Acks, store: Store, titles: Sequence[str]
) -> dict[str, float]:
    """Return the ms of some starts (their median), and of what is done while the last one runs."""
    found: dict[str, float] = {}

    async def at_work() -> None:
        await turns.quiet(running, _AT_REST_SECONDS)
        taken, room = [], ""
        for title in titles:
            seconds, room = await usable_channel.declared(ava, title)
            taken.append(seconds * 1000)
            await asyncio.sleep(_PAUSE_SECONDS)
        found["submission to usable channel"] = statistics.median(taken)
        found.update(await _acks(running, ava, timed, room))

    starts = [await recovery.restart(running, ava, store, turn) for turn in range(_STARTS - 1)]
    starts.append(await recovery.restart(running, ava, store, _STARTS - 1, at_work))
    return found | {
        "cold start to connected": statistics.median(each.connected for each in starts) * 1000,
        "restart to the first overdue notice": statistics.median(each.told for each in starts) * 1000,
    }


async def _acks(running: Workspace, ava: Person, timed: acks.Acks, room: str) -> dict[str, float]:
    """Return the ms of one command, one click and one note, each a hundred times, one after the other."""
    timed.seconds.clear()
    await turns.quiet(running, _AT_REST_SECONDS)
    card = await ava.wait_for_message(room, usable_channel.is_card)
    for _ in range(_ACKS):
        await timed.burst("command", 1, lambda: ava.command("/incident", "help"))
        await timed.burst("click", 1, lambda: ava.click(room, card, "Post update"))
    await ava.close(await ava.wait_for_view(), whole_stack=True)
    for number in range(_ACKS):
        await ava.wait_until_no_view()
        await ava.command("/incident", "note", channel=room)
        form = await ava.wait_for_view()
        note = {form["blocks"][-1]["block_id"]: f"Seen by hand number {number}"}
        await timed.burst("stored submission", 1, partial(ava.submit, form, note))
    return {
        f"ack of a {what}, p{share * 100:.0f}": percentile(seconds, share) * 1000
        for what, seconds in timed.seconds.items()
        for share in (0.5, 0.99)
    }


async def _leave_out(store: Store, last: int) -> None:
    """Let nobody be told of what only the clock was held against.

    Every notice that waits is dropped: the history leaves none. Of the incidents after its `last` the timers are
    cancelled, too.
    """
    async with store.transaction() as tx:
        waits = col(records.Outbox.state).in_(("waiting", "pending"))
        await tx.session.execute(update(records.Outbox).where(waits).values(state="dropped"))
        later = col(records.Timer.incident_id) > last
        await tx.session.execute(update(records.Timer).where(later).values(state="cancelled"))


def _lines(name: str, found: dict[int, dict[str, float]]) -> list[Line]:
    lines = []
    for what, (most_ms, growth) in {**_ASKED, **_LIVED}.items():
        for past in SIZES[1:]:
            largest = past == SIZES[-1]
            at = f"{what}, {past:,} past incidents, {name}"
            value, baseline = found[past][what], found[SIZES[0]][what]
            against = f"{SIZES[0]} past incidents"
            lines.append(Line(at, value, "ms", growth if largest else None, baseline, against))
            if largest and most_ms is not None:
                lines.append(Line(at, value, "ms", most_ms, baseline, against, "value"))
    return lines


async def _questions(url: str, past: int) -> dict[str, float]:
    store = Store(url, SystemClock())
    await migrations.upgrade(store)
    await history.write(store, history.Size(past, OPEN, TIMERS))
    library, _ = loading.load(loading.templates_root(), None)
    ctx = Context(store, store.clock, library, Settings())
    queued = await _queued(store, past)
    asked = _questions_of(ctx, past, queued)
    medians = {what: await _median_ms(asked[what]) for what in _ASKED}
    await _set(store, queued, StepState.QUEUED)  # what is lived next has them where they were
    await store.close()
    return medians


async def _queued(store: Store, past: int) -> Sequence[int | None]:
    """Return the ids of one step that waits of each of the first open responses, as many as are claimed at once."""
    step = records.Step
    first = col(step.run_id).between(past + 1, past + TOGETHER)
    async with store.read() as session:
        found = await session.scalars(
            select(func.min(step.id)).where(first, step.state == StepState.QUEUED.value).group_by(col(step.run_id))
        )
        return found.all()


async def _set(store: Store, steps: Sequence[int | None], state: StepState) -> None:
    free = {"state": state.value, "owner": "", "lease_until": None}
    async with store.transaction() as tx:
        await tx.session.execute(update(records.Step).where(col(records.Step.id).in_(steps)).values(free))


def _questions_of(ctx: Context, past: int, queued: Sequence[int | None]) -> dict[str, Callable[[], Awaitable[object]]]:
    dispatched = Engine(ctx, PlaybookRunner(ctx.clock), Path(), "bench")

    async def listing() -> None:
        async with ctx.store.read() as session:
            await home.listing(session, ctx, _READER)

    async def app_home() -> None:
        async with ctx.store.read() as session:
            await home.draw(session, ctx, _READER)

    async def search() -> None:
        async with ctx.store.read() as session:
            await finding.search(session, "checkout slow")

    async def card() -> None:
        async with ctx.store.read() as session:
            await room.live_card(session, ctx, past + 1)

    async def guard() -> None:
        async with ctx.store.read() as session:
            await declare.recent_like(session, "checkout", "checkout is slow", ctx.clock.now())

    async def sweep() -> None:
        await timers.fire_due(ctx.store, Timers())
        async with ctx.store.transaction() as tx:
            await sending.candidates(tx, 60, roads={"slack"})
        async with ctx.store.read() as session:
            await outbox_queries.next_due(session, after=ctx.clock.now())

    async def claim() -> None:
        await _set(ctx.store, queued, StepState.READY)
        assert len(await dispatched.claim(TOGETHER)) == TOGETHER

    asked = (listing, app_home, search, card, guard, sweep, lambda: gauges.refresh(ctx), claim)
    return dict(zip(_ASKED, asked, strict=True))


async def _median_ms(ask: Callable[[], Awaitable[object]]) -> float:
    await ask()  # what is compiled and cached once
    taken = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0)
    return statistics.median(taken)
