"""Past solutions are found by what they share with an incident, and nothing else is."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from incidents.knowledge import solutions
from incidents.tools.evidence import EvidenceKind

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)

CURRENCY = """---
title: Orders without a currency break pricing
category: runtime-errors
tags: [pricing, currency]
symptoms:
  - "KeyError: 'currency' in pricing.py"
---
# What happened

The default for the currency was dropped when prices were refactored. Old carts have none.
"""
POOL = """---
title: Connection pool exhausted
tags: [database, pool, timeout]
---
Requests hang for thirty seconds and fail with PoolTimeout. A migration held a lock.
"""
CERTIFICATE = "# Certificate of the payment vendor expired\n\nAll calls failed with SSLCertVerificationError.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in {
        "runtime-errors/currency.md": CURRENCY,
        "database/pool.md": POOL,
        "vendors/certificate.md": CERTIFICATE,
        "patterns/critical-patterns.md": "# Critical patterns\n\nNever drop a default in a refactoring.\n",
    }.items():
        path = tmp_path / solutions.FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def best(repository: Path, text: str) -> str | None:
    matches = solutions.search(solutions.read(repository), text)
    return matches[0].solution.title if matches else None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (
            "Checkout returns 500s\nKeyError: 'currency'\n  File pricing.py line 88",
            "Orders without a currency break pricing",
        ),
        ("PoolTimeout: connection pool exhausted", "Connection pool exhausted"),
        ("ssl.SSLCertVerificationError: certificate expired", "Certificate of the payment vendor expired"),
    ],
)
def test_the_solution_of_the_same_error_comes_first(repository: Path, text: str, title: str) -> None:
    assert best(repository, text) == title


@pytest.mark.parametrize(
    "text", ["", "ZeroDivisionError in reports.py", "the and for with was", "🔥🔥🔥", "مرحبا بالعالم"]
)
def test_an_unknown_error_finds_nothing(repository: Path, text: str) -> None:
    assert best(repository, text) is None


def test_a_match_says_which_words_are_shared(repository: Path) -> None:
    match = solutions.search(solutions.read(repository), "KeyError: 'currency'")[0]
    assert set(match.shared) == {"currency", "keyerror", "key"}
    assert 0 < match.score <= 1


def test_patterns_for_every_analysis_are_found_by_their_name(repository: Path) -> None:
    patterns = solutions.critical_patterns(solutions.read(repository))
    assert [pattern.title for pattern in patterns] == ["Critical patterns"]


def test_a_citation_is_evidence_of_knowledge(repository: Path) -> None:
    match = solutions.search(solutions.read(repository), "PoolTimeout")[0]
    evidence = solutions.cite(match.solution, captured_at=NOW)
    assert evidence.kind is EvidenceKind.KNOWLEDGE
    assert evidence.source == "docs/solutions/database/pool.md"
    assert "PoolTimeout" in evidence.excerpt


def test_a_repository_without_solutions_has_none(tmp_path: Path) -> None:
    assert solutions.read(tmp_path) == ()


def test_what_cannot_be_read_is_left_out_and_the_rest_is_found(repository: Path, tmp_path: Path) -> None:
    folder = repository / solutions.FOLDER
    (folder / "latin.md").write_bytes(b"Caf\xe9 KeyError currency")
    (folder / "huge.md").write_text("currency " * 10_000)
    (folder / "folder.md").mkdir()
    (folder / "gone.md").symlink_to(folder / "nowhere.md")
    (folder / "broken.md").write_text("---\ntitle: [\n---\n# Broken front matter\n\nIts words still count: gearbox.\n")
    titles = {solution.title for solution in solutions.read(repository)}
    assert titles == {
        "Orders without a currency break pricing",
        "Connection pool exhausted",
        "Certificate of the payment vendor expired",
        "Critical patterns",
        "Broken front matter",
    }
    assert best(repository, "gearbox") == "Broken front matter"


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\n")
    folder = tmp_path / "repository" / solutions.FOLDER
    folder.mkdir(parents=True)
    (folder / "link.md").symlink_to(secret)
    assert solutions.read(tmp_path / "repository") == ()
