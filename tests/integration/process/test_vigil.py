"""Operators hear once when notices leave late and once when it is over; the heartbeat stays away meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import structlog
from pytest_httpserver import HTTPServer
from sqlmodel import col, select

from bot.heartbeat import Heart
from bot.views import operators as view
from bot.vigil import Vigil
from escalation import letters, operators
from incidents import migrations, outbox, punctuality, records
from incidents.catalog import Lateness, Person, Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.notices import Action, Lane, Notice, Road
from incidents.store import Store
from tests import installation

BOTH = frozenset({Road.SLACK, Road.EMAIL})
SETTINGS = Settings(
    operators_channel="C0OPS",
    operators=("ana",),
    people={"ana": Person(key="ana", name="Ana", email="ana@example.org")},
)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Watched:
    """An installation that is watched, by as many as are asked for."""

    ctx: Context
    clock: Hands
    cause: str = ""
    vigils: list[Vigil] = field(default_factory=list)

    def vigil(self, roads: frozenset[Road] = BOTH, cause: Callable[[], str] | None = None) -> Vigil:
        return Vigil(self.ctx, roads, cause or (lambda: self.cause))

    async def put(self, key: str, lane: Lane, **changes: object) -> None:
        async with self.ctx.store.transaction() as tx:
            notice = Notice(key=key, lane=lane, action=Action.DIRECT, target="user:U0ANA", due_at=tx.now)
            await outbox.put(tx, None, notice.model_copy(update=changes))

    async def refused(self, key: str, lane: Lane, said: str) -> None:
        await self.put(key, lane, road=Road.EMAIL, action=Action.MAIL)
        async with self.ctx.store.transaction() as tx:
            (await tx.session.scalars(select(records.Outbox).where(records.Outbox.key == key))).one().error = said

    async def sent(self, key: str, by: Road = Road.SLACK) -> None:
        async with self.ctx.store.transaction() as tx:
            row = (await tx.session.scalars(select(records.Outbox).where(records.Outbox.key == key))).one()
            row.state, row.sent_at = "done", tx.now
            row.result = {} if by is Road.SLACK else {"told_by": by.value}

    async def told(self, action: Action = Action.POST) -> list[records.Outbox]:
        async with self.ctx.store.read() as session:
            rows = records.Outbox
            found = await session.scalars(
                select(rows)
                .where(rows.surface == operators.SURFACE, rows.action == action.value)
                .order_by(col(rows.id))
            )
            return list(found.all())


@pytest.fixture
async def watched(database_url: str) -> AsyncIterator[Watched]:
    clock = Hands()
    store = Store(database_url, clock)
    await migrations.upgrade(store)
    yield Watched(Context(store, clock, installation.library(), SETTINGS), clock)
    await store.close()


async def test_operators_hear_once_when_a_page_is_late_and_once_when_it_is_over(watched: Watched) -> None:
    await watched.put("page", Lane.PAGE)
    vigil = watched.vigil()
    watched.clock.pass_(seconds=59)
    await vigil.look()
    assert await watched.told() == []
    watched.clock.pass_(seconds=2)
    await vigil.look()
    watched.clock.pass_(minutes=10)
    await vigil.look()
    [late] = await watched.told()
    assert late.target == "channel:C0OPS"
    assert operators.words(late.params) == (
        "Notices leave late.",
        "Since 10:01 UTC: A page was due 1 min ago and has not gone out. "
        "`/readyz` says what Sitrep needs, and you hear when it is over.",
    )
    await watched.sent("page")
    await watched.sent(late.key)
    await vigil.look()
    await vigil.look()
    [_, over] = await watched.told()
    said, more = operators.words(over.params)
    assert said == "Notices leave in time again."
    assert "late for 10 min, from 10:01 to 10:11 UTC" in more
    assert await watched.told(Action.MAIL) == []


async def test_a_second_spell_is_told_again(watched: Watched) -> None:
    vigil = watched.vigil()
    for turn in range(2):
        await watched.put(f"page-{turn}", Lane.PAGE)
        watched.clock.pass_(minutes=2)
        await vigil.look()
        for row in await watched.told():
            await watched.sent(row.key)
        await watched.sent(f"page-{turn}")
        await vigil.look()
    assert len(await watched.told()) == 4


async def test_of_two_replicas_that_notice_at_once_one_tells(watched: Watched) -> None:
    await watched.put("page", Lane.PAGE)
    watched.clock.pass_(minutes=2)
    vigils = [watched.vigil() for _ in range(4)]
    await asyncio.gather(*(vigil.look() for vigil in vigils))
    [late] = await watched.told()
    await watched.sent("page")
    await watched.sent(late.key)
    await asyncio.gather(*(vigil.look() for vigil in vigils))
    assert len(await watched.told()) == 2


async def test_when_slack_is_what_is_away_they_are_mailed_and_read_one_line_afterwards(watched: Watched) -> None:
    await watched.put("page", Lane.PAGE)
    await watched.put("card", Lane.ROOM)
    watched.clock.pass_(minutes=2)
    watched.cause = "Slack cannot be reached (connection refused)."
    vigil = watched.vigil()
    await vigil.look()
    [mail] = await watched.told(Action.MAIL)
    async with watched.ctx.store.read() as session:
        letter = await letters.letter(session, watched.ctx, mail)
    assert letter.to == ("ana@example.org",)
    assert letter.subject == "Sitrep: Notices leave late"
    assert "Slack cannot be reached" in letter.body
    for key in ("page", mail.key):
        await watched.sent(key, Road.EMAIL)  # another road told in Slack's place: that ends nothing
    await vigil.look()
    watched.cause = ""  # it answers, or who saw that it was away is gone: that alone ends nothing either
    watched.clock.pass_(minutes=2)
    await asyncio.gather(vigil.look(), watched.vigil().look())
    assert len(await watched.told()) == 1
    await watched.sent("card")
    await watched.vigil().look()
    [late, over] = await watched.told()
    assert (late.state, over.state) == ("superseded", "pending")
    assert "Slack cannot be reached" in operators.words(over.params)[1]
    assert len(await watched.told(Action.MAIL)) == 2


async def test_slack_that_is_away_is_told_though_another_road_took_every_page_in_time(watched: Watched) -> None:
    await watched.put("page", Lane.PAGE)
    await watched.put("card", Lane.ROOM)
    watched.cause = "Slack cannot be reached."
    vigil = watched.vigil()
    await vigil.look()
    watched.clock.pass_(seconds=59)
    await watched.sent("page", Road.EMAIL)
    await vigil.look()
    assert await watched.told() == []
    watched.clock.pass_(seconds=2)
    await vigil.look()
    [mail] = await watched.told(Action.MAIL)
    assert "Slack has taken nothing for 1 min. Slack cannot be reached." in operators.words(mail.params)[1]


async def test_replica_that_alone_does_not_reach_slack_begins_nothing_while_another_delivers(watched: Watched) -> None:
    cut_off, well = watched.vigil(cause=lambda: "Slack cannot be reached."), watched.vigil(cause=str)
    await watched.put("long-way", Lane.ROOM)
    for turn in range(30):
        watched.clock.pass_(seconds=5)
        await watched.put(f"card-{turn}", Lane.ROOM)
        await cut_off.look()
        await watched.sent(f"card-{turn}")
        await well.look()
    assert await watched.told() == []
    for _ in range(13):  # the other one is gone: what this one sees is all there is
        watched.clock.pass_(seconds=5)
        await cut_off.look()
    [mail] = await watched.told(Action.MAIL)
    assert "Slack has taken nothing for 1 min." in operators.words(mail.params)[1]
    [line] = await watched.told()
    for _ in range(8):  # another one comes, and Slack takes nothing of it: it cannot know
        watched.clock.pass_(seconds=5)
        await asyncio.gather(cut_off.look(), well.look())
    assert len(await watched.told()) == 1
    for key in ("long-way", line.key):
        await watched.sent(key)
    for _ in range(20):  # and now it does, which ends the spell once and for all
        watched.clock.pass_(seconds=5)
        await asyncio.gather(cut_off.look(), well.look())
        for said in await watched.told():
            await watched.sent(said.key)
    assert len(await watched.told(Action.MAIL)) == 2


async def test_spell_whose_beginner_is_gone_ends_after_a_quiet_time_where_nothing_waits_for_slack(
    watched: Watched,
) -> None:
    left = watched.vigil()
    for turn in range(2):
        await watched.put(f"page-{turn}", Lane.PAGE)
        watched.clock.pass_(minutes=2)
        await watched.vigil(cause=lambda: "Slack cannot be reached.").look()
        for key in (f"page-{turn}", *(line.key for line in await watched.told())):
            await watched.sent(key, Road.EMAIL)
        for _ in range(6):
            await left.look()
            assert len(await watched.told(Action.MAIL)) == 2 * turn + 1
            watched.clock.pass_(seconds=5)
        await left.look()
        assert len(await watched.told(Action.MAIL)) == 2 * turn + 2
        for mail in await watched.told(Action.MAIL):
            await watched.sent(mail.key, Road.EMAIL)
        await left.look()


async def test_without_a_mail_server_nobody_is_mailed(watched: Watched) -> None:
    await watched.put("page", Lane.PAGE)
    watched.clock.pass_(minutes=2)
    watched.cause = "Slack cannot be reached."
    await watched.vigil(frozenset({Road.SLACK})).look()
    assert await watched.told(Action.MAIL) == []


@pytest.mark.parametrize(
    ("lane", "minutes", "late"),
    [
        (Lane.PAGE, 2, True),
        (Lane.DECISION, 2, False),
        (Lane.DECISION, 6, True),
        (Lane.STATUS, 6, True),
        (Lane.ROOM, 600, False),
        (Lane.CHATTER, 600, False),
    ],
)
async def test_each_lane_has_its_own_patience(watched: Watched, lane: Lane, minutes: float, late: bool) -> None:
    await watched.put("notice", lane)
    watched.clock.pass_(minutes=minutes)
    async with watched.ctx.store.read() as session:
        found = await punctuality.measure(session, watched.clock)
    assert bool(found.trouble(Lateness())) is late
    assert found.waiting == {("pending", lane): 1}
    assert found.oldest == {lane: timedelta(minutes=minutes)}


async def test_edit_of_what_was_told_waits_its_turn_and_nothing_is_called_late_for_it(watched: Watched) -> None:
    await watched.put("edit", Lane.PAGE, action=Action.EDIT, target="channel")
    watched.clock.pass_(minutes=6)
    async with watched.ctx.store.read() as session:
        found = await punctuality.measure(session, watched.clock)
    assert (found.trouble(Lateness()), found.waiting, found.oldest) == ("", {("pending", Lane.PAGE): 1}, {})


async def test_a_timer_that_nobody_fires_counts_as_late_and_what_was_refused_just_now_is_not_why(
    watched: Watched,
) -> None:
    await watched.put("page", Lane.PAGE)
    async with watched.ctx.store.transaction() as tx:
        incident = records.Incident(title="x", severity=Severity.LOW, reporter="U0ANA", declared_at=tx.now)
        tx.session.add(incident)
        await tx.session.flush()
        tx.session.add(records.Timer(key="t", incident_id=incident.number, kind="matrix", due_at=tx.now))
    watched.clock.pass_(minutes=3)
    for lane in (Lane.STATUS, Lane.PAGE):
        await watched.refused(f"mail-{lane}", lane, "The mail server says 450 later")
    watched.clock.pass_(seconds=1)
    async with watched.ctx.store.read() as session:
        found = await punctuality.measure(session, watched.clock)
    assert (found.overdue_timers, found.oldest_timer) == (1, timedelta(minutes=3, seconds=1))
    late = "A page was due 3 min ago, a timer was due 3 min ago and has not gone out."
    assert found.trouble(Lateness()) == late
    watched.clock.pass_(minutes=2)
    await watched.refused("mail-2", Lane.PAGE, "The pager is out of reach")
    async with watched.ctx.store.read() as session:
        found = await punctuality.measure(session, watched.clock)
    assert found.trouble(Lateness()) == f"{late.replace('3', '5')} The mail server says 450 later."


async def test_operators_read_what_the_mail_server_said_and_it_mentions_nobody(watched: Watched) -> None:
    await watched.refused("page", Lane.PAGE, "The mail server does not take the password: 535 ask <!channel>")
    watched.clock.pass_(minutes=2)
    await watched.vigil().look()
    [late] = await watched.told()
    assert "has not gone out. The mail server does not take the password: 535 ask <!channel>. `/readyz`" in str(
        operators.words(late.params)
    )
    assert "<!channel>" not in str(view.draw(late.params).blocks)


async def test_the_heart_beats_only_while_nothing_is_wrong(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/ping").respond_with_data("OK")
    troubles = {"start": "Sitrep is starting."}

    async def checks() -> dict[str, str]:
        return troubles

    heart = Heart(httpserver.url_for("/ping"), timedelta(minutes=1), checks)
    with structlog.testing.capture_logs() as logged:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert not await heart.beat(client)
            troubles = {"delivery": "", "slack": ""}
            assert await heart.beat(client)
            troubles["delivery"] = "A page was due 2 min ago."
            assert not await heart.beat(client)
            troubles["delivery"] = ""
            assert await heart.beat(client)
    assert len(httpserver.log) == 2
    levels = [(each["log_level"], each["event"].split()[-1]) for each in logged]
    assert levels == [("info", "away"), ("info", "on"), ("warning", "away"), ("info", "on")]


async def test_a_heartbeat_that_nobody_takes_harms_nothing(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/ping").respond_with_data("no", status=500)

    async def checks() -> dict[str, str]:
        return {}

    async with httpx.AsyncClient(trust_env=False) as client:
        assert not await Heart(httpserver.url_for("/ping"), timedelta(minutes=1), checks).beat(client)
        assert not await Heart("http://127.0.0.1:1/ping", timedelta(minutes=1), checks).beat(client)
