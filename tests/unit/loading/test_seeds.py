"""docs/seeds.md points at nothing that is gone, and claims nothing that no test shows."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
STATES = ("works", "in part", "not yet", "ours", "noted")
POINTERS = re.compile(r"`((?:bot|escalation|incidents|templates|tests)/[\w./-]+)(?:::(\w+))?`")


@dataclass(frozen=True)
class Row:
    line: int
    statement: str
    state: str
    carried_by: str
    shown_by: str


def _rows() -> list[Row]:
    found = []
    for number, line in enumerate(TEXT.splitlines(), start=1):
        if line.startswith("| ") and not line.startswith("| statement "):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            assert len(cells) == 4, f"line {number} has {len(cells)} cells"
            found.append(Row(number, *cells))
    return found


ROWS = _rows()


@cache
def _tests_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("path", "test"), sorted(set(POINTERS.findall(TEXT))))
def test_what_is_pointed_at_exists(path: str, test: str) -> None:
    there = ROOT / path
    assert there.exists()
    assert not test or test in _tests_in(there)


def test_every_row_says_how_far_it_is() -> None:
    assert [row for row in ROWS if row.state not in STATES] == []


def test_what_works_names_what_carries_it_and_a_test() -> None:
    bare = [
        row
        for row in ROWS
        if row.state in ("works", "ours")
        and not (POINTERS.search(row.carried_by) and any(path.startswith("tests/") for path, _ in _in(row.shown_by)))
    ]
    assert bare == []


def test_what_works_in_part_says_what_it_has_and_what_is_missing() -> None:
    assert [
        row for row in ROWS if row.state == "in part" and not (_in(row.carried_by) and len(row.carried_by) > 60)
    ] == []


def test_no_statement_has_two_rows_under_one_heading() -> None:
    headings = [number for number, line in enumerate(TEXT.splitlines(), start=1) if line.startswith("#")]
    places = [(max(each for each in headings if each < row.line), row.statement) for row in ROWS]
    assert len(places) == len(set(places))


def _in(cell: str) -> list[tuple[str, str]]:
    return POINTERS.findall(cell)
