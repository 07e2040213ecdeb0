"""Log lines become records, whatever their form."""

import json
from datetime import UTC, datetime

import pytest

from incidents.tools import logrecords

AT = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-21T14:02:11Z",
        "2026-11-21 14:02:11",
        "[2026-11-21T14:02:11.000+00:00]",
        "2026-11-21 14:02:11,000",
        "2026-11-21T15:02:11+0100",
        "2026-11-21 14:02:11 UTC",
    ],
)
def test_times_are_read_in_utc(time: str) -> None:
    (record,) = logrecords.parse(f"{time} ERROR shop: failed\n", "a.log")
    assert record.at == AT
    assert record.level == "ERROR"
    assert record.failed
    assert record.message == "ERROR shop: failed"


def test_the_common_log_format_is_read() -> None:
    line = '127.0.0.1 - - [21/Nov/2026:14:02:11 +0000] "POST /orders HTTP/1.1" 500 12\n'
    (record,) = logrecords.parse(line, "access.log")
    assert record.at == AT
    assert "POST /orders" in record.message


def test_lines_without_a_time_belong_to_the_record_before() -> None:
    detail = "Traceback (most recent call last):\n  File x\nE: y"
    text = f"2026-11-21T14:02:11Z ERROR failed\n{detail}\n2026-11-21T14:02:12Z INFO ok\n"
    first, second = logrecords.parse(text, "a.log")
    assert first.detail == detail
    assert (second.message, second.detail, second.line) == ("INFO ok", "", 5)


@pytest.mark.parametrize("time", ["2026-11-21T14:02:11Z", AT.timestamp(), int(AT.timestamp() * 1000)])
def test_json_lines_are_read(time: str | float) -> None:
    line = {"timestamp": time, "level": "error", "message": "failed", "exception": "Traceback …", "cart": "c-1"}
    (record,) = logrecords.parse(json.dumps(line) + "\n", "a.jsonl")
    assert (record.at, record.level, record.message) == (AT, "ERROR", "failed cart=c-1")
    assert record.detail == "Traceback …"


@pytest.mark.parametrize("text", ["", "\n\n", "{not json\n", "2026-99-99T99:99:99Z ERROR x\n", "no time at all\n"])
def test_rubbish_breaks_nothing(text: str) -> None:
    for record in logrecords.parse(text, "a.log"):
        assert record.at is None


def test_numbers_and_ids_are_masked() -> None:
    assert logrecords.mask("order 17 of 0xff failed") == logrecords.mask("order 4 of 0xab failed")
