"""Reads what unittest and pytest print, into the ids of the tests that ran."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

#: Makes pytest name every test in its summary, without colours and without writing a cache into the worktree.
PYTEST_OPTIONS = "-rpfEsx --color=no -p no:cacheprovider"


@dataclass(frozen=True)
class Report:
    """The tests that a run named, by outcome."""

    passed: frozenset[str]
    failed: frozenset[str]
    errors: frozenset[str]
    skipped: frozenset[str]
    none: bool  #: the runner says that there are no tests
    passed_count: int  #: from the summary line, where single passes were not listed
    ran: bool  #: at least one test was started


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
# `test_total (tests.unit.test_pricing.PricingTest.test_total) ... `, where a docstring may put a line in between.
_STARTED = re.compile(
    r"^(?P<name>\w+) \((?P<place>[\w.]+)\)(?:\n(?![=-]{5}|\w+ \()[^\n]*?)? \.\.\.(?: |$)", re.MULTILINE
)
_ENDED = re.compile(r"(?<!\w)(?P<outcome>ok|FAIL|ERROR|skipped .*|expected failure|unexpected success)$", re.MULTILINE)
_REPORT = re.compile(r"^(?:={20,}|-{20,})$", re.MULTILINE)  # where unittest's report of failures begins
_HEAD = re.compile(r"^(?P<outcome>FAIL|ERROR): (?P<name>[\w.]+) \((?P<place>[\w.<>]+)\)", re.MULTILINE)
_NO_TESTS = re.compile(r"^(?:Ran 0 tests in|NO TESTS RAN|=* ?no tests ran in|collected 0 items$)", re.MULTILINE)
_RAN = re.compile(r"^Ran (?P<count>\d+) tests? in ", re.MULTILINE)
# `FAILED tests/test_a.py::test_b[x - y] - KeyError: 'c'`
_PYTEST = re.compile(
    r"^(?P<outcome>PASSED|FAILED|SUBFAILED|ERROR|XFAIL|XPASS)(?:\(.*?\)|\[.*?\])?"
    r" (?P<id>\S[^\[\n]*?(?:\[.*?\])?)(?: - .*)?$",
    re.MULTILINE,
)
_PYTEST_END = re.compile(r"^=* ?(?P<counts>\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s", re.MULTILINE)
_PYTEST_KINDS = {
    "PASSED": "passed",
    "XPASS": "passed",
    "FAILED": "failed",
    "SUBFAILED": "failed",
    "ERROR": "errors",
    "XFAIL": "skipped",
}
_NOT_LOADED = "unittest.loader._FailedTest"


def parse(output: str) -> Report:
    """Return the tests that `output` of unittest (`-v`) or pytest names, with their outcomes."""
    text = _ANSI.sub("", output)
    is_pytest = "= test session starts =" in text or _PYTEST_END.search(text) is not None
    return _pytest(text) if is_pytest else _unittest(text)


def belongs_to(test: str, paths: Iterable[str]) -> bool:
    """Tell whether the test with this id lies in one of the files at `paths`."""
    place = test.partition("::")[0]
    return any(place == path or _in_module(test, path) for path in paths)


def _in_module(test: str, path: str) -> bool:
    parts = PurePosixPath(path).with_suffix("").parts
    return any(test.startswith(".".join(parts[start:]) + ".") for start in range(len(parts)))


def _unittest(text: str) -> Report:
    found: dict[str, set[str]] = {"passed": set(), "failed": set(), "errors": set(), "skipped": set()}
    body = text[: report.start()] if (report := _REPORT.search(text)) else text
    starts = list(_STARTED.finditer(body))
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(body)
        # What the test logged stands between the dots and the outcome, so the last one counts.
        outcomes = [ended["outcome"] for ended in _ENDED.finditer(body, start.end(), end)]
        if outcomes:
            found[_kind(outcomes[-1])].add(_unittest_id(start))
    for head in _HEAD.finditer(text):
        found["failed" if head["outcome"] == "FAIL" else "errors"].add(_unittest_id(head))
    ran = _RAN.search(text)
    failed, errors = found["failed"], found["errors"]
    passed = found["passed"] - failed - errors  # a test with failing subtests may print `ok` for the others
    count = max(0, int(ran["count"]) - len(failed | errors) - len(found["skipped"])) if ran else len(passed)
    started = bool(starts) or (ran is not None and int(ran["count"]) > 0)
    return _report(text, {**found, "passed": passed}, count, started)


def _kind(outcome: str) -> str:
    if outcome == "FAIL" or outcome == "unexpected success":
        return "failed"
    if outcome == "ERROR":
        return "errors"
    return "passed" if outcome == "ok" else "skipped"


def _unittest_id(found: re.Match[str]) -> str:
    """Return the dotted id; before Python 3.11 the place did not end with the test's name."""
    name, place = found["name"], found["place"]
    if place.startswith(_NOT_LOADED):
        return name
    return place if place.endswith(f".{name}") else f"{place}.{name}"


def _pytest(text: str) -> Report:
    found: dict[str, set[str]] = {"passed": set(), "failed": set(), "errors": set(), "skipped": set()}
    for line in _PYTEST.finditer(text):
        found[_PYTEST_KINDS[line["outcome"]]].add(line["id"])
    end = _PYTEST_END.search(text)
    counts = {word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", end["counts"])} if end else {}
    passed = found["passed"] - found["failed"] - found["errors"]  # a subtest or its teardown failed
    ran = any(counts.get(word, 0) for word in ("passed", "failed", "error", "errors", "skipped", "xfailed", "xpassed"))
    return _report(text, {**found, "passed": passed}, counts.get("passed", len(passed)), ran or bool(passed))


def _report(text: str, found: dict[str, set[str]], passed_count: int, ran: bool) -> Report:
    frozen = {outcome: frozenset(tests) for outcome, tests in found.items()}
    return Report(**frozen, none=bool(_NO_TESTS.search(text)), passed_count=passed_count, ran=ran)
