"""Small pure things: names of channels, waits, log lines, what a database complains of."""

import json
import logging
import sqlite3
import sys
import time
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.exc import OperationalError

from bot import logs
from bot.delivery import rooms, settling
from bot.delivery.trip import Place, Trip, Undelivered
from bot.slack_errors import Verdict
from incidents import database, records, store_errors
from incidents.response import queued


def test_names_are_tried_with_numbers() -> None:
    assert rooms.candidates("inc-7-checkout")[:3] == ("inc-7-checkout", "inc-7-checkout-2", "inc-7-checkout-3")


@given(st.text(alphabet="abc-", min_size=1, max_size=100))
def test_no_name_is_too_long_and_none_comes_twice(wanted: str) -> None:
    names = rooms.candidates(wanted)
    assert all(len(name) <= 80 for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("attempts", [1, 2, 5, 12, 1000])
def test_waits_double_up_to_half_a_minute(attempts: int) -> None:
    row = records.Outbox(id=3, key="k", lane=1, road="slack", action="post", attempts=attempts)
    wait = settling.backoff(row).total_seconds()
    assert 0.75 * min(30, 2 ** (attempts - 1)) <= wait <= 1.25 * min(30, 2 ** (attempts - 1))


def test_trip_that_was_held_up_sends_nothing_when_its_lease_may_have_run_out() -> None:
    row = records.Outbox(id=3, key="k", lane=1, road="slack", action="post")
    Trip(row, Place(), None, unclear=False, began_at=time.monotonic()).require_time()
    with pytest.raises(Undelivered) as caught:
        Trip(row, Place(), None, unclear=False, began_at=time.monotonic() - 25).require_time()
    assert caught.value.refusal.verdict is Verdict.AGAIN  # an older doubt stays: that is the trip's to know


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("database or disk is full", "full"),
        ("attempt to write a readonly database", "read-only"),
        ("database is locked", "Another program"),
        ("unable to open database file", "cannot be opened"),
        ("file is not a database", "no SQLite database"),
        ("database disk image is malformed", "damaged"),
        ('connection failed: FATAL:  password authentication failed for user "x"', "password"),
        ('connection failed: FATAL:  database "x" does not exist', "does not exist"),
        ("connection failed: connection refused", "cannot be reached"),
        ('connection is bad: connection to server on socket "/tmp/.s.PGSQL.5432" failed', "cannot be reached"),
        ("permission denied for schema public", "refuses Sitrep's user"),
        ("FATAL:  sorry, too many clients already", "takes no more connections"),
        ("something\n\tnew", "something new"),
    ],
)
def test_complaint_of_a_database_gets_a_sentence_and_a_remedy(said: str, word: str) -> None:
    trouble = store_errors.explain(OperationalError("INSERT", {}, sqlite3.OperationalError(said)))
    assert trouble is not None
    assert word in str(trouble)
    assert trouble.remedy


def test_connections_that_operators_read_of_are_those_that_a_replica_may_open() -> None:
    pool = database.engine("postgresql+psycopg://nobody@localhost/nothing").pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    listener = 1
    assert pool.size() + pool._max_overflow + queued._CONNECTIONS + listener == store_errors.CONNECTIONS
    operations = Path(__file__).parents[3] / "docs" / "operations.md"
    assert f"up to {store_errors.CONNECTIONS} database connections" in operations.read_text()


def test_other_faults_are_not_the_databases() -> None:
    assert store_errors.explain(ValueError("x")) is None


@pytest.fixture
def fresh_logging(monkeypatch: pytest.MonkeyPatch):
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_secret_is_ever_written(
    style: str, fresh_logging: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    logs.configure(style, ["my-very-own-secret"])
    log = structlog.get_logger("test")
    log.info("calling", url="https://x/?token=my-very-own-secret", other="xoxb-123456-abcdef")
    try:
        int("refused my-very-own-secret")
    except ValueError:
        log.exception("failed")
    logging.getLogger("somewhere").warning("sk-ant-api03-abcdefgh")
    logging.getLogger("slack_bolt.AsyncApp").info("small talk")
    written = capsys.readouterr().err
    assert written.count("•••") >= 4
    for secret in ("my-very-own-secret", "xoxb-123456", "sk-ant-api03"):
        assert secret not in written
    assert "small talk" not in written
    assert "ValueError" in written
    if style == "json":
        first = json.loads(written.splitlines()[0])
        assert (first["event"], first["level"], first["logger"]) == ("calling", "info", "test")
