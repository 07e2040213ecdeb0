"""The process starts in order, says what is wrong, waits where waiting helps, and stops without dropping anything."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import socket
import sqlite3
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bot import socket_mode, sole
from bot.serve import Process
from bot.settings import Address
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault
from incidents import migrations
from incidents.errors import ConfigurationError, SitrepError
from tests.integration.delivery.conftest import TOKEN
from tests.integration.process.sitrep import (
    APP_TOKEN,
    SECRET,
    Probe,
    command,
    environment,
    run,
    serving,
    workspace,
)
from tests.processes import free_port


async def test_it_gets_ready_and_answers_a_command(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        assert (await probe.get("/healthz")).text == "ok\n"
        assert "sitrep_open_incidents" in (await probe.get("/metrics")).text
        async with Person(slack.url, "U0AVA") as ava:
            await ava.command("/incident", "checkout returns 500s")
            view = await ava.wait_for_view()
            assert view["type"] == "modal"


async def test_it_waits_for_a_slack_that_is_away(tmp_path: Path) -> None:
    port = free_port()
    env = environment(f"http://127.0.0.1:{port}/api/", tmp_path)
    async with serving(env) as probe:
        checks = await probe.until(lambda checks: "cannot be reached" in checks.get("start", ""))
        assert "SLACK_API_URL" in checks["start"]
        assert (await probe.get("/readyz")).status_code == 503
        assert (await probe.get("/healthz")).status_code == 200
        slack = workspace()
        slack._port = port
        async with slack:
            await probe.ready()


async def test_it_waits_for_a_slack_that_hangs_up_without_an_answer(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    port = free_port()
    env = environment(f"http://127.0.0.1:{port}/api/", tmp_path)
    async with await asyncio.start_server(hang_up, "127.0.0.1", port) as rude, serving(env) as probe:
        await probe.until(lambda checks: "line to Slack broke" in checks.get("start", ""))
        rude.close()
        slack = workspace()
        slack._port = port
        async with slack:
            await probe.ready()


async def test_it_waits_as_long_as_a_slack_that_limits_look_ups_asks_for(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_text("people:\n  ava: {name: Ava, email: ava@example.com}\n")
    async with workspace() as slack:
        await slack.request_faults(Fault(method="users.lookupByEmail", kind="429", retry_after=40))
        with capture_logs() as said:
            async with serving(environment(slack.api_url, tmp_path, config=tmp_path)) as probe:
                await probe.until(lambda checks: "slow down" in checks.get("start", ""))
        assert [line["next_try_seconds"] for line in said if line["event"] == "waiting for Slack"] == [40.0]


async def test_it_stops_while_it_waits(tmp_path: Path) -> None:
    env = environment(f"http://127.0.0.1:{free_port()}/api/", tmp_path)
    async with serving(env) as probe:
        await probe.until(lambda checks: "cannot be reached" in checks.get("start", ""))


async def test_it_stops_while_slacks_websocket_cannot_be_dialled_and_says_that_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_mode, "_WATCH_SECONDS", 0.05)
    async with workspace() as slack, asyncio.timeout(15):
        env = environment(slack.api_url, tmp_path)
        slack.core.base_url = f"http://127.0.0.1:{free_port()}"  # of the websocket alone; the Web API answers
        async with serving(env) as probe:
            checks = await probe.until(lambda checks: "is being dialled" in checks.get("start", ""), timeout=8)
            assert "Socket Mode" in checks["start"]
            assert probe.process is not None
            assert probe.process._running is not None  # what is due is paged meanwhile


async def test_bot_token_that_slack_refuses_ends_it(tmp_path: Path) -> None:
    async with workspace() as slack:
        env = environment(slack.api_url, tmp_path, slack_bot_token="xoxb-wrong")
        with pytest.raises(ConfigurationError, match="SLACK_BOT_TOKEN"):
            async with serving(env) as probe:
                await probe.ended()


async def test_app_token_that_slack_refuses_ends_it(tmp_path: Path) -> None:
    async with workspace() as slack:
        env = environment(slack.api_url, tmp_path, slack_app_token="xapp-wrong")
        with pytest.raises(ConfigurationError, match="SLACK_APP_TOKEN"):
            async with serving(env) as probe:
                await probe.ended()


async def test_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        env = environment("http://127.0.0.1:1/api/", tmp_path, http=Address("127.0.0.1", taken.getsockname()[1]))
        with pytest.raises(SitrepError, match="SITREP_HTTP"):
            async with serving(env) as probe:
                await probe.ended()


async def test_second_process_on_one_sqlite_file_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        with pytest.raises(SitrepError, match=f"process {os.getpid()}.*PostgreSQL"):
            await Process(environment(slack.api_url, tmp_path), None).run()
        await probe.ready()
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()  # it let go


def test_one_sqlite_file_under_two_names_is_held_once_and_whoever_holds_it_is_named_with_its_host(
    tmp_path: Path,
) -> None:
    (tmp_path / "other.db").symlink_to(tmp_path / "sitrep.db")
    first, second = (f"sqlite+aiosqlite:///{tmp_path}/{name}.db" for name in ("sitrep", "other"))
    named = f"process {os.getpid()} on the host {socket.gethostname()}"
    with sole.held(first), pytest.raises(SitrepError, match=f"{named}.*Recreate"), sole.held(second):
        pass
    with sole.held(second), pytest.raises(SitrepError, match=named), sole.held(first):
        pass


def test_who_may_not_tell_whether_another_process_serves_is_refused_and_where_no_file_locks_it_is_said(
    tmp_path: Path,
) -> None:
    url, lock = f"sqlite+aiosqlite:///{tmp_path}/sitrep.db", tmp_path / "sitrep.db.serving"
    lock.mkdir()
    with capture_logs() as said, sole.held(url):
        assert [line["event"] for line in said] == ["not_alone_for_certain"]
    lock.rmdir()
    if os.geteuid():
        lock.touch(mode=0)
    else:  # root may write whatever belongs to others, but what the kernel says
        lock.symlink_to("/proc/sys/kernel/ostype")
    with pytest.raises(SitrepError, match=r"belongs to another account.*chown"), sole.held(url):
        pass


async def test_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with workspace() as slack:
        env = environment(slack.api_url, tmp_path / "file" / "data")
        with pytest.raises(SitrepError, match=r"cannot be made.*SITREP_DATA"):
            async with serving(env) as probe:
                await probe.ended()


async def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "sitrep.db").write_text("these are not the rows you are looking for" * 100)
    async with workspace() as slack:
        with pytest.raises(SitrepError, match="no SQLite database"):
            async with serving(environment(slack.api_url, tmp_path)) as probe:
                await probe.ended()


async def test_full_disk_is_told_in_the_form_and_nothing_typed_is_lost(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        assert probe.process is not None
        assert probe.process._running is not None
        store = probe.process._running.ctx.store
        disk = {"full": True}

        def write(_: object, __: object, statement: str, *___: object) -> None:
            if disk["full"] and statement.startswith("INSERT INTO incident"):
                raise OperationalError(statement, {}, sqlite3.OperationalError("database or disk is full"))

        event.listen(store.engine.sync_engine, "before_cursor_execute", write)
        async with Person(slack.url, "U0AVA") as ava:
            await ava.command("/incident", "checkout returns 500s")
            view = await ava.wait_for_view()
            known = "The cache was flushed. " * 100
            await ava.submit(view, {"known": known})
            view = await ava.wait_for_view(lambda each: "disk" in str(each))
            assert "The disk that holds the database is full. Free some space" in str(view)
            disk["full"] = False
            await ava.submit(view)
            channel = await ava.wait_for_channel(lambda each: each["name"].startswith("inc-"))
            assert channel["name"] == "inc-1-checkout-returns-500s"
        async with store.read() as session:
            assert await session.scalar(text("SELECT known FROM incident")) == known.strip()


async def test_line_that_was_cut_is_dialled_again(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        async with Person(slack.url, "U0AVA") as ava:
            await ava.wait_for_app("Sitrep")
            await slack.request_faults(Fault(kind="socket_drop"))
            await ava.wait_until_app_left("Sitrep")
            await ava.wait_for_app("Sitrep", timeout=15)
            await ava.command("/incident", "help")
        await probe.ready()


async def test_revoked_token_shows_in_readiness(tmp_path: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, tmp_path)) as probe:
        await probe.ready()
        async with Person(slack.url, "U0AVA") as ava:
            await ava.open_home("Sitrep")
            await ava.wait_for_home("Sitrep", bool)  # Bolt has asked once who it is
            revoked = {"kind": "error", "error": "token_revoked"}
            await slack.request_faults(*(Fault(method=method, **revoked) for method in ("views.publish", "auth.test")))
            await ava.open_home("Sitrep")
            checks = await probe.until(lambda checks: checks.get("slack", "ok") != "ok")
        assert "revoked" in checks["slack"]
        assert (await probe.get("/readyz")).status_code == 503


def _signed(body: str, *, at: str | None = None) -> dict[str, str]:
    stamp = at or str(int(time.time()))
    digest = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
        "content-type": "application/json",
    }


async def test_http_takes_signed_requests_and_refuses_others(tmp_path: Path) -> None:
    events_at = Address("127.0.0.1", free_port())
    async with workspace() as slack:
        env = environment(slack.api_url, tmp_path, slack_app_token="", slack_signing_secret=SECRET)
        async with serving(env, events_at) as probe:
            await probe.ready()
            async with httpx.AsyncClient(base_url=f"http://{events_at}", trust_env=False) as client:
                body = '{"type": "url_verification", "challenge": "c"}'

                async def status(headers: dict[str, str]) -> int:
                    return (await client.post("/slack/events", content=body, headers=headers)).status_code

                answer = await client.post("/slack/events", content=body, headers=_signed(body))
                assert (answer.status_code, answer.json()) == (200, {"challenge": "c"})
                assert await status({"content-type": "application/json"}) == 401
                assert await status(_signed(body) | {"x-slack-signature": "v0=00"}) == 401
                assert await status(_signed(body, at="yesterday")) == 401
                assert await status(_signed(body, at=str(int(time.time()) - 3600))) == 401
                too_large = "x" * 1_100_000
                answer = await client.post("/slack/events", content=too_large, headers=_signed(too_large))
                assert answer.status_code == 413
                assert (await client.get("/slack/events")).status_code == 405


async def test_process_stops_cleanly_on_sigterm_and_never_logs_a_secret(tmp_path: Path) -> None:
    async with workspace() as slack:
        address = f"127.0.0.1:{free_port()}"
        variables = {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": slack.api_url,
            "SITREP_DATA": str(tmp_path),
            "SITREP_HTTP": address,
            "SITREP_LOG": "json",
        }
        async with command("serve", **variables) as process:
            probe = Probe(address)
            await probe.ready(30)
            await probe.aclose()
            process.send_signal(signal.SIGTERM)
            _, err = await process.communicate()
        assert process.returncode == 0
        assert b"Sitrep is ready" in err
        [upgraded] = [
            line for line in map(json.loads, err.splitlines()) if line["event"] == "the database was upgraded"
        ]
        assert (upgraded["before"], upgraded["now"], upgraded["level"]) == ("empty", migrations.HEAD, "info")
        assert b"Traceback" not in err
        assert TOKEN.encode() not in err
        assert APP_TOKEN.encode() not in err


async def test_proxy_of_the_environment_does_not_stand_before_the_local_workspace(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with workspace() as slack:
        address = f"127.0.0.1:{free_port()}"
        variables = {
            "SLACK_BOT_TOKEN": TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": slack.api_url,
            "SITREP_DATA": str(tmp_path),
            "SITREP_HTTP": address,
            "HTTPS_PROXY": nowhere,
            "http_proxy": nowhere,
        }
        async with command("serve", **variables), Person(slack.url, "U0AVA") as ava:
            probe = Probe(address)
            await probe.ready(30)
            await probe.aclose()
            await ava.command("/incident", "help")
            await ava.wait_for_ephemeral(lambda message: "help" in str(message))


async def test_serving_without_tokens_names_every_variable() -> None:
    code, _, err = await run("serve")
    assert code == 1
    assert "SLACK_BOT_TOKEN" in err
    assert "SLACK_APP_TOKEN" in err
    assert "Traceback" not in err


async def test_http_address_that_is_none_is_refused() -> None:
    code, _, err = await run("serve", "--http", "3000")
    assert code == 1
    assert "HOST:PORT" in err
