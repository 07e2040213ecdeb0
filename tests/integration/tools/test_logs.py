"""Logs say what fails, how often, since when, and what is new since the deploy."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from incidents.errors import ToolFailed
from incidents.tools import logs
from incidents.tools.evidence import EvidenceKind
from tests.clock import START, ManualClock

DEPLOY = START
TRACEBACK = """Traceback (most recent call last):
  File "/srv/releases/41/checkout/server.py", line 50, in answer
    status, body = route()
  File "/srv/releases/41/checkout/pricing.py", line 38, in rounded
    return round(amount, DECIMALS[cart["currency"]])
KeyError: 'currency'
"""


def line(at: datetime, text: str) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000Z {text}\n"


def broken_log(failures: int = 12) -> str:
    before = [line(DEPLOY - timedelta(seconds=60 - n), f"INFO GET /carts/c-{n} 200 in {n} ms") for n in range(50)]
    after = [line(DEPLOY + timedelta(seconds=n), f"INFO GET /carts/c-{n} 200 in {n} ms") for n in range(20)]
    failed = [
        line(DEPLOY + timedelta(seconds=5 + n), f"ERROR order of cart c-{n} failed") + TRACEBACK
        for n in range(failures)
    ]
    return "".join(before + after + failed)


async def test_failures_are_counted_before_and_after_the_deploy(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.write_text(broken_log())
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    (failure,) = found.failures
    assert failure.raised.headline == "KeyError: 'currency'"
    assert (failure.before, failure.after) == (0, 12)
    assert found.onset == failure.first_at == DEPLOY + timedelta(seconds=5)
    assert (found.errors_before, found.errors_after) == (0, 12)
    assert found.complete
    assert failure.evidence.kind is EvidenceKind.TRACEBACK
    assert failure.evidence.summary == "`KeyError: 'currency'` 0 before the deploy, 12 after since 10:00:05Z"
    assert 'DECIMALS[cart["currency"]]' in failure.evidence.excerpt


async def test_new_messages_come_first_and_numbers_make_no_difference(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.write_text(broken_log())
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    first = found.templates[0]
    assert first.new
    assert first.after == 12
    assert "ERROR order of cart" in first.template
    (known,) = [template for template in found.templates if not template.new]
    assert (known.before, known.after) == (50, 20)


async def test_failures_of_one_kind_are_one_group_whatever_their_release(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.write_text(broken_log(2) + line(DEPLOY, "ERROR x") + TRACEBACK.replace("/41/", "/42/").replace("38", "39"))
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    assert [failure.after for failure in found.failures] == [3]


async def test_a_failure_that_is_not_new_ranks_below_one_that_is(tmp_path: Path, clock: ManualClock) -> None:
    old = "".join(
        line(DEPLOY + timedelta(seconds=n), "ERROR mail") + TRACEBACK.replace("KeyError: 'currency'", "OSError: full")
        for n in range(-30, 30)
    )
    log = tmp_path / "checkout.log"
    log.write_text(old + broken_log(3))
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    assert [(f.raised.type, f.before, f.after) for f in found.failures] == [("KeyError", 0, 3), ("OSError", 30, 30)]


async def test_json_logs_are_read_alike(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.jsonl"
    lines = [
        {"time": (DEPLOY + timedelta(seconds=n)).isoformat(), "level": "error", "msg": "failed", "exc_info": TRACEBACK}
        for n in range(3)
    ]
    log.write_text("".join(json.dumps(each) + "\n" for each in lines))
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    assert [(f.raised.type, f.after) for f in found.failures] == [("KeyError", 3)]
    assert found.onset == DEPLOY


async def test_of_a_big_file_only_the_end_is_read(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.write_text(line(DEPLOY, "INFO " + "x" * 990) * 20_000 + broken_log(4))
    found = await logs.investigate([log], clock=clock, split=DEPLOY, max_bytes=200_000)
    assert not found.complete
    assert found.records < 300
    assert found.failures[0].after == 4


async def test_errors_without_a_traceback_have_an_onset_too(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "web.log"
    log.write_text(line(DEPLOY, "INFO fine") + line(DEPLOY + timedelta(seconds=7), "ERROR upstream timed out"))
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    assert not found.failures
    assert found.onset == DEPLOY + timedelta(seconds=7)


async def test_secrets_in_a_log_do_not_become_evidence(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.write_text(
        line(DEPLOY, "ERROR failed password=hunter2secret") + TRACEBACK.replace("'currency'", "token=abcd1234")
    )
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    kept = " ".join(f"{evidence.summary} {evidence.excerpt}" for evidence in found.all_evidence())
    assert "hunter2secret" not in kept
    assert "abcd1234" not in kept


async def test_an_empty_log_is_no_failure(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.touch()
    found = await logs.investigate([log], clock=clock, split=DEPLOY)
    assert (found.records, found.failures, found.templates, found.onset) == (0, (), (), None)


async def test_bytes_that_are_no_text_break_nothing(tmp_path: Path, clock: ManualClock) -> None:
    log = tmp_path / "checkout.log"
    log.write_bytes(bytes(range(256)) * 50 + b"\n" + broken_log(2).encode())
    assert (await logs.investigate([log], clock=clock, split=DEPLOY)).failures[0].after == 2


async def test_a_missing_log_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match=r"gone\.log cannot be read: No such file"):
        await logs.investigate([tmp_path / "gone.log"], clock=clock)


async def test_no_logs_in_the_catalogue_is_told(clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match="No log files are known"):
        await logs.investigate([], clock=clock)
