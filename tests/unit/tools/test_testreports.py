"""Test ids and outcomes are read from what unittest and pytest print."""

import pytest

from incidents.tools import testreports

UNITTEST = """test_skip (tests.test_a.A.test_skip) ... skipped 'why not'
test_sub (tests.test_a.A.test_sub) ...
  test_sub (tests.test_a.A.test_sub) (i=1) ... FAIL
test_x (tests.test_a.A.test_x)
What it shows. ... ok
test_y (tests.test_a.A.test_y) ... FAIL
test_z (tests.test_a.A.test_z) ... WARNING:root:hey ok
ok
test_e (tests.test_a.A.test_e) ... ERROR
tests.test_gone (unittest.loader._FailedTest.tests.test_gone) ... ERROR

======================================================================
ERROR: tests.test_gone (unittest.loader._FailedTest.tests.test_gone)
----------------------------------------------------------------------
ImportError: Failed to import test module: tests.test_gone

======================================================================
FAIL: test_sub (tests.test_a.A.test_sub) (i=1)
----------------------------------------------------------------------
AssertionError: 1 != 0

----------------------------------------------------------------------
Ran 7 tests in 0.002s

FAILED (failures=2, errors=2, skipped=1)
"""
PYTEST = """============================= test session starts ==============================
collected 6 items

tests/test_a.py ..F.E                                                      [100%]

=========================== short test summary info ============================
PASSED tests/test_a.py::test_x
PASSED tests/test_a.py::test_p[a - b]
PASSED tests/test_a.py::A::test_sub
SKIPPED [1] tests/test_a.py:9: why not
SUBFAILED(i=1) tests/test_a.py::A::test_sub - AssertionError: 1 != 0
FAILED tests/test_a.py::test_y - KeyError: ['x']
FAILED tests/test_a.py::test_p[c - d] - assert [1] == [2]
ERROR tests/test_b.py - ImportError: no
========================= 3 failed, 2 passed, 1 skipped, 1 error in 0.46s ==========================
"""


def test_unittest_outcomes_are_read() -> None:
    report = testreports.parse(UNITTEST)
    assert report.passed == {"tests.test_a.A.test_x", "tests.test_a.A.test_z"}
    assert report.failed == {"tests.test_a.A.test_sub", "tests.test_a.A.test_y"}
    assert report.errors == {"tests.test_a.A.test_e", "tests.test_gone"}
    assert report.skipped == {"tests.test_a.A.test_skip"}
    assert report.ran


def test_ids_of_older_pythons_are_completed() -> None:
    old = "test_x (tests.test_a.A) ... ok\n\n----------------------------------------\nRan 1 test in 0.1s\n\nOK\n"
    assert testreports.parse(old).passed == {"tests.test_a.A.test_x"}


def test_pytest_outcomes_are_read() -> None:
    report = testreports.parse(PYTEST)
    assert report.passed == {"tests/test_a.py::test_x", "tests/test_a.py::test_p[a - b]"}
    assert report.failed == {
        "tests/test_a.py::test_y",
        "tests/test_a.py::test_p[c - d]",
        "tests/test_a.py::A::test_sub",
    }
    assert report.errors == {"tests/test_b.py"}
    assert report.ran


def test_colours_are_ignored() -> None:
    assert testreports.parse("test_x (tests.a.A.test_x) ... \x1b[32mok\x1b[0m\n").passed == {"tests.a.A.test_x"}


def test_a_test_that_never_ended_did_not_pass() -> None:
    report = testreports.parse("test_x (tests.a.A.test_x) ... ok\ntest_hang (tests.a.A.test_hang) ... ")
    assert report.passed == {"tests.a.A.test_x"}
    assert not report.failed


@pytest.mark.parametrize(
    "output",
    [
        "\n----------------------------------------------------------------------\nRan 0 tests in 0.000s\n\nOK\n",
        "\n----------------------\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n",
        "===== test session starts =====\ncollected 0 items\n\n===== no tests ran in 0.01s =====\n",
    ],
)
def test_no_tests_are_told_from_a_broken_run(output: str) -> None:
    report = testreports.parse(output)
    assert report.none
    assert not report.ran


def test_rubbish_is_no_run() -> None:
    report = testreports.parse("bash: pytest: command not found\n")
    assert not report.ran
    assert not report.none


@pytest.mark.parametrize(
    ("test", "path", "belongs"),
    [
        ("tests/unit/test_a.py::test_x", "tests/unit/test_a.py", True),
        ("tests/unit/test_a.py::test_x", "tests/unit/test_b.py", False),
        ("tests.unit.test_a.A.test_x", "tests/unit/test_a.py", True),
        ("test_a.A.test_x", "tests/unit/test_a.py", True),
        ("test_ab.A.test_x", "tests/unit/test_a.py", False),
    ],
)
def test_a_test_is_found_in_its_file(test: str, path: str, belongs: bool) -> None:
    assert testreports.belongs_to(test, [path]) is belongs
