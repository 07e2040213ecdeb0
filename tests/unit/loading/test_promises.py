"""Each promise of docs/reliability.md names a proof that exists, and each metric stands in docs/operations.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
HERE = "tests/integration/outage"  # where the section on Slack's misbehaviour looks, as its heading says
_FACT = re.compile(r"`(test_\w+)`")
_FILE = re.compile(r"`((?:tests|bot|incidents|escalation)/[\w./-]+)`")
_SHORT = re.compile(r"`(test_\w+\.py)`")
_METRIC = re.compile(r'(?:Counter|Gauge|Histogram)\(\s*"(sitrep_\w+)",\s*"[^"]*"(?:,\s*(\([^)]*\)))?')
_TOLD = re.compile(r"`(sitrep_\w+)(?:\{([^}]*)\})?`")
_PROOF = re.compile(r"`(?:test_|tests/|make |python -m )")


def test_every_proof_that_is_named_exists() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", code))
    assert set(_FACT.findall(TEXT)) - there == set()
    paths = {*_FILE.findall(TEXT), *(f"{HERE}/{name}" for name in _SHORT.findall(TEXT))}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_promise_names_a_proof() -> None:
    bare, of_promises = [], False
    for line in TEXT.splitlines():
        if not line.startswith("|"):
            of_promises = False
        elif line.startswith("| promise"):
            of_promises = True
        elif of_promises and not line.startswith("|---") and not _PROOF.search(line.rpartition(" | ")[2]):
            bare.append(line)
    assert bare == []


def test_every_metric_stands_in_the_operations_page_with_its_labels() -> None:
    files = (file for package in ("bot", "incidents", "escalation") for file in (ROOT / package).rglob("*.py"))
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    made = {name: re.findall(r'"(\w+)"', labels) for name, labels in _METRIC.findall(code)}
    told = {name: re.findall(r"(\w+)(?:=|,|$)", labels) for name, labels in _TOLD.findall(page)}
    assert len(made) > 10
    assert told == made
