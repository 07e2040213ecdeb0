"""docs/conformance.md points at nothing that is gone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:bot|escalation|incidents|templates|tests)/[\w./-]+)`", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_what_is_pointed_at_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_row_says_how_far_it_is() -> None:
    rows = [line.split("|")[2].strip() for line in TEXT.splitlines() if line.startswith("| ")]
    states = ("state", "works", "in part", "to come", "ours", "noted")
    assert [row for row in rows if not row.startswith(states)] == []
