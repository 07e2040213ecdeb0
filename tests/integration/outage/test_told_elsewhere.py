"""While Slack is away people hear by e-mail or webhook, once, and Slack repeats nothing when it is back."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from bot.delivery.deliverer import Deliverer
from bot.surfaces import draw
from escalation.fallback import Fallback
from incidents import records, sending, timeline
from incidents.catalog import Away
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.notices import Road
from incidents.service import respond
from incidents.store import OUTBOX, Store
from tests.integration.outage.conftest import MINUTE, House, living
from tests.processes import database_on

pytestmark = pytest.mark.long

SECONDS = timedelta(seconds=1)


async def paged(house: House) -> records.Outbox:
    """Return the page to whoever is on call, by Slack."""
    return next(row for row in await house.rows() if row.surface == "page" and row.params["person"] == "U0ANA")


async def test_a_page_goes_by_mail_after_a_minute_and_not_before(house: House) -> None:
    await house.slack_goes()
    await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    await house.pass_time(50 * SECONDS)
    assert house.mailbox.to("ana") == []
    await house.pass_time(11 * SECONDS)
    await house.until(lambda: len(house.mailbox.to("ana")) == 1)
    assert "PAGE" in house.mailbox.to("ana")[0]


async def test_while_slack_is_away_nobody_waits_in_their_transaction_for_what_is_overdue(house: House) -> None:
    await house.slack_goes()
    await house.declare()
    await house.slack_is_missed()
    async with house.ctx.store.transaction() as tx:
        tx.wake(OUTBOX)
        began = len(tx.session.sync_session.identity_map)
        await house.deliverer._begin(tx)
        assert (len(tx.session.sync_session.identity_map), tx.wakes) == (began, {OUTBOX})


async def test_stakeholders_are_told_by_mail_after_two_minutes_each_once(house: House) -> None:
    await house.slack_goes()
    await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    await house.pass_time(90 * SECONDS)
    assert house.mailbox.to("bo") == []
    for _ in range(4):
        await house.pass_time(MINUTE)
    await house.eventually(lambda: ended(house, "matrix_notice"))
    for _ in range(4):
        await house.pass_time(MINUTE)
    assert len(house.mailbox.to("bo", "] Critical:")) == 1
    assert house.mailbox.twice == []


async def test_who_was_told_elsewhere_stands_in_the_timeline_with_road_and_lateness(house: House) -> None:
    await house.slack_goes()
    await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    await house.pass_time(3 * MINUTE)
    await house.until(lambda: len(house.mailbox.to("ana")) == 1)
    await house.eventually(lambda: told_to(house, "U0ANA"))
    (event,) = [each for each in await house.events(EventKind.TOLD) if each.data["person"] == "U0ANA"]
    assert event.data["road"] == "email"
    assert event.data["late_seconds"] >= 179
    assert any("email" in line or "e-mail" in line for line in timeline.told([event]))


async def told_to(house: House, person: str) -> bool:
    return any(event.data["person"] == person for event in await house.events(EventKind.TOLD))


async def test_slack_repeats_no_page_and_says_in_one_post_who_was_told(house: House) -> None:
    await house.slack_goes()
    incident = await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    for _ in range(4):
        await house.pass_time(MINUTE)
    await house.eventually(lambda: ended(house, "page", "matrix_notice"))
    await house.slack_returns()
    await house.settled()
    assert await house.direct("ana") == []
    assert await house.direct("bo") == []
    row = await paged(house)
    assert row.result["told_by"] == "email"
    async with house.ctx.store.read() as session:
        channel = (await session.get_one(records.Incident, incident.id)).channel
    posts = [message["text"] for message in await house.history(channel) if "another road" in message["text"]]
    assert len(posts) == 1
    assert "<@U0ANA>" in posts[0]
    assert "<@U0BO>" in posts[0]
    assert house.mailbox.twice == []


async def ended(house: House, *surfaces: str) -> bool:
    return all(row.state == "done" for row in await house.rows() if row.surface in surfaces)


async def test_acknowledging_after_the_outage_breaks_nothing_on_a_page_that_went_by_mail(house: House) -> None:
    await house.slack_goes()
    incident = await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    await house.pass_time(3 * MINUTE)
    await house.eventually(lambda: ended(house, "page"))
    await house.slack_returns()
    async with house.ctx.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, incident.number, "U0ANA")
    rows = await house.settled()
    assert [row.error for row in rows if row.state == "failed"] == []


async def test_slack_back_within_the_minute_pages_itself_and_nobody_gets_mail(house: House) -> None:
    await house.slack_goes()
    await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    await house.pass_time(30 * SECONDS)  # what was tried and refused is tried again within seconds of Slack's return
    await house.slack_returns()
    await house.settled()
    await house.pass_time(5 * MINUTE)
    await house.settled()
    assert len(await house.direct("ana")) >= 1
    assert house.mailbox.letters == []


async def test_a_page_that_was_answered_goes_nowhere(house: House) -> None:
    await house.slack_goes()
    incident = await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    async with house.ctx.store.transaction() as tx:
        await respond.acknowledge(tx, house.ctx, incident.number, "U0BO")
    async with house.ctx.store.transaction() as tx:
        for row in await house.rows(":page:"):
            (await tx.session.get_one(records.Outbox, row.id)).holds_while = "unacknowledged"
    await house.pass_time(5 * MINUTE)
    await house.until(lambda: len(house.mailbox.to("bo")) == 1)
    assert not any(":page:" in row.key and row.road == "email" and row.state == "done" for row in await house.rows())


async def test_mail_that_the_server_refuses_goes_by_webhook(tmp_path: Path, httpserver: HTTPServer) -> None:
    async with living(tmp_path, hook=httpserver) as house:
        house.mailbox.refusing = "550 No such user"
        await house.slack_goes()
        await house.declare()
        await house.until(lambda: bool(house.deliverer.trouble))
        await house.pass_time(61 * SECONDS)
        await house.until(lambda: len(httpserver.log) == 1)
        ((request, _),) = httpserver.log
        posted = json.loads(request.get_data())
        assert posted["to"] == ["Ana"]
        assert posted["incident"] == "inc-1"
        assert "PAGE" in posted["subject"]
        assert request.headers["Idempotency-Key"] == posted["key"]
        await house.eventually(lambda: ended(house, "page"))
        assert (await paged(house)).result["told_by"] == "webhook"


async def test_where_pages_are_mailed_anyway_nobody_gets_a_second_mail(tmp_path: Path) -> None:
    async with living(tmp_path, planned=(Road.EMAIL,)) as house:
        await house.slack_goes()
        await house.declare()
        await house.until(lambda: len(house.mailbox.to("ana")) == 1)
        await house.slack_is_missed()
        await house.pass_time(61 * SECONDS)
        await house.eventually(lambda: ended(house, "page"))
        await house.slack_returns()
        await house.settled()
        assert len(house.mailbox.to("ana")) == 1
        assert await house.direct("ana") == []


async def test_the_times_are_a_setting(tmp_path: Path) -> None:
    away = Away(page_after=5 * SECONDS, notice_after=10 * SECONDS)
    async with living(tmp_path, settings={"while_slack_is_away": away}) as house:
        await house.slack_goes()
        await house.declare()
        await house.until(lambda: bool(house.deliverer.trouble))
        await house.pass_time(6 * SECONDS)
        await house.until(lambda: len(house.mailbox.to("ana")) == 1)


async def test_of_a_medium_incident_only_the_page_takes_another_road(house: House) -> None:
    await house.slack_goes()
    await house.declare(Severity.MEDIUM)
    await house.slack_is_missed()
    await house.pass_time(10 * MINUTE)
    await house.until(lambda: len(house.mailbox.to("ana", "PAGE")) == 1)
    await house.slack_returns()
    await house.pass_time(30 * SECONDS)
    await house.settled()
    assert len(house.mailbox.letters) == 1
    assert len(await house.direct("bo")) == 1


@pytest.mark.parametrize("fault", [{"kind": "drop_before"}, {"kind": "drop_after"}, {"kind": "5xx", "status": 502}])
async def test_nobody_hears_twice_however_slack_goes_away(house: House, fault: dict[str, Any]) -> None:
    await house.slack_goes(**fault)
    await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    for _ in range(3):
        await house.pass_time(MINUTE)
    await house.eventually(lambda: ended(house, "page", "matrix_notice"))
    await house.slack_returns()
    await house.settled()
    assert set(house.posted().values()) <= {1}
    assert house.mailbox.twice == []
    by_slack, elsewhere = await told(house)
    assert by_slack & elsewhere == set()


async def told(house: House) -> tuple[set[str], set[str]]:
    """Return the keys of the notices to people that were posted in Slack, and of those that went by another road."""
    rows = [row for row in await house.rows() if row.action == "direct"]
    posted = set(house.posted())
    return {row.key for row in rows if row.key in posted}, {row.key for row in rows if "told_by" in row.result}


async def test_the_letter_of_an_earlier_round_stands_for_no_later_page(house: House) -> None:
    incident = await house.declare()
    params = {"audience": "on_call_engineer", "level": 3, "of": 3, "person": "U0ANA"}
    async with house.ctx.store.transaction() as tx:
        then, lately = tx.now - 10 * MINUTE, tx.now - 5 * MINUTE
        letter = records.Outbox(
            key=f"{incident.key}:mail:page:4:U0ANA", incident_id=incident.id, lane=0, road="email", action="mail",
            surface="mail_page", params=params, state="done", created_at=then, not_before=then, sent_at=then,
        )  # fmt: skip
        page = records.Outbox(
            key=f"{incident.key}:page:5:U0ANA", incident_id=incident.id, lane=0, road="slack", action="direct",
            target="user:U0ANA", surface="page", params=params, state="pending", created_at=lately, not_before=lately,
            error="Slack is in trouble.",
        )  # fmt: skip
        tx.session.add_all([letter, page])
        await tx.session.flush()
        await Fallback(house.ctx, frozenset({Road.SLACK, Road.EMAIL})).look(tx, away=True)
        assert page.state == "pending"
        await tx.session.delete(page)
    keys = [row.key for row in await house.rows()]
    assert f"{incident.key}:instead:email:page:5:U0ANA" in keys


@pytest.mark.parametrize("left", ["both", "slack's", ""])
async def test_what_a_killed_process_left_goes_by_one_road_and_not_by_both_at_once(house: House, left: str) -> None:
    incident = await house.declare()
    await house.settled("waiting")
    params = {"audience": "team_lead", "label": "immediate", "person": "U0BO"}
    async with house.ctx.store.transaction() as tx:
        then = tx.now - 5 * MINUTE
        at = {"created_at": then, "not_before": then, "first_tried_at": then, "incident_id": incident.id, "lane": 2}
        held = {"state": "sending", "owner": "killed", "lease_until": tx.now - SECONDS}
        of_slack = records.Outbox(
            key=f"{incident.key}:matrix:x:U0BO", road="slack", action="direct", surface="matrix_notice",
            target="user:U0BO", params=params, error="Slack is in trouble.", **at, **(held if left else {}),
        )  # fmt: skip
        letter = records.Outbox(
            key=f"{incident.key}:instead:email:matrix:x:U0BO", road="email", action="mail",
            surface="mail_matrix_notice", params={**params, "stands_for": of_slack.key}, **at, **held,
        )  # fmt: skip
        tx.session.add_all([of_slack, letter] if left == "both" else [of_slack])
        await tx.session.flush()
        fallback = Fallback(house.ctx, frozenset({Road.SLACK, Road.EMAIL}))
        assert fallback.needed  # before anything is chosen
        await fallback.look(tx, away=False)
        may_go = await sending.candidates(tx, 99, roads=["slack", "email"])
        chosen = [row for row in may_go if ":x:" in row.key]
        assert [row.key for row in chosen] == [letter.key]
        for row in (of_slack, *chosen):
            await tx.session.delete(row)


async def test_two_replicas_without_slack_tell_everybody_once(tmp_path: Path, postgres: str) -> None:
    async with database_on(postgres) as url, living(tmp_path, url=url) as house:
        store = Store(url, house.clock)
        other = Deliverer(dataclasses.replace(house.ctx, store=store), house.client, draw, others=house.roads)
        other.start()
        await house.slack_goes()
        await house.declare()
        await house.slack_is_missed(other)
        for _ in range(4):
            await house.pass_time(MINUTE)
        await house.eventually(lambda: ended(house, "page", "matrix_notice"))
        other._outage.probe_at = 0.0
        await house.slack_returns()
        await house.settled()
        await other.stop()
        await store.close()
        assert house.mailbox.twice == []
        by_slack, elsewhere = await told(house)
        assert elsewhere
        assert by_slack & elsewhere == set()
        assert set(house.posted().values()) <= {1}


async def test_a_page_that_waited_while_sitrep_was_down_goes_by_slack_though_its_letter_went(house: House) -> None:
    incident = await house.declare()
    params = {"audience": "on_call_engineer", "level": 2, "of": 3, "person": "U0ANA"}
    async with house.ctx.store.transaction() as tx:
        then = tx.now - 5 * MINUTE
        letter = records.Outbox(
            key=f"{incident.key}:mail:page:2:U0ANA", incident_id=incident.id, lane=0, road="email", action="mail",
            surface="mail_page", params=params, state="done", created_at=then, not_before=then, sent_at=then,
        )  # fmt: skip
        page = records.Outbox(
            key=f"{incident.key}:page:2:U0ANA", incident_id=incident.id, lane=0, road="slack", action="direct",
            target="user:U0ANA", surface="page", params=params, state="pending", created_at=then, not_before=then,
        )  # fmt: skip
        tx.session.add_all([letter, page])
        await tx.session.flush()
        await Fallback(house.ctx, frozenset({Road.SLACK, Road.EMAIL})).look(tx, away=False)
        assert page.state == "pending"
