"""A running Sitrep says truthfully how it is: to probes, to Prometheus, to its operators and to the heartbeat's end."""

import asyncio
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from bot import vigil
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault
from incidents import records, sending
from incidents.notices import Action, Lane, Notice, Road
from incidents.store import Store
from tests.integration.process.sitrep import Probe, environment, serving, workspace

#: Labels may take these values and no others: what grows with incidents or people does not belong there.
_FEW = re.compile(r"[a-zA-Z_.]{2,40}|\d+\.\d+|\+Inf")


def _store(probe: Probe) -> Store:
    assert probe.process is not None
    assert probe.process._running is not None
    return probe.process._running.ctx.store


async def _late_page(store: Store, *, refused: str = "") -> None:
    """A page that was due two minutes ago, in the hands of a replica that takes its time."""
    async with store.transaction() as tx:
        page = Notice(key="late-page", lane=Lane.PAGE, action=Action.POST, target="channel:C0GONE", surface="operators")
        long_ago = tx.now - timedelta(minutes=2)
        row = records.Outbox(
            **page.model_dump(exclude={"lane", "after", "of", "due_at"}),
            lane=int(page.lane),
            due_at=long_ago,
            created_at=long_ago,
            not_before=long_ago,
        )
        row.state, row.owner, row.lease_until = "sending", "another", tx.now + sending.LEASE
        if refused:
            row.road, row.error = Road.EMAIL, refused
        tx.session.add(row)


async def test_readiness_measures_what_waits(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        said = (await probe.get("/readyz")).json()
        assert set(said["checks"]) == {"database", "slack", "intake", "sweep", "delivery", "disk"}
        assert said["measures"]["outbox_backlog"] == {"page": 0, "decision": 0, "room": 0, "status": 0, "chatter": 0}
        assert said["measures"]["sweep_age_seconds"] < 5
        await _late_page(_store(probe), refused="The mail server refuses. ava.b@ex.org: 450 <ava.b@ex.org>: greylisted")
        answer = await probe.get("/readyz")
        assert answer.status_code == 503
        late = "A page was due 2 min ago and has not gone out. The mail server refuses. …: 450 <…>: greylisted."
        assert answer.json()["checks"]["delivery"] == late  # without whom it was for: who asks is not known
        assert answer.json()["measures"]["oldest_page_seconds"] >= 120
        assert answer.json()["measures"]["outbox_backlog"]["page"] == 1


async def test_metrics_count_what_happens_without_a_name_in_them(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        async with Person(slack.url, "U0AVA") as ava:
            await ava.command("/incident", "checkout returns 500s")
            await ava.submit(await ava.wait_for_view())
            await ava.wait_for_channel(lambda each: each["name"].startswith("inc-") and each["is_member"])
        families = {
            family.name: family for family in text_string_to_metric_families((await probe.get("/metrics")).text)
        }
    ours = [sample for name, family in families.items() if name.startswith("sitrep") for sample in family.samples]
    values = {value for sample in ours for value in sample.labels.values()}
    assert {value for value in values if not _FEW.fullmatch(value)} == set()
    # Methods, outcomes, lanes: no more than their product, whatever the tests of this process before this one called.
    assert len({tuple(sorted(item for item in sample.labels.items() if item[0] != "le")) for sample in ours}) < 400
    for name in (
        *("sitrep_outbox_rows", "sitrep_outbox_oldest_seconds", "sitrep_open_incidents", "sitrep_overdue_timers"),
        *("sitrep_sweep_age_seconds", "sitrep_timer_lateness_seconds", "sitrep_deliveries", "sitrep_steps"),
        *("sitrep_incidents_declared", "sitrep_ready", "sitrep_delivery_late"),
    ):
        assert name in families
    # One sample a severity; other tests of this process may have declared, too.
    declared = [s.value for s in families["sitrep_incidents_declared"].samples if s.name.endswith("_total")]
    assert sum(declared) >= 1


async def test_operators_read_in_their_channel_that_delivery_is_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vigil, "EVERY_SECONDS", 0.1)
    (tmp_path / "config").mkdir()
    async with workspace() as slack, Person(slack.url, "U0AVA") as ava:
        (tmp_path / "config" / "sitrep.yml").write_text(f"operators_channel: {ava.channel_id('general')}\n")
        async with serving(environment(slack.api_url, tmp_path, config=tmp_path / "config")) as probe:
            await probe.ready()
            await _late_page(_store(probe))
            await ava.wait_for_message("general", lambda message: "Notices leave late" in str(message))
            async with _store(probe).transaction() as tx:
                await tx.session.execute(text("UPDATE outbox SET state = 'dropped' WHERE key = 'late-page'"))
            await ava.wait_for_message("general", lambda message: "leave in time again" in str(message))
            await probe.ready()


async def _still(httpserver: HTTPServer) -> None:
    """Wait until the heart, which beats ten times a second, has said nothing for so long that it has stopped."""
    async with asyncio.timeout(20):
        heard = -1
        while heard != len(httpserver.log):
            heard = len(httpserver.log)
            await asyncio.sleep(0.7)


async def test_the_heartbeat_stays_away_while_something_is_wrong(tmp_path: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/ping").respond_with_data("OK")
    beating = {"heartbeat_url": SecretStr(httpserver.url_for("/ping")), "heartbeat_every": timedelta(seconds=0.1)}

    async def beats(more: int) -> None:
        wanted = len(httpserver.log) + more
        async with asyncio.timeout(30):
            while len(httpserver.log) < wanted:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)

    async with workspace() as slack, serving(environment(slack.api_url, tmp_path, **beating)) as probe:
        await probe.ready()
        await beats(2)

        await _late_page(_store(probe))
        await _still(httpserver)
        async with _store(probe).transaction() as tx:
            await tx.session.execute(text("UPDATE outbox SET state = 'dropped' WHERE key = 'late-page'"))
        await beats(1)

        async with Person(slack.url, "U0AVA") as ava:
            await ava.open_home("Sitrep")
            await ava.wait_for_home("Sitrep", bool)  # Bolt has asked once who it is
            revoked = {"kind": "error", "error": "token_revoked"}
            await slack.request_faults(*(Fault(method=method, **revoked) for method in ("views.publish", "auth.test")))
            await ava.open_home("Sitrep")
            await probe.until(lambda checks: checks.get("slack", "ok") != "ok")
        await _still(httpserver)


async def test_the_heartbeat_stays_away_when_the_database_is_gone(tmp_path: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/ping").respond_with_data("OK")
    beating = {"heartbeat_url": SecretStr(httpserver.url_for("/ping")), "heartbeat_every": timedelta(seconds=0.1)}
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path, **beating)) as probe:
        await probe.ready()

        def broken(connection: object, cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("SELECT outbox.state"):
                raise OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))

        event.listen(_store(probe).engine.sync_engine, "before_cursor_execute", broken)
        checks = await probe.until(lambda checks: checks.get("database", "ok") != "ok")
        assert "disk fails" in checks["database"]
        watched = await probe.get("/metrics")
        assert watched.status_code == 200
        assert "sitrep_ready 0.0" in watched.text
        assert "sitrep_delivery_late NaN" in watched.text
        await _still(httpserver)
        event.remove(_store(probe).engine.sync_engine, "before_cursor_execute", broken)
        await probe.ready()


async def test_a_sweep_that_is_stuck_shows(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        assert probe.process is not None
        assert probe.process._running is not None
        alarms = probe.process._running.alarms
        assert alarms._firing is not None
        alarms._stopping = True  # its loop ends, as if it were stuck
        alarms._rings.set()
        await alarms._firing
        alarms._swept_at -= 60
        checks = await probe.checks()
        assert "60 s ago" in checks["sweep"]


async def test_metrics_ask_the_database_nothing_while_sitrep_stops(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        assert "sitrep_delivery_late 0.0" in (await probe.get("/metrics")).text
        assert probe.process is not None
        async with _store(probe).read():  # what is under way holds it up
            probe.process.stop()
            await probe.until(lambda checks: "stopping" in checks.get("start", ""))
            watched = (await probe.get("/metrics")).text
        assert "sitrep_ready 0.0" in watched
        assert "sitrep_delivery_late NaN" in watched
