"""Tracebacks are read as Python prints them, chained ones included."""

import traceback

import pytest

from incidents.tools import tracebacks
from incidents.tools.tracebacks import Link

PLAIN = """Traceback (most recent call last):
  File "/srv/releases/41/checkout/server.py", line 50, in answer
    status, body = route()
                   ^^^^^^^
  File "/srv/releases/41/checkout/pricing.py", line 38, in rounded
    return round(amount, DECIMALS[cart["currency"]])
                                  ~~~~^^^^^^^^^^^^
KeyError: 'currency'
"""


def printed(raising: "type[Exception] | None" = None) -> str:
    try:
        try:
            {}["currency"]
        except KeyError as error:
            if raising is None:
                raise RuntimeError("cannot price the cart") from error
            raise raising("while we were at it")  # noqa: B904 - the context is the point
    except Exception:  # noqa: BLE001 - all kinds are tried
        return traceback.format_exc()


def test_type_message_and_frames_are_read() -> None:
    (found,) = tracebacks.parse(PLAIN)
    assert found.last.headline == "KeyError: 'currency'"
    assert [(f.path, f.line, f.function) for f in found.last.frames] == [
        ("/srv/releases/41/checkout/server.py", 50, "answer"),
        ("/srv/releases/41/checkout/pricing.py", 38, "rounded"),
    ]
    assert found.last.frames[-1].code == 'return round(amount, DECIMALS[cart["currency"]])'
    assert found.text == PLAIN.strip()


def test_what_stands_around_is_skipped() -> None:
    text = f"2026-11-21 12:00:00 ERROR failed\n{PLAIN}2026-11-21 12:00:01 INFO next\n{PLAIN}"
    assert [found.last.type for found in tracebacks.parse(text)] == ["KeyError", "KeyError"]


def test_a_cause_comes_before_what_it_caused() -> None:
    (found,) = tracebacks.parse(printed())
    assert [(raised.type, raised.link) for raised in found.chain] == [
        ("KeyError", Link.CAUSE),
        ("RuntimeError", Link.NONE),
    ]
    assert found.origin.type == "KeyError"
    assert found.last.message == "cannot price the cart"


def test_an_exception_raised_while_another_was_handled_is_chained() -> None:
    (found,) = tracebacks.parse(printed(ValueError))
    assert [raised.link for raised in found.chain] == [Link.CONTEXT, Link.NONE]


def test_a_dotted_type_and_a_message_with_colons_are_read() -> None:
    (found,) = tracebacks.parse(PLAIN.replace("KeyError: 'currency'", "shop.errors.Bad: a: b: c"))
    assert (found.last.type, found.last.message) == ("shop.errors.Bad", "a: b: c")


def test_an_exception_without_a_message_is_read() -> None:
    (found,) = tracebacks.parse(PLAIN.replace("KeyError: 'currency'", "TimeoutError"))
    assert found.last.headline == "TimeoutError"


def test_frames_without_source_are_read() -> None:
    frames = '  File "<string>", line 1, in <module>\n  File "x.py", line 2, in f\n'
    text = f"Traceback (most recent call last):\n{frames}E: m\n"
    (found,) = tracebacks.parse(text)
    assert [(f.path, f.code) for f in found.last.frames] == [("<string>", ""), ("x.py", "")]


def test_an_exception_group_is_read() -> None:
    try:
        raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])  # noqa: TRY301 - to be printed
    except ExceptionGroup:
        found = tracebacks.parse(traceback.format_exc())
    types = [raised.type for each in found for raised in each.chain]
    assert types[0] == "ExceptionGroup"


@pytest.mark.parametrize("cut", range(0, len(PLAIN), 7))
def test_a_traceback_that_was_cut_off_breaks_nothing(cut: int) -> None:
    for found in tracebacks.parse(PLAIN[:cut]):
        assert found.last.type
    for found in tracebacks.parse(PLAIN[cut:]):
        assert found.last.type == "KeyError"
